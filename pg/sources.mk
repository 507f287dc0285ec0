# The only place that speaks libpq. Statements are files in pg/sql/, embedded in the programs.
pg_statements = \
	pg/sql/commands_claim.sql \
	pg/sql/commands_count.sql \
	pg/sql/commands_limit.sql \
	pg/sql/commands_over.sql \
	pg/sql/commands_poll.sql \
	pg/sql/commands_sweep.sql \
	pg/sql/dead_workers_move.sql \
	pg/sql/dead_workers_ping.sql \
	pg/sql/dead_workers_scan.sql \
	pg/sql/devices_ask.sql \
	pg/sql/devices_insert.sql \
	pg/sql/devices_load.sql \
	pg/sql/jobs_session.sql \
	pg/sql/link_schema.sql \
	pg/sql/link_settings.sql \
	pg/sql/live_goodbyes.sql \
	pg/sql/live_pings.sql \
	pg/sql/live_rows.sql \
	pg/sql/messages_insert.sql \
	pg/sql/partitions_step.sql \
	pg/sql/positions_copy.sql \
	pg/sql/positions_insert.sql \
	pg/sql/positions_prove.sql \
	pg/sql/raw_insert.sql \
	pg/sql/rejected_trim.sql \
	pg/sql/rejected_write.sql
# What several of them share, by \ir.
pg_statement_parts = \
	pg/sql/_devices_fields.sql \
	pg/sql/_live_row_columns.sql \
	pg/sql/_live_row_on_conflict.sql

noinst_LIBRARIES += libpg.a
libpg_a_SOURCES = \
	pg/array.c pg/array.h \
	pg/error.c pg/error.h \
	pg/isolate.c pg/isolate.h \
	pg/link.c pg/link.h pg/link_impl.h \
	pg/link_job.c \
	pg/link_setup.c \
	pg/params.c pg/params.h \
	pg/query.c pg/query.h \
	pg/result.c pg/result.h \
	pg/row.c pg/row.h \
	pg/schema_version.h \
	pg/sql.c pg/sql.h
nodist_libpg_a_SOURCES = pg/sql/embedded.c
EXTRA_DIST += pg/sql/embed.awk $(pg_statements) $(pg_statement_parts)
CLEANFILES += pg/sql/embedded.c pg/sql/embedded.c.tmp

pg/sql/embedded.c: $(pg_statements) $(pg_statement_parts) pg/sql/embed.awk
	$(AM_V_GEN)$(MKDIR_P) pg/sql
	$(AM_V_at)LC_ALL=C $(AWK) -f $(srcdir)/pg/sql/embed.awk \
		$$(for f in $(pg_statements); do echo $(srcdir)/$$f; done | LC_ALL=C sort) > $@.tmp && \
		mv -f $@.tmp $@
