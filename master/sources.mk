sbin_PROGRAMS += telematics-gateway
telematics_gateway_SOURCES = \
	master/main.c \
	master/master.c master/master.h \
	master/slot.c master/slot.h \
	master/listen.c master/listen.h \
	master/http.c master/http.h \
	master/metrics.c master/metrics.h \
	master/daemon.c master/daemon.h
telematics_gateway_LDADD = libworker.a libproto.a libcommon.a \
	$(LIBPQ_LIBS) $(LIBEVENT_LIBS) $(JANSSON_LIBS) -lpthread
