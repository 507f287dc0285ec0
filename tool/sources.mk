# Parts of this folder go into the build and the tarball here.
bin_PROGRAMS += tgctl
tgctl_SOURCES = \
	tool/main.c tool/commands.h \
	tool/options.c tool/options.h \
	tool/pg.c tool/pg.h \
	tool/cmd_migrate.c
tgctl_LDADD = libmigrations.a libproto.a libcommon.a \
	$(LIBPQ_LIBS) $(LIBEVENT_LIBS) $(JANSSON_LIBS) -lpthread -lm
