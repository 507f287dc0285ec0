# Parts of this folder go into the build and the tarball here.
EXTRA_DIST += etc/gateway.conf.sample
