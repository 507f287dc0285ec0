# What every program uses and what knows nothing of trackers.
noinst_LIBRARIES += libcommon.a
libcommon_a_SOURCES = \
	common/cidr.c common/cidr.h \
	common/clock.c common/clock.h \
	common/conf.h common/conf_impl.h \
	common/conf_keys.c common/conf_load.c common/conf_print.c common/conf_set.c \
	common/db_clock.c common/db_clock.h \
	common/intmap.c common/intmap.h \
	common/ipc.c common/ipc.h \
	common/log.c common/log.h \
	common/log_fold.c common/log_fold.h \
	common/log_out.c common/log_out.h \
	common/memory.c common/memory.h \
	common/mutex.c common/mutex.h \
	common/sandbox.c common/sandbox.h \
	common/trace_request.c common/trace_request.h
