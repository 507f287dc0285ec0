# The only place that speaks libpq. Statements are files in pg/sql/, embedded in the programs.
pg_statements = \
	pg/sql/positions_copy.sql \
	pg/sql/positions_insert.sql \
	pg/sql/positions_prove.sql

noinst_LIBRARIES += libpg.a
libpg_a_SOURCES = \
	pg/array.c pg/array.h \
	pg/isolate.c pg/isolate.h \
	pg/link.c pg/link.h \
	pg/query.c pg/query.h \
	pg/result.c pg/result.h \
	pg/row.c pg/row.h \
	pg/schema_version.h \
	pg/sql.c pg/sql.h
nodist_libpg_a_SOURCES = pg/sql/embedded.c
EXTRA_DIST += pg/sql/embed.awk $(pg_statements)
CLEANFILES += pg/sql/embedded.c pg/sql/embedded.c.tmp

pg/sql/embedded.c: $(pg_statements) pg/sql/embed.awk
	$(AM_V_GEN)$(MKDIR_P) pg/sql
	$(AM_V_at)LC_ALL=C $(AWK) -f $(srcdir)/pg/sql/embed.awk \
		$$(for f in $(pg_statements); do echo $(srcdir)/$$f; done | LC_ALL=C sort) > $@.tmp && \
		mv -f $@.tmp $@
