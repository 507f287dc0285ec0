-- What an ACK rests on. synchronous_commit is always set here, so that no reload, role or database weakens it later:
-- to $1 (TELEM_SYNCHRONOUS_COMMIT), or to remote_apply where that is found and $1 is 'on'. Then what can't be mended
-- from here: what would lose committed rows in a crash of the server ('': nothing). And which backend this is, and of
-- which server.
SELECT set_config('synchronous_commit',
		CASE WHEN $1 = 'on' AND current_setting('synchronous_commit') = 'remote_apply' THEN 'remote_apply' ELSE $1 END,
		false),
	concat_ws(', ',
		CASE WHEN current_setting('fsync') = 'off' THEN 'fsync = off' END,
		CASE WHEN current_setting('full_page_writes') = 'off' THEN 'full_page_writes = off' END,
		(SELECT 'UNLOGGED: ' || string_agg(c.relname, ', ' ORDER BY c.relname)
			FROM pg_class c
			WHERE c.relpersistence = 'u' AND (
				c.oid = ANY (ARRAY[to_regclass('devices'), to_regclass('device_online'),
					to_regclass('device_commands'), to_regclass('device_messages'),
					to_regclass('device_ingest_raw'), to_regclass('device_positions')]::oid[])
				OR c.oid IN (SELECT relid FROM pg_partition_tree(to_regclass('device_positions')))))),
	pg_backend_pid(),
	(SELECT backend_start FROM pg_stat_get_activity(pg_backend_pid())),
	pg_postmaster_start_time()
