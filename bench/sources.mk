# Programs that measure: `make bench` builds and runs them all (needs a PostgreSQL server on this machine).

bench_programs = bench/bench-decode bench/bench-copy bench/bench-dictionary bench/bench-insert
EXTRA_PROGRAMS = $(bench_programs)
CLEANFILES += $(EXTRA_PROGRAMS)

bench_bench_decode_SOURCES = bench/decode.c t/vectors/vectors.c t/vectors/vectors.h
bench_bench_decode_LDADD = libpg.a libproto.a $(JANSSON_LIBS)

bench_bench_copy_SOURCES = bench/copy.c bench/rows.c bench/rows.h
bench_bench_copy_LDADD = $(LIBPQ_LIBS) -lpthread

bench_bench_dictionary_SOURCES = bench/dictionary.c
bench_bench_dictionary_LDADD = libproto.a

bench_bench_insert_SOURCES = bench/insert.c bench/rows.c bench/rows.h
bench_bench_insert_LDADD = $(LIBPQ_LIBS) -lpthread

bench_scripts = bench/run bench/measure/__init__.py bench/measure/browser.py bench/measure/copying.py \
	bench/measure/desk.py bench/measure/fanout.py bench/measure/feed.py bench/measure/figures.py bench/measure/logins.py \
	bench/measure/machine.py bench/measure/meaning.py bench/measure/sparse.py bench/measure/stand.py \
	bench/measure/table.py bench/measure/web_figures.py
EXTRA_DIST += $(bench_scripts)

bench: all $(bench_programs)
	TOP_SRCDIR='$(abs_top_srcdir)' TOP_BUILDDIR='$(abs_top_builddir)' \
		python3 -B $(srcdir)/bench/run $(BENCH)
.PHONY: bench
