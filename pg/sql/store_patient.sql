-- As in link_settings.
SET lock_timeout = '1s'
