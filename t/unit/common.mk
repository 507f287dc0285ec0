# Unit tests of common/, and the lint of the configuration keys. Listed in t/sources.mk.
if HAVE_CHECK
COMMON_UNIT_TESTS = \
	t/unit/check_conf \
	t/unit/check_cidr \
	t/unit/check_log \
	t/unit/check_log_fold \
	t/unit/check_addresses \
	t/unit/check_ipc \
	t/unit/check_control \
	t/unit/check_memory \
	t/unit/check_stats \
	t/unit/check_shm \
	t/unit/check_registry \
	t/unit/check_crc_ledger
check_PROGRAMS += $(COMMON_UNIT_TESTS)
TESTS += $(COMMON_UNIT_TESTS)

COMMON_UNIT_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
COMMON_UNIT_LIBS = libcommon.a $(LIBPQ_LIBS) $(CHECK_LIBS) -lpthread

t_unit_check_conf_SOURCES = t/unit/check_conf.c
t_unit_check_conf_CFLAGS = $(COMMON_UNIT_CFLAGS)
t_unit_check_conf_LDADD = $(COMMON_UNIT_LIBS)
t_unit_check_cidr_SOURCES = t/unit/check_cidr.c
t_unit_check_cidr_CFLAGS = $(COMMON_UNIT_CFLAGS)
t_unit_check_cidr_LDADD = $(COMMON_UNIT_LIBS)
t_unit_check_log_SOURCES = t/unit/check_log.c
t_unit_check_log_CFLAGS = $(COMMON_UNIT_CFLAGS)
t_unit_check_log_LDADD = $(COMMON_UNIT_LIBS) $(JANSSON_LIBS)
t_unit_check_addresses_SOURCES = t/unit/check_addresses.c
t_unit_check_addresses_CFLAGS = $(COMMON_UNIT_CFLAGS)
t_unit_check_addresses_LDADD = $(COMMON_UNIT_LIBS)
t_unit_check_log_fold_SOURCES = t/unit/check_log_fold.c
t_unit_check_log_fold_CFLAGS = $(COMMON_UNIT_CFLAGS)
t_unit_check_log_fold_LDADD = $(COMMON_UNIT_LIBS)
t_unit_check_ipc_SOURCES = t/unit/check_ipc.c
t_unit_check_ipc_CFLAGS = $(COMMON_UNIT_CFLAGS)
t_unit_check_ipc_LDADD = $(COMMON_UNIT_LIBS)
t_unit_check_control_SOURCES = t/unit/check_control.c
t_unit_check_control_CFLAGS = $(COMMON_UNIT_CFLAGS)
t_unit_check_control_LDADD = $(COMMON_UNIT_LIBS)
t_unit_check_memory_SOURCES = t/unit/check_memory.c
t_unit_check_memory_CFLAGS = $(COMMON_UNIT_CFLAGS)
t_unit_check_memory_LDADD = $(COMMON_UNIT_LIBS)
t_unit_check_stats_SOURCES = t/unit/check_stats.c
t_unit_check_stats_CFLAGS = $(COMMON_UNIT_CFLAGS)
t_unit_check_stats_LDADD = $(COMMON_UNIT_LIBS)
t_unit_check_shm_SOURCES = t/unit/check_shm.c
t_unit_check_shm_CFLAGS = $(COMMON_UNIT_CFLAGS)
t_unit_check_shm_LDADD = $(COMMON_UNIT_LIBS)
t_unit_check_registry_SOURCES = t/unit/check_registry.c
t_unit_check_registry_CFLAGS = $(COMMON_UNIT_CFLAGS)
t_unit_check_registry_LDADD = $(COMMON_UNIT_LIBS)
t_unit_check_crc_ledger_SOURCES = t/unit/check_crc_ledger.c
t_unit_check_crc_ledger_CFLAGS = $(COMMON_UNIT_CFLAGS)
t_unit_check_crc_ledger_LDADD = $(COMMON_UNIT_LIBS)
endif

check_PROGRAMS += t/lint/print_conf_keys
t_lint_print_conf_keys_SOURCES = t/lint/print_conf_keys.c
t_lint_print_conf_keys_LDADD = libcommon.a $(LIBPQ_LIBS)
TESTS += t/lint/conf-keys t/lint/runbook-alerts
EXTRA_DIST += t/lint/conf-keys t/lint/runbook-alerts
# Asks the tgctl that `all` has made.
TESTS += t/lint/tgctl-page
EXTRA_DIST += t/lint/tgctl-page t/lint/cppcheck t/lint/cppcheck-suppressions
