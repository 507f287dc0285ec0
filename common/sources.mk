noinst_LIBRARIES += libcommon.a
libcommon_a_SOURCES = \
	common/clock.c common/clock.h \
	common/log.c common/log.h \
	common/log_fold.c common/log_fold.h \
	common/addresses.c common/addresses.h \
	common/conf.c common/conf.h common/conf_load.c common/conf_set.h \
	common/ipc.c common/ipc.h \
	common/control.c common/control.h \
	common/memory.c common/memory.h \
	common/stats.c common/stats.h \
	common/shm.c common/shm.h \
	common/registry.c common/registry.h \
	common/crc_ledger.c common/crc_ledger.h \
	common/cidr.c common/cidr.h \
	common/robust.c common/robust.h \
	common/schema.h
