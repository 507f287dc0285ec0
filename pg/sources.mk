# The only place that speaks libpq. Statements are files in pg/sql/, embedded in the programs.
pg_statements = \
	pg/sql/link_schema.sql \
	pg/sql/link_settings.sql \
	pg/sql/messages_insert.sql \
	pg/sql/positions_copy.sql \
	pg/sql/positions_insert.sql \
	pg/sql/positions_prove.sql \
	pg/sql/raw_insert.sql

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
	pg/sql.c pg/sql.h \
	pg/url.c pg/url.h
nodist_libpg_a_SOURCES = pg/sql/embedded.c
EXTRA_DIST += pg/sql/embed.awk $(pg_statements)
CLEANFILES += pg/sql/embedded.c pg/sql/embedded.c.tmp

pg/sql/embedded.c: $(pg_statements) pg/sql/embed.awk
	$(AM_V_GEN)$(MKDIR_P) pg/sql
	$(AM_V_at)LC_ALL=C $(AWK) -f $(srcdir)/pg/sql/embed.awk \
		$$(for f in $(pg_statements); do echo $(srcdir)/$$f; done | LC_ALL=C sort) > $@.tmp && \
		mv -f $@.tmp $@
