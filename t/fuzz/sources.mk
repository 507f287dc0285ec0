# Fuzz targets. `make check` runs them over seeds; with --enable-fuzzers they are fuzzers as well,
# which t/fuzz/run starts. Listed in t/sources.mk.
EXTRA_DIST += t/fuzz/run

# All of them begin with the same seeds.
fuzz_common = t/fuzz/fuzz.h t/vectors/vectors.c t/vectors/vectors.h t/unit/proto/build.c t/unit/proto/build.h
fuzz_replay = t/fuzz/replay.c t/fuzz/large.c t/fuzz/large.h $(fuzz_common)
fuzz_libs = libproto.a $(JANSSON_LIBS)

fuzz_stream_sources = t/fuzz/fuzz_stream.c
fuzz_decode_sources = t/fuzz/fuzz_decode.c
fuzz_proxy_sources = t/fuzz/fuzz_proxy.c worker/net/proxy.c worker/net/proxy.h
fuzz_dictionary_sources = t/fuzz/fuzz_dictionary.c
fuzz_session_sources = t/fuzz/fuzz_session.c worker/tracker/session.c worker/tracker/session.h \
	worker/tracker/state.c worker/tracker/state.h
fuzz_message_sources = t/fuzz/fuzz_message.c
fuzz_conf_sources = t/fuzz/fuzz_conf.c t/fuzz/file.c t/fuzz/file.h
fuzz_input_sources = t/fuzz/fuzz_input.c t/fuzz/file.c t/fuzz/file.h \
	tool/hex_text.c tool/hex_text.h tool/input.c tool/input.h
fuzz_capture_sources = t/fuzz/fuzz_capture.c tool/capture.c tool/capture.h tool/hex_text.c tool/hex_text.h \
	tool/out.c tool/out.h tool/out_table.c tool/out_text.c tool/out_text.h tool/trace_text.c tool/trace_text.h

replays = t/fuzz/replay_stream t/fuzz/replay_decode t/fuzz/replay_proxy t/fuzz/replay_dictionary \
	t/fuzz/replay_session t/fuzz/replay_message t/fuzz/replay_conf t/fuzz/replay_input \
	t/fuzz/replay_capture
check_PROGRAMS += $(replays)
TESTS += $(replays)
t_fuzz_replay_stream_SOURCES = $(fuzz_replay) $(fuzz_stream_sources)
t_fuzz_replay_stream_LDADD = $(fuzz_libs)
t_fuzz_replay_decode_SOURCES = $(fuzz_replay) $(fuzz_decode_sources)
t_fuzz_replay_decode_LDADD = libpg.a $(fuzz_libs)
t_fuzz_replay_proxy_SOURCES = $(fuzz_replay) $(fuzz_proxy_sources)
t_fuzz_replay_proxy_LDADD = $(fuzz_libs)
t_fuzz_replay_dictionary_SOURCES = $(fuzz_replay) $(fuzz_dictionary_sources)
t_fuzz_replay_dictionary_LDADD = $(fuzz_libs)
t_fuzz_replay_session_SOURCES = $(fuzz_replay) $(fuzz_session_sources)
t_fuzz_replay_session_LDADD = $(fuzz_libs)
t_fuzz_replay_message_SOURCES = $(fuzz_replay) $(fuzz_message_sources)
t_fuzz_replay_message_LDADD = $(fuzz_libs)
t_fuzz_replay_conf_SOURCES = $(fuzz_replay) $(fuzz_conf_sources)
t_fuzz_replay_conf_LDADD = libcommon.a $(fuzz_libs)
t_fuzz_replay_input_SOURCES = $(fuzz_replay) $(fuzz_input_sources)
t_fuzz_replay_input_LDADD = $(fuzz_libs)
t_fuzz_replay_capture_SOURCES = $(fuzz_replay) $(fuzz_capture_sources)
t_fuzz_replay_capture_LDADD = libpg.a $(fuzz_libs) $(LIBPQ_LIBS)

if FUZZERS
fuzzers = t/fuzz/fuzz_stream t/fuzz/fuzz_decode t/fuzz/fuzz_proxy t/fuzz/fuzz_dictionary t/fuzz/fuzz_session \
	t/fuzz/fuzz_message t/fuzz/fuzz_conf t/fuzz/fuzz_input t/fuzz/fuzz_capture
check_PROGRAMS += $(fuzzers)
t_fuzz_fuzz_stream_SOURCES = $(fuzz_common) $(fuzz_stream_sources)
t_fuzz_fuzz_stream_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_fuzz_stream_LDADD = $(fuzz_libs)
t_fuzz_fuzz_decode_SOURCES = $(fuzz_common) $(fuzz_decode_sources)
t_fuzz_fuzz_decode_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_fuzz_decode_LDADD = libpg.a $(fuzz_libs)
t_fuzz_fuzz_proxy_SOURCES = $(fuzz_common) $(fuzz_proxy_sources)
t_fuzz_fuzz_proxy_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_fuzz_proxy_LDADD = $(fuzz_libs)
t_fuzz_fuzz_dictionary_SOURCES = $(fuzz_common) $(fuzz_dictionary_sources)
t_fuzz_fuzz_dictionary_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_fuzz_dictionary_LDADD = $(fuzz_libs)
t_fuzz_fuzz_session_SOURCES = $(fuzz_common) $(fuzz_session_sources)
t_fuzz_fuzz_session_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_fuzz_session_LDADD = $(fuzz_libs)
t_fuzz_fuzz_message_SOURCES = $(fuzz_common) $(fuzz_message_sources)
t_fuzz_fuzz_message_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_fuzz_message_LDADD = $(fuzz_libs)
t_fuzz_fuzz_conf_SOURCES = $(fuzz_common) $(fuzz_conf_sources)
t_fuzz_fuzz_conf_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_fuzz_conf_LDADD = libcommon.a $(fuzz_libs)
t_fuzz_fuzz_input_SOURCES = $(fuzz_common) $(fuzz_input_sources)
t_fuzz_fuzz_input_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_fuzz_input_LDADD = $(fuzz_libs)
t_fuzz_fuzz_capture_SOURCES = $(fuzz_common) $(fuzz_capture_sources)
t_fuzz_fuzz_capture_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_fuzz_capture_LDADD = libpg.a $(fuzz_libs) $(LIBPQ_LIBS)
endif

# What t/fuzz/run runs.
fuzzers: $(replays) $(fuzzers)
.PHONY: fuzzers
