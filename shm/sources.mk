# What the master and its workers share in memory.
noinst_LIBRARIES += libshm.a
libshm_a_SOURCES = \
	shm/addresses.c shm/addresses.h \
	shm/area.c shm/area.h \
	shm/crc_ledger.c shm/crc_ledger.h \
	shm/registry.c shm/registry.h shm/registry_impl.h \
	shm/registry_index.c shm/registry_load.c shm/registry_reuse.c shm/registry_sessions.c \
	shm/stats.c shm/stats.h
