# One worker process: net/ lets trackers in, tracker/ serves one, store/ writes, task/ does the rest.
noinst_LIBRARIES += libworker.a
libworker_a_SOURCES = \
	worker/names.c worker/names.h \
	worker/parts.c \
	worker/worker.c worker/worker.h worker/worker_impl.h \
	worker/net/accept.c worker/net/accept.h \
	worker/net/admission.c worker/net/admission.h \
	worker/net/proxy.c worker/net/proxy.h \
	worker/tracker/close.c worker/tracker/close.h \
	worker/tracker/command.c worker/tracker/command.h \
	worker/tracker/conn.c worker/tracker/conn.h \
	worker/tracker/conn_command.c worker/tracker/conn_command.h \
	worker/tracker/drain.c worker/tracker/drain.h \
	worker/tracker/followers.c worker/tracker/followers.h \
	worker/tracker/frames.c worker/tracker/frames.h \
	worker/tracker/handshake.c worker/tracker/handshake.h \
	worker/tracker/read.c worker/tracker/read.h \
	worker/tracker/session.c worker/tracker/session.h \
	worker/tracker/state.c worker/tracker/state.h \
	worker/tracker/strangers.c worker/tracker/strangers.h \
	worker/tracker/table.c worker/tracker/table.h \
	worker/tracker/trace.c worker/tracker/trace.h \
	worker/tracker/trackers.c worker/tracker/trackers.h worker/tracker/trackers_config.h \
	worker/tracker/trackers_impl.h \
	worker/tracker/wakeups.c worker/tracker/wakeups.h \
	worker/store/aside.c worker/store/aside.h \
	worker/store/batch.c worker/store/batch.h \
	worker/store/blocked.c \
	worker/store/days.c \
	worker/store/devices.c \
	worker/store/failures.c \
	worker/store/gather.c worker/store/gather.h \
	worker/store/kept.c \
	worker/store/live_rows.c \
	worker/store/messages.c \
	worker/store/positions.c \
	worker/store/quarantine.c \
	worker/store/refusals.c \
	worker/store/store.c worker/store/store.h worker/store/store_impl.h \
	worker/task/answers.c worker/task/answers.h \
	worker/task/backend_wait.c worker/task/backend_wait.h \
	worker/task/commands.c worker/task/commands.h worker/task/commands_impl.h \
	worker/task/commands_claim.c \
	worker/task/commands_end.c \
	worker/task/commands_queue.c \
	worker/task/dead_workers.c worker/task/dead_workers.h \
	worker/task/device_query.c worker/task/device_query.h \
	worker/task/devices.c worker/task/devices.h \
	worker/task/gateways.c worker/task/gateways.h \
	worker/task/imei_lookup.c worker/task/imei_lookup.h \
	worker/task/imeis.c worker/task/imeis.h \
	worker/task/jobs.c worker/task/jobs.h \
	worker/task/live.c worker/task/live.h worker/task/live_impl.h \
	worker/task/live_folds.c \
	worker/task/live_pace.c worker/task/live_pace.h \
	worker/task/live_turns.c \
	worker/task/live_write.c \
	worker/task/partitions.c worker/task/partitions.h \
	worker/task/raw_requests.c worker/task/raw_requests.h \
	worker/task/rejected.c worker/task/rejected.h \
	worker/task/retention.c worker/task/retention.h \
	worker/task/rhythm.c worker/task/rhythm.h \
	worker/task/session_ends.c worker/task/session_ends.h \
	worker/task/sessions.c worker/task/sessions.h
