# Unit tests with libcheck, in folders of the names of what they test. A test is its name in the list and,
# unless it is one file, the list of its sources. All link what the programs are made of.
unit_tests = \
	t/unit/common/check_cidr \
	t/unit/common/check_conf \
	t/unit/common/check_db_clock \
	t/unit/common/check_intmap \
	t/unit/common/check_ipc \
	t/unit/common/check_log \
	t/unit/common/check_log_fold \
	t/unit/common/check_log_out \
	t/unit/common/check_memory \
	t/unit/common/check_sandbox \
	t/unit/common/check_trace_request \
	t/unit/master/check_descriptors \
	t/unit/master/check_handover \
	t/unit/master/check_http \
	t/unit/master/check_listen \
	t/unit/master/check_master \
	t/unit/master/check_metrics \
	t/unit/master/check_operator_socket \
	t/unit/master/check_pidfile \
	t/unit/master/check_sd_notify \
	t/unit/master/check_slot \
	t/unit/master/check_slot_reload \
	t/unit/pg/check_array \
	t/unit/pg/check_error \
	t/unit/pg/check_hosts \
	t/unit/pg/check_isolate \
	t/unit/pg/check_link \
	t/unit/pg/check_row \
	t/unit/pg/check_url \
	t/unit/pg/check_session \
	t/unit/proto/check_proto \
	t/unit/shm/check_addresses \
	t/unit/shm/check_area \
	t/unit/shm/check_crc_ledger \
	t/unit/shm/check_registry \
	t/unit/shm/check_registry_kills \
	t/unit/shm/check_registry_reuse \
	t/unit/shm/check_stats \
	t/unit/tool/check_capture \
	t/unit/tool/check_texts \
	t/unit/tool/check_tool \
	t/unit/tool/check_why_causes \
	t/unit/tool/sim/check_answer \
	t/unit/tool/sim/check_command \
	t/unit/tool/sim/check_command_fleet \
	t/unit/tool/sim/check_fleet \
	t/unit/tool/sim/check_frame \
	t/unit/tool/sim/check_profile \
	t/unit/tool/sim/check_road \
	t/unit/worker/check_names \
	t/unit/worker/check_worker \
	t/unit/worker/net/check_accept \
	t/unit/worker/net/check_admission \
	t/unit/worker/net/check_proxy \
	t/unit/worker/store/check_aside \
	t/unit/worker/store/check_batch \
	t/unit/worker/store/check_gather \
	t/unit/worker/store/check_store \
	t/unit/worker/task/check_commands \
	t/unit/worker/task/check_devices \
	t/unit/worker/task/check_gateways \
	t/unit/worker/task/check_jobs \
	t/unit/worker/task/check_live \
	t/unit/worker/task/check_live_pace \
	t/unit/worker/task/check_retention \
	t/unit/worker/tracker/check_command \
	t/unit/worker/tracker/check_drain \
	t/unit/worker/tracker/check_followers \
	t/unit/worker/tracker/check_session \
	t/unit/worker/tracker/check_trackers

if HAVE_CHECK
check_PROGRAMS += $(unit_tests) t/unit/master/fake_gateway
TESTS += $(unit_tests)

# Of all programs that name no libraries of their own: these tests.
LDADD = libsim.a libtgctl.a libmigrations.a libmaster.a libworker.a libpg.a libshm.a libproto.a \
	libcommon.a $(CHECK_LIBS) $(LIBPQ_LIBS) $(LIBEVENT_LIBS) $(JANSSON_LIBS) -lpthread -lm

t_unit_master_check_master_SOURCES = t/unit/master/check_master.c t/unit/master/check_master.h \
	t/unit/master/check_master_contact.c \
	t/unit/master/check_master_rig.c t/unit/master/check_master_upgrade.c
t_unit_master_check_slot_SOURCES = t/unit/master/check_slot.c \
	t/unit/master/slot_rig.c t/unit/master/slot_rig.h
t_unit_master_check_slot_reload_SOURCES = t/unit/master/check_slot_reload.c \
	t/unit/master/slot_rig.c t/unit/master/slot_rig.h
# The program itself, with workers that only pretend.
t_unit_master_fake_gateway_SOURCES = master/main.c t/unit/master/fake_worker.c
t_unit_pg_check_row_SOURCES = t/unit/pg/check_row.c t/vectors/vectors.c t/vectors/vectors.h
t_unit_proto_check_proto_SOURCES = \
	t/unit/proto/check_proto.c t/unit/proto/check_proto.h \
	t/unit/proto/check_avl.c \
	t/unit/proto/check_avl_rules.c \
	t/unit/proto/check_captured.c \
	t/unit/proto/check_crc.c \
	t/unit/proto/check_dictionary.c \
	t/unit/proto/check_dictionary_read.c \
	t/unit/proto/check_hash.c \
	t/unit/proto/check_json.c \
	t/unit/proto/check_message.c \
	t/unit/proto/check_stranger.c \
	t/unit/proto/check_stream.c \
	t/unit/proto/check_vectors.c \
	t/unit/proto/build.c t/unit/proto/build.h \
	t/vectors/vectors.c t/vectors/vectors.h
t_unit_shm_check_registry_SOURCES = t/unit/shm/check_registry.c \
	t/unit/shm/registry_rig.c t/unit/shm/registry_rig.h
t_unit_shm_check_registry_reuse_SOURCES = t/unit/shm/check_registry_reuse.c \
	t/unit/shm/registry_rig.c t/unit/shm/registry_rig.h
t_unit_shm_check_registry_kills_SOURCES = t/unit/shm/check_registry_kills.c \
	t/unit/shm/registry_rig.c t/unit/shm/registry_rig.h
t_unit_tool_check_why_causes_SOURCES = t/unit/tool/check_why_causes.c t/unit/tool/check_why_contact.c \
	t/unit/tool/why_rig.c t/unit/tool/why_rig.h
t_unit_tool_sim_check_command_fleet_SOURCES = t/unit/tool/sim/check_command_fleet.c \
	t/unit/tool/sim/run.c t/unit/tool/sim/run.h t/unit/tool/sim/server.c t/unit/tool/sim/server.h
t_unit_tool_sim_check_fleet_SOURCES = t/unit/tool/sim/check_fleet.c \
	t/unit/tool/sim/run.c t/unit/tool/sim/run.h t/unit/tool/sim/server.c t/unit/tool/sim/server.h
# On a link, and a live row, that only pretend.
t_unit_worker_store_check_store_SOURCES = \
	t/unit/worker/store/check_store.c t/unit/worker/store/check_store.h \
	t/unit/worker/store/check_durable.c \
	t/unit/worker/store/check_blocked.c \
	t/unit/worker/store/check_devices.c \
	t/unit/worker/store/check_failures.c \
	t/unit/worker/store/check_positions.c \
	t/unit/worker/store/check_raw.c \
	t/unit/worker/store/rig.c t/unit/worker/store/rig.h \
	t/unit/worker/store/rig_db.c \
	t/unit/pg/scripted_link.c t/unit/pg/scripted_link.h
# These start a PostgreSQL of their own.
t_unit_pg_check_session_SOURCES = t/unit/pg/check_session.c t/unit/pg/fixture.c t/unit/pg/fixture.h
t_unit_pg_check_link_SOURCES = \
	t/unit/pg/check_link.c t/unit/pg/check_link.h \
	t/unit/pg/check_link_jobs.c \
	t/unit/pg/check_link_life.c \
	t/unit/pg/check_link_names.c \
	t/unit/pg/check_link_watch.c \
	t/unit/pg/fixture.c t/unit/pg/fixture.h
t_unit_worker_check_worker_SOURCES = t/unit/worker/check_worker.c \
	t/unit/worker/worker_rig.c t/unit/worker/worker_rig.h \
	t/unit/pg/fixture.c t/unit/pg/fixture.h t/unit/proto/build.c t/unit/proto/build.h
task_rig = t/unit/worker/task/rig.c t/unit/worker/task/rig.h t/unit/pg/fixture.c t/unit/pg/fixture.h
t_unit_worker_task_check_gateways_SOURCES = t/unit/worker/task/check_gateways.c $(task_rig)
t_unit_worker_task_check_retention_SOURCES = t/unit/worker/task/check_retention.c $(task_rig)
t_unit_worker_task_check_jobs_SOURCES = t/unit/worker/task/check_jobs.c \
	t/unit/worker/task/check_imeis.c \
	t/unit/worker/task/check_partitions.c \
	t/unit/worker/task/check_rejected.c \
	t/unit/worker/task/check_session_ends.c \
	t/unit/worker/task/check_waits.c \
	t/unit/worker/task/check_dead_workers.c \
	$(task_rig)
t_unit_worker_task_check_devices_SOURCES = t/unit/worker/task/check_devices.c \
	t/unit/worker/task/check_imei_lookup.c \
	t/unit/worker/task/devices_rig.c t/unit/worker/task/devices_rig.h \
	$(task_rig)
t_unit_worker_task_check_live_SOURCES = t/unit/worker/task/check_live.c \
	t/unit/worker/task/check_live_ahead.c \
	t/unit/worker/task/check_live_limits.c \
	t/unit/worker/task/live_rig.c t/unit/worker/task/live_rig.h \
	$(task_rig)
t_unit_worker_task_check_commands_SOURCES = t/unit/worker/task/check_commands.c \
	t/unit/worker/task/check_commands_queue.c \
	t/unit/worker/task/commands_rig.c t/unit/worker/task/commands_rig.h \
	$(task_rig)
# The store and the tasks of these are twins: their objects win over those of the library.
t_unit_worker_tracker_check_trackers_SOURCES = \
	t/unit/worker/tracker/check_trackers.c \
	t/unit/worker/tracker/check_closing.c \
	t/unit/worker/tracker/check_conn_command.c \
	t/unit/worker/tracker/check_frames.c \
	t/unit/worker/tracker/check_handshake.c \
	t/unit/worker/tracker/check_random.c \
	t/unit/worker/tracker/check_read.c \
	t/unit/worker/tracker/check_strangers.c \
	t/unit/worker/tracker/check_trace.c \
	t/unit/worker/tracker/rig.c t/unit/worker/tracker/rig.h \
	t/unit/worker/tracker/rig_tasks.c \
	t/unit/worker/store/memory.c t/unit/worker/store/memory.h \
	t/unit/proto/build.c t/unit/proto/build.h
endif
