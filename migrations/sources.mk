# Parts of this folder go into the build and the tarball here. The list is in order of the numbers, and files of one number
# are one migration, in this order;
# the newest is SCHEMA_VERSION in pg/schema_version.h.
migration_files = \
	migrations/0001_devices.sql \
	migrations/0002_telemetry.sql \
	migrations/0003_notify.sql \
	migrations/0004_upkeep.sql \
	migrations/0005_commands.sql \
	migrations/0006_rights.sql \
	migrations/0007_dictionary.sql \
	migrations/0007_dictionary_values.sql \
	migrations/0007_dictionary_views.sql \
	migrations/0008_locks.sql \
	migrations/0009_reasons.sql \
	migrations/0010_gateways.sql \
	migrations/0011_omnitrack.sql \
	migrations/0012_live_feed.sql \
	migrations/0013_rhythm.sql \
	migrations/0014_sessions.sql \
	migrations/0015_requests.sql \
	migrations/0016_io_json.sql

noinst_LIBRARIES += libmigrations.a
libmigrations_a_SOURCES = migrations/migrations.h
nodist_libmigrations_a_SOURCES = migrations/embedded.c
# The files themselves are installed and distributed by etc/sources.mk.
EXTRA_DIST += migrations/embed.awk
CLEANFILES += migrations/embedded.c migrations/embedded.c.tmp migrations/dictionary.sql migrations/dictionary.sql.tmp

# The rows of the dictionary, which tgctl migrate puts in place whenever they have changed.
migrations/dictionary.sql: $(dictionary_tables) dictionary/read.awk dictionary/to_sql.awk
	$(AM_V_GEN)$(MKDIR_P) migrations
	$(AM_V_at)$(dictionary_run) -f $(srcdir)/dictionary/to_sql.awk $(dictionary_read) > $@.tmp && mv -f $@.tmp $@

migrations/embedded.c: $(migration_files) migrations/embed.awk migrations/dictionary.sql
	$(AM_V_GEN)$(MKDIR_P) migrations
	$(AM_V_at)files=; for f in $(migration_files); do \
		if test -f $$f; then files="$$files $$f"; else files="$$files $(srcdir)/$$f"; fi; \
	done; \
	files="$$files migrations/dictionary.sql"; \
	LC_ALL=C $(AWK) -f $(srcdir)/migrations/embed.awk $$files > $@.tmp && mv -f $@.tmp $@
