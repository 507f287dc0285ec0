# What `make check` proves about the tree itself. proto-is-pure and tgctl-page ask what `all` has made.
lints = t/lint/conf-keys t/lint/dictionary t/lint/doc-references t/lint/file-length t/lint/includes t/lint/proto-is-pure \
	t/lint/runbook-alerts t/lint/sql-lists t/lint/tgctl-page t/lint/web-keys
TESTS += $(lints)
EXTRA_DIST += $(lints) t/lint/cppcheck t/lint/cppcheck-suppressions

check_PROGRAMS += t/lint/print_conf_keys
t_lint_print_conf_keys_SOURCES = t/lint/print_conf_keys.c
t_lint_print_conf_keys_LDADD = libpg.a libcommon.a $(LIBPQ_LIBS)
