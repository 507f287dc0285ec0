# The pure parts of the worker. Listed in t/sources.mk.
if HAVE_CHECK
check_PROGRAMS += t/unit/check_session t/unit/check_batch t/unit/check_command \
	t/unit/check_proxy t/unit/check_guards t/unit/check_trace \
	t/unit/check_pace t/unit/check_harden
TESTS += t/unit/check_session t/unit/check_batch t/unit/check_command \
	t/unit/check_proxy t/unit/check_guards t/unit/check_trace \
	t/unit/check_pace t/unit/check_harden
t_unit_check_session_SOURCES = t/unit/check_session.c
t_unit_check_session_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_session_LDADD = libworker.a libproto.a libcommon.a $(CHECK_LIBS)
t_unit_check_batch_SOURCES = t/unit/check_batch.c
t_unit_check_batch_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_batch_LDADD = libworker.a libproto.a libcommon.a $(CHECK_LIBS)
t_unit_check_command_SOURCES = t/unit/check_command.c
t_unit_check_command_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_command_LDADD = libworker.a libproto.a libcommon.a $(CHECK_LIBS)
t_unit_check_proxy_SOURCES = t/unit/check_proxy.c
t_unit_check_proxy_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_proxy_LDADD = libworker.a libproto.a libcommon.a $(CHECK_LIBS)
t_unit_check_guards_SOURCES = t/unit/check_guards.c
t_unit_check_guards_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_guards_LDADD = libworker.a libproto.a libcommon.a $(CHECK_LIBS) -lpthread
t_unit_check_trace_SOURCES = t/unit/check_trace.c
t_unit_check_trace_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_trace_LDADD = libworker.a libproto.a libcommon.a $(CHECK_LIBS) $(JANSSON_LIBS)
t_unit_check_pace_SOURCES = t/unit/check_pace.c
t_unit_check_pace_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_pace_LDADD = libworker.a $(CHECK_LIBS)
t_unit_check_harden_SOURCES = t/unit/check_harden.c
t_unit_check_harden_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_harden_LDADD = libworker.a $(CHECK_LIBS)
endif
