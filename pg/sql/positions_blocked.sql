-- Devices of rows, of the keys $1 to $3, that stand in the history and that an open transaction deletes or changes:
-- whoever inserts such a key waits for its end.
SELECT DISTINCT k.device_id
FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[]) AS k (device_id, recorded_at, record_hash)
	CROSS JOIN LATERAL (
		SELECT p.xmax::text AS xmax
		FROM device_positions p
		WHERE p.device_id = k.device_id AND p.recorded_at = k.recorded_at AND p.record_hash = k.record_hash
		LIMIT 1
	) AS p
WHERE p.xmax IN (
	SELECT transactionid::text
	FROM pg_locks
	WHERE locktype = 'transactionid' AND granted AND mode = 'ExclusiveLock' AND pid <> pg_backend_pid()
)
