-- While something is put aside: what is blocked as well is found quickly.
SET lock_timeout = '100ms'
