# Parts of this folder go into the build and the tarball here.
bin_PROGRAMS += tgctl
tgctl_SOURCES = tool/main.c tool/commands.h
tgctl_LDADD = libtgctl.a libsim.a libmigrations.a libproto.a libcommon.a \
	$(LIBPQ_LIBS) $(LIBEVENT_LIBS) $(JANSSON_LIBS) -lpthread -lm

# The other commands and what they share, as a library of their own for its tests. row.c is the
# worker's encoder of rows, for "raw decode".
noinst_LIBRARIES += libtgctl.a
libtgctl_a_SOURCES = \
	tool/options.c tool/options.h \
	tool/pg.c tool/pg.h \
	tool/out.c tool/out.h \
	tool/net.c tool/net.h \
	tool/input.c tool/input.h \
	tool/frame_json.c tool/frame_json.h \
	tool/replay.c tool/replay.h \
	tool/raw_decode.c tool/raw_decode.h \
	tool/cmd_migrate.c \
	tool/cmd_decode.c \
	tool/cmd_device.c \
	tool/cmd_status.c \
	tool/cmd_rejected.c \
	tool/cmd_raw.c \
	tool/cmd_command.c tool/command.h \
	tool/command_send.c \
	tool/command_text.c tool/command_text.h \
	tool/command_wait.c \
	tool/follow.c tool/follow.h \
	tool/trace_text.c tool/trace_text.h \
	tool/cmd_trace.c \
	tool/capture.c tool/capture.h \
	tool/cmd_capture.c \
	tool/ask.c tool/ask.h \
	tool/why.c tool/why.h \
	tool/cmd_why.c \
	tool/cmd_grants.c \
	worker/row.c worker/row.h

# The fleet simulator, as a library of its own for its tests.
noinst_LIBRARIES += libsim.a
libsim_a_SOURCES = \
	tool/sim.c tool/sim.h \
	tool/sim_answer.c tool/sim_answer.h \
	tool/sim_build.c \
	tool/sim_command.c tool/sim_command.h \
	tool/sim_fleet.c \
	tool/sim_frame.c tool/sim_frame.h \
	tool/sim_hist.c tool/sim_hist.h \
	tool/sim_log.c tool/sim_log.h \
	tool/sim_options.c tool/sim_options.h \
	tool/sim_random.h \
	tool/sim_report.c \
	tool/sim_road.c tool/sim_road.h \
	tool/sim_send.c \
	tool/sim_tracker.c \
	tool/sim_wheel.c tool/sim_wheel.h
