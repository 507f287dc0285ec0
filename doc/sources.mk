# Parts of this folder go into the build and the tarball here.
