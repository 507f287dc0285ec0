# Parts of this folder go into the build and the tarball here.

EXTRA_PROGRAMS = bench/bench-decode
CLEANFILES += $(EXTRA_PROGRAMS)
bench_bench_decode_SOURCES = bench/decode.c t/vectors/vectors.c t/vectors/vectors.h \
	worker/row.c worker/row.h
bench_bench_decode_CPPFLAGS = $(AM_CPPFLAGS) -DVECTORS_DIR='"$(abs_top_srcdir)/t/vectors"'
bench_bench_decode_LDADD = libproto.a $(JANSSON_LIBS)
