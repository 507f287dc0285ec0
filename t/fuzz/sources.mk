# Fuzz targets. `make check` runs them over seeds; with --enable-fuzzers they are fuzzers as well,
# which t/fuzz/run starts. Listed in t/sources.mk.
EXTRA_DIST += t/fuzz/run

fuzz_stream_sources = t/fuzz/fuzz_stream.c t/fuzz/fuzz.h t/vectors/vectors.c t/vectors/vectors.h
fuzz_decode_sources = t/fuzz/fuzz_decode.c t/fuzz/fuzz.h t/vectors/vectors.c t/vectors/vectors.h \
	t/unit/proto/build.c t/unit/proto/build.h
fuzz_proxy_sources = t/fuzz/fuzz_proxy.c t/fuzz/fuzz.h t/vectors/vectors.c t/vectors/vectors.h \
	worker/net/proxy.c worker/net/proxy.h
fuzz_dictionary_sources = t/fuzz/fuzz_dictionary.c t/fuzz/fuzz.h t/vectors/vectors.c t/vectors/vectors.h

check_PROGRAMS += t/fuzz/replay_stream t/fuzz/replay_decode t/fuzz/replay_proxy t/fuzz/replay_dictionary
TESTS += t/fuzz/replay_stream t/fuzz/replay_decode t/fuzz/replay_proxy t/fuzz/replay_dictionary
t_fuzz_replay_stream_SOURCES = t/fuzz/replay.c $(fuzz_stream_sources)
t_fuzz_replay_stream_LDADD = libproto.a $(JANSSON_LIBS)
t_fuzz_replay_decode_SOURCES = t/fuzz/replay.c $(fuzz_decode_sources)
t_fuzz_replay_decode_LDADD = libpg.a libproto.a $(JANSSON_LIBS)
t_fuzz_replay_proxy_SOURCES = t/fuzz/replay.c $(fuzz_proxy_sources)
t_fuzz_replay_proxy_LDADD = $(JANSSON_LIBS)
t_fuzz_replay_dictionary_SOURCES = t/fuzz/replay.c $(fuzz_dictionary_sources)
t_fuzz_replay_dictionary_LDADD = libproto.a $(JANSSON_LIBS)

if FUZZERS
check_PROGRAMS += t/fuzz/fuzz_stream t/fuzz/fuzz_decode t/fuzz/fuzz_proxy t/fuzz/fuzz_dictionary
t_fuzz_fuzz_stream_SOURCES = $(fuzz_stream_sources)
t_fuzz_fuzz_stream_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_fuzz_stream_LDADD = libproto.a $(JANSSON_LIBS)
t_fuzz_fuzz_decode_SOURCES = $(fuzz_decode_sources)
t_fuzz_fuzz_decode_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_fuzz_decode_LDADD = libpg.a libproto.a $(JANSSON_LIBS)
t_fuzz_fuzz_proxy_SOURCES = $(fuzz_proxy_sources)
t_fuzz_fuzz_proxy_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_fuzz_proxy_LDADD = $(JANSSON_LIBS)
t_fuzz_fuzz_dictionary_SOURCES = $(fuzz_dictionary_sources)
t_fuzz_fuzz_dictionary_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_fuzz_dictionary_LDADD = libproto.a $(JANSSON_LIBS)
endif
