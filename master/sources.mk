# Parts of this folder go into the build and the tarball here.
# All but main() is a library, so that the tests can run a master with workers of their own.
noinst_LIBRARIES += libmaster.a
libmaster_a_SOURCES = \
	master/master.c master/master.h \
	master/between.c master/cleanup.c master/contact.c master/lend.c master/memory.c master/reload.c \
	master/signals.c \
	master/spawn.c master/status.c master/successor.c master/upgrade.c \
	master/worker_channel.c \
	master/resolver.c master/resolver.h master/resolver_main.c \
	master/descriptors.c master/descriptors.h \
	master/handover.c master/handover.h \
	master/endpoint.c master/endpoint.h \
	master/sd_notify.c master/sd_notify.h \
	master/slot.c master/slot.h \
	master/listen.c master/listen.h \
	master/http.c master/http.h \
	master/trace_clients.c master/trace_clients.h \
	master/operator_socket.c master/operator_socket.h \
	master/metrics.c master/metrics.h \
	master/daemon.c master/daemon.h \
	master/pidfile.c master/pidfile.h \
	master/privs.c master/privs.h \
	master/title.c master/title.h

sbin_PROGRAMS += telematics-gateway
telematics_gateway_SOURCES = master/main.c
telematics_gateway_LDADD = libmaster.a libworker.a libpg.a libshm.a libproto.a libcommon.a \
	$(LIBPQ_LIBS) $(LIBEVENT_LIBS) $(JANSSON_LIBS) -lpthread
