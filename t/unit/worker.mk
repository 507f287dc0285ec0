# The worker's tasks. Listed in t/sources.mk. check_tasks starts a PostgreSQL of its own.
if HAVE_CHECK
check_PROGRAMS += t/unit/check_pgarray t/unit/check_tasks
TESTS += t/unit/check_pgarray t/unit/check_tasks
t_unit_check_pgarray_SOURCES = t/unit/check_pgarray.c
t_unit_check_pgarray_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_pgarray_LDADD = libworker.a $(CHECK_LIBS)
t_unit_check_tasks_SOURCES = t/unit/check_tasks.c t/unit/check_tasks.h \
	t/unit/check_tasks_rig.c t/unit/check_tasks_devices.c t/unit/check_tasks_live.c \
	t/unit/check_tasks_rest.c t/unit/pg_fixture.c t/unit/pg_fixture.h
t_unit_check_tasks_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_tasks_LDADD = libworker.a libproto.a libcommon.a $(CHECK_LIBS) $(LIBPQ_LIBS) \
	$(LIBEVENT_LIBS) $(JANSSON_LIBS) -lpthread
endif
