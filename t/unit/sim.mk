# The fleet simulator: its roads, frames and timers alone, then a fleet against a small
# gateway that misbehaves; and the same for their answers to commands.
if HAVE_CHECK
sim_checks = t/unit/check_sim_road t/unit/check_sim_frame t/unit/check_sim_fleet \
	t/unit/check_sim_command t/unit/check_sim_command_fleet
sim_check_libs = libsim.a libproto.a libcommon.a $(CHECK_LIBS) $(JANSSON_LIBS) -lm

t_unit_check_sim_road_SOURCES = t/unit/check_sim_road.c
t_unit_check_sim_road_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_sim_road_LDADD = $(sim_check_libs)

t_unit_check_sim_frame_SOURCES = t/unit/check_sim_frame.c
t_unit_check_sim_frame_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_sim_frame_LDADD = $(sim_check_libs)

t_unit_check_sim_fleet_SOURCES = \
	t/unit/check_sim_fleet.c \
	t/unit/sim_run.c t/unit/sim_run.h \
	t/unit/sim_server.c t/unit/sim_server.h
t_unit_check_sim_fleet_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_sim_fleet_LDADD = $(sim_check_libs)

t_unit_check_sim_command_SOURCES = t/unit/check_sim_command.c
t_unit_check_sim_command_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_sim_command_LDADD = $(sim_check_libs)

t_unit_check_sim_command_fleet_SOURCES = \
	t/unit/check_sim_command_fleet.c \
	t/unit/sim_run.c t/unit/sim_run.h \
	t/unit/sim_server.c t/unit/sim_server.h
t_unit_check_sim_command_fleet_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_sim_command_fleet_LDADD = $(sim_check_libs)

check_PROGRAMS += $(sim_checks)
TESTS += $(sim_checks)
endif
