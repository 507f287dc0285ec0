# The master. Listed in t/sources.mk.
if HAVE_CHECK
master_tests = t/unit/check_slot t/unit/check_listen t/unit/check_metrics t/unit/check_pidfile \
	t/unit/check_http t/unit/check_control_socket t/unit/check_notify t/unit/check_handover \
	t/unit/check_master
check_PROGRAMS += $(master_tests) t/unit/fake_gateway
TESTS += $(master_tests)
master_test_libs = libmaster.a libcommon.a $(CHECK_LIBS) $(LIBEVENT_LIBS) $(JANSSON_LIBS) \
	$(LIBPQ_LIBS) -lpthread
t_unit_check_slot_SOURCES = t/unit/check_slot.c
t_unit_check_slot_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_slot_LDADD = $(master_test_libs)
t_unit_check_listen_SOURCES = t/unit/check_listen.c
t_unit_check_listen_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_listen_LDADD = $(master_test_libs)
t_unit_check_metrics_SOURCES = t/unit/check_metrics.c
t_unit_check_metrics_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_metrics_LDADD = $(master_test_libs)
t_unit_check_pidfile_SOURCES = t/unit/check_pidfile.c
t_unit_check_pidfile_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_pidfile_LDADD = $(master_test_libs)
t_unit_check_http_SOURCES = t/unit/check_http.c
t_unit_check_http_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_http_LDADD = $(master_test_libs)
t_unit_check_control_socket_SOURCES = t/unit/check_control_socket.c
t_unit_check_control_socket_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_control_socket_LDADD = $(master_test_libs)
t_unit_check_notify_SOURCES = t/unit/check_notify.c
t_unit_check_notify_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_notify_LDADD = $(master_test_libs)
t_unit_check_handover_SOURCES = t/unit/check_handover.c
t_unit_check_handover_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_handover_LDADD = $(master_test_libs)
t_unit_check_master_SOURCES = t/unit/check_master.c t/unit/check_master.h \
	t/unit/check_master_rig.c t/unit/check_master_upgrade.c
t_unit_check_master_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_master_LDADD = $(master_test_libs)
# The program itself, with workers that only pretend.
t_unit_fake_gateway_SOURCES = master/main.c t/unit/fake_worker.c
t_unit_fake_gateway_CFLAGS = $(AM_CFLAGS)
t_unit_fake_gateway_LDADD = $(master_test_libs)
endif
