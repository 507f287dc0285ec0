noinst_LIBRARIES += libworker.a
libworker_a_SOURCES = \
	worker/worker.c worker/worker.h \
	worker/accept.c worker/accept.h \
	worker/guards.c worker/guards.h \
	worker/proxy.c worker/proxy.h \
	worker/pace.c worker/pace.h \
	worker/harden.c worker/harden.h \
	worker/conn.c worker/conn_read.c worker/frames.c worker/conns.c worker/conn.h worker/conn_impl.h \
	worker/conn_command.c worker/entry_map.c worker/entry_map.h \
	worker/command.c worker/command.h \
	worker/commands.c worker/commands_claim.c worker/commands_end.c worker/commands_queue.c \
	worker/commands.h worker/commands_impl.h worker/commands_sql.h worker/later.c worker/later.h \
	worker/trace.c worker/trace.h worker/trace_conn.c worker/trace_conn.h \
	worker/session.c worker/session.h \
	worker/batch.c worker/batch.h \
	worker/store.c worker/store_rows.c worker/store_raw.c worker/store.h worker/store_impl.h \
	worker/row.c worker/row.h \
	worker/pgarray.c worker/pgarray.h \
	worker/db.c worker/db.h \
	worker/tasks.c worker/tasks.h \
	worker/devices.c worker/devices.h \
	worker/device_query.c worker/device_query.h \
	worker/lookup.c worker/lookup.h \
	worker/live.c worker/live.h \
	worker/live_folds.c worker/live_write.c worker/live_impl.h worker/live_sql.h \
	worker/rejected.c worker/rejected.h \
	worker/orphans.c worker/orphans.h \
	worker/upkeep.c worker/upkeep.h
