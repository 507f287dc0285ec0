bin_PROGRAMS += tgctl
tgctl_SOURCES = tool/main.c
tgctl_LDADD = libproto.a libcommon.a \
	$(LIBPQ_LIBS) $(LIBEVENT_LIBS) $(JANSSON_LIBS) -lpthread -lm
