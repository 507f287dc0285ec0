-- The next thing to be done so that each partition has its part of device_positions_event_idx, newest days first; no
-- row: nothing. A leftover is an index that is not valid while nobody builds it: whoever builds one holds a lock
-- that the statement waits for, and after which it looks again. Chunks of a hypertable are no partitions.
WITH part AS (
	SELECT c.oid, c.relname,
		format('%I.%I', n.nspname, c.relname) AS name,
		format('%I.%I', n.nspname, c.relname || '_event_idx') AS index_name,
		quote_ident(c.relname || '_event_idx') AS index_alone
	FROM pg_inherits i
		JOIN pg_class c ON c.oid = i.inhrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE i.inhparent = 'device_positions'::regclass AND c.relispartition AND NOT EXISTS (
		SELECT
		FROM pg_inherits a
			JOIN pg_index x ON x.indexrelid = a.inhrelid
		WHERE a.inhparent = to_regclass('device_positions_event_idx') AND x.indrelid = c.oid
	)
), state AS (
	SELECT part.*, (
		SELECT x.indisvalid
		FROM pg_index x
		WHERE x.indrelid = part.oid AND x.indexrelid = to_regclass(part.index_name)
	) AS valid
	FROM part
)
SELECT relname AS partition,
	CASE WHEN valid THEN 'attach' WHEN NOT valid THEN 'drop a leftover' ELSE 'create' END AS action,
	CASE
		WHEN valid THEN format('BEGIN; SET LOCAL lock_timeout = ''5s'';'
			' ALTER INDEX device_positions_event_idx ATTACH PARTITION %s; COMMIT', index_name)
		WHEN NOT valid THEN format('DO $do$ BEGIN LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE;'
			' IF NOT (SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%L)) THEN'
			' PERFORM set_config(''lock_timeout'', ''5s'', true); DROP INDEX %s; END IF; END $do$',
			name, index_name, index_name)
		ELSE format('CREATE INDEX CONCURRENTLY %s ON %s (received_at) WHERE event_io_id <> 0', index_alone, name)
	END AS statement
FROM state
ORDER BY relname ~ '_[0-9]{8}$' DESC, relname DESC
LIMIT 1
