# The only place that speaks libpq. Statements are files in pg/sql/, embedded in the programs.
pg_statements = \
	pg/sql/backend_wait.sql \
	pg/sql/command_cancel.sql \
	pg/sql/command_device.sql \
	pg/sql/command_find.sql \
	pg/sql/command_insert.sql \
	pg/sql/command_list.sql \
	pg/sql/command_rows.sql \
	pg/sql/command_wait.sql \
	pg/sql/commands_claim.sql \
	pg/sql/commands_count.sql \
	pg/sql/commands_limit.sql \
	pg/sql/commands_over.sql \
	pg/sql/commands_poll.sql \
	pg/sql/commands_sweep.sql \
	pg/sql/commands_tell.sql \
	pg/sql/dead_workers_move.sql \
	pg/sql/dead_workers_ping.sql \
	pg/sql/dead_workers_scan.sql \
	pg/sql/device_add.sql \
	pg/sql/device_enable.sql \
	pg/sql/device_existing.sql \
	pg/sql/device_io.sql \
	pg/sql/device_import.sql \
	pg/sql/device_list.sql \
	pg/sql/device_missing.sql \
	pg/sql/device_refusals.sql \
	pg/sql/device_remove.sql \
	pg/sql/device_set.sql \
	pg/sql/device_show.sql \
	pg/sql/device_twice.sql \
	pg/sql/devices_ask.sql \
	pg/sql/devices_insert.sql \
	pg/sql/devices_load.sql \
	pg/sql/dictionary_stored.sql \
	pg/sql/dictionary_version.sql \
	pg/sql/event_index_step.sql \
	pg/sql/events_list.sql \
	pg/sql/export_day.sql \
	pg/sql/export_day_sum.sql \
	pg/sql/export_device.sql \
	pg/sql/export_device_sum.sql \
	pg/sql/export_moving.sql \
	pg/sql/export_set.sql \
	pg/sql/gateways_beat.sql \
	pg/sql/gateways_enter.sql \
	pg/sql/gateways_release.sql \
	pg/sql/gateways_silent.sql \
	pg/sql/gateways_sweep.sql \
	pg/sql/gateways_swept.sql \
	pg/sql/grants_public.sql \
	pg/sql/grants_statement.sql \
	pg/sql/import_ask_day.sql \
	pg/sql/import_copy.sql \
	pg/sql/import_devices.sql \
	pg/sql/import_index.sql \
	pg/sql/import_missing.sql \
	pg/sql/import_present.sql \
	pg/sql/import_stage.sql \
	pg/sql/import_step.sql \
	pg/sql/import_strangers.sql \
	pg/sql/import_sum.sql \
	pg/sql/import_take_back.sql \
	pg/sql/jobs_session.sql \
	pg/sql/link_abandoned.sql \
	pg/sql/link_creators.sql \
	pg/sql/link_durability.sql \
	pg/sql/link_schema.sql \
	pg/sql/link_settings.sql \
	pg/sql/live_ahead.sql \
	pg/sql/live_goodbyes.sql \
	pg/sql/live_pings.sql \
	pg/sql/live_rows.sql \
	pg/sql/live_rows_unlocked.sql \
	pg/sql/messages_insert.sql \
	pg/sql/migrate_begin.sql \
	pg/sql/migrate_find_ledger.sql \
	pg/sql/migrate_make_ledger.sql \
	pg/sql/migrate_record.sql \
	pg/sql/migrate_rewrite.sql \
	pg/sql/migrate_schema_creators.sql \
	pg/sql/migrate_show_notices.sql \
	pg/sql/migrate_upkeep.sql \
	pg/sql/migrate_version.sql \
	pg/sql/partitions_session.sql \
	pg/sql/partitions_step.sql \
	pg/sql/positions_blocked.sql \
	pg/sql/positions_blocked_days.sql \
	pg/sql/positions_copy.sql \
	pg/sql/positions_insert.sql \
	pg/sql/positions_prove.sql \
	pg/sql/raw_drop.sql \
	pg/sql/raw_insert.sql \
	pg/sql/raw_insert_message.sql \
	pg/sql/raw_list.sql \
	pg/sql/raw_read.sql \
	pg/sql/raw_requests_book.sql \
	pg/sql/raw_requests_drop.sql \
	pg/sql/raw_requests_message.sql \
	pg/sql/raw_requests_next.sql \
	pg/sql/raw_set_decoded.sql \
	pg/sql/raw_show.sql \
	pg/sql/raw_undecoded.sql \
	pg/sql/rejected_clear.sql \
	pg/sql/rejected_list.sql \
	pg/sql/rejected_trim.sql \
	pg/sql/rejected_write.sql \
	pg/sql/retention_commands.sql \
	pg/sql/retention_messages.sql \
	pg/sql/retention_sessions.sql \
	pg/sql/rhythm_step.sql \
	pg/sql/session_list.sql \
	pg/sql/session_past.sql \
	pg/sql/session_setup.sql \
	pg/sql/sessions_check.sql \
	pg/sql/sessions_ended.sql \
	pg/sql/status.sql \
	pg/sql/status_default.sql \
	pg/sql/status_gateways.sql \
	pg/sql/store_hasty.sql \
	pg/sql/store_patient.sql \
	pg/sql/top_worst.sql \
	pg/sql/unidentified_list.sql \
	pg/sql/unidentified_trim.sql \
	pg/sql/unidentified_write.sql \
	pg/sql/why_all.sql \
	pg/sql/why_arrival.sql \
	pg/sql/why_commands.sql \
	pg/sql/why_device.sql \
	pg/sql/why_near.sql \
	pg/sql/why_quarantine.sql \
	pg/sql/why_records.sql \
	pg/sql/why_strangers.sql
# What several of them share, by \ir.
pg_statement_parts = \
	pg/sql/_command_columns.sql \
	pg/sql/_command_filter.sql \
	pg/sql/_devices_fields.sql \
	pg/sql/_export_checksum.sql \
	pg/sql/_export_columns.sql \
	pg/sql/_export_day.sql \
	pg/sql/_export_device.sql \
	pg/sql/_live_fix_is_newer.sql \
	pg/sql/_live_row_columns.sql \
	pg/sql/_live_row_input.sql \
	pg/sql/_live_row_on_conflict.sql \
	pg/sql/_live_session_is_newer.sql \
	pg/sql/_raw_columns.sql

noinst_LIBRARIES += libpg.a
libpg_a_SOURCES = \
	pg/array.c pg/array.h \
	pg/error.c pg/error.h \
	pg/hosts.c pg/hosts.h \
	pg/isolate.c pg/isolate.h \
	pg/link.c pg/link.h pg/link_impl.h \
	pg/link_job.c \
	pg/link_names.c \
	pg/link_setup.c \
	pg/link_watch.c \
	pg/params.c pg/params.h \
	pg/query.c pg/query.h \
	pg/result.c pg/result.h \
	pg/row.c pg/row.h \
	pg/schema_version.h \
	pg/session.c pg/session.h \
	pg/sql.c pg/sql.h \
	pg/url.c pg/url.h
nodist_libpg_a_SOURCES = pg/sql/embedded.c
EXTRA_DIST += pg/sql/embed.awk $(pg_statements) $(pg_statement_parts)
CLEANFILES += pg/sql/embedded.c pg/sql/embedded.c.tmp

pg/sql/embedded.c: $(pg_statements) $(pg_statement_parts) pg/sql/embed.awk
	$(AM_V_GEN)$(MKDIR_P) pg/sql
	$(AM_V_at)LC_ALL=C $(AWK) -f $(srcdir)/pg/sql/embed.awk \
		$$(for f in $(pg_statements); do echo $(srcdir)/$$f; done | LC_ALL=C sort) > $@.tmp && \
		mv -f $@.tmp $@
