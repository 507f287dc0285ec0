# The only place that speaks libpq.
noinst_LIBRARIES += libpg.a
libpg_a_SOURCES = \
	pg/array.c pg/array.h \
	pg/conn.c pg/conn.h \
	pg/row.c pg/row.h \
	pg/schema_version.h
