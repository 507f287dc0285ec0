# Parts of this folder go into the build and the tarball here.
bin_PROGRAMS += tgctl
tgctl_SOURCES = tool/cmd/main.c
tgctl_LDADD = libtgctl.a libsim.a libmigrations.a libpg.a libproto.a libcommon.a \
	$(LIBPQ_LIBS) $(LIBEVENT_LIBS) $(JANSSON_LIBS) -lpthread -lm

# What the commands share, and the commands, as a library of their own for its tests.
noinst_LIBRARIES += libtgctl.a
libtgctl_a_SOURCES = \
	tool/capture.c tool/capture.h \
	tool/complete.c tool/complete.h \
	tool/database.c tool/database.h \
	tool/device_events.c tool/device_events.h \
	tool/frame_json.c tool/frame_json.h \
	tool/gateway_status.c tool/gateway_status.h \
	tool/help_text.c tool/help_text.h \
	tool/hex_text.c tool/hex_text.h \
	tool/input.c tool/input.h \
	tool/io_names.c tool/io_names.h \
	tool/net.c tool/net.h \
	tool/options.c tool/options.h \
	tool/out.c tool/out.h \
	tool/out_table.c \
	tool/out_text.c tool/out_text.h \
	tool/progress.c tool/progress.h \
	tool/raw_decode.c tool/raw_decode.h \
	tool/replay.c tool/replay.h \
	tool/tool.h \
	tool/top_sample.c tool/top_sample.h \
	tool/trace_text.c tool/trace_text.h \
	tool/why_ask.c tool/why_ask.h \
	tool/why_causes.c tool/why_causes.h \
	tool/why_closed.c tool/why_closed.h \
	tool/why_contact.c \
	tool/why_content.c \
	tool/why_facts.c tool/why_facts.h \
	tool/why_impl.h \
	tool/why_words.c tool/why_words.h \
	tool/cmd/capture.c \
	tool/cmd/cmd.h \
	tool/cmd/command.c tool/cmd/command.h \
	tool/cmd/command_send.c \
	tool/cmd/command_text.c tool/cmd/command_text.h \
	tool/cmd/command_wait.c \
	tool/cmd/decode.c \
	tool/cmd/device.c tool/cmd/device.h \
	tool/cmd/device_edit.c \
	tool/cmd/device_import.c \
	tool/cmd/dictionary.c \
	tool/cmd/events.c \
	tool/cmd/export.c \
	tool/cmd/grants.c \
	tool/cmd/history_file.h \
	tool/cmd/import.c \
	tool/cmd/migrate.c tool/cmd/migrate.h \
	tool/cmd/migrate_dictionary.c \
	tool/cmd/migrate_index.c \
	tool/cmd/migrate_rewrite.c \
	tool/cmd/raw.c \
	tool/cmd/rejected.c \
	tool/cmd/session.c \
	tool/cmd/status.c \
	tool/cmd/top.c \
	tool/cmd/trace.c \
	tool/cmd/why.c tool/cmd/why.h \
	tool/cmd/why_all.c

# The fleet simulator, as a library of its own for its tests.
noinst_LIBRARIES += libsim.a
libsim_a_SOURCES = \
	tool/sim/answer.c tool/sim/answer.h \
	tool/sim/build.c \
	tool/sim/cmd.c tool/sim/cmd.h \
	tool/sim/command.c tool/sim/command.h \
	tool/sim/fleet.c \
	tool/sim/frame.c tool/sim/frame.h \
	tool/sim/hist.c tool/sim/hist.h \
	tool/sim/log.c tool/sim/log.h \
	tool/sim/options.c tool/sim/options.h \
	tool/sim/profile.c tool/sim/profile.h \
	tool/sim/random.h \
	tool/sim/receive.c \
	tool/sim/report.c \
	tool/sim/road.c tool/sim/road.h \
	tool/sim/send.c \
	tool/sim/sim.h \
	tool/sim/tracker.c \
	tool/sim/wheel.c tool/sim/wheel.h
