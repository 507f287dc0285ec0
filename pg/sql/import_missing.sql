-- The first day of the file that has no partition, and whether it can't get one: its table is there, and nobody is making a
-- partition of it (it would have a CHECK of that day). No row: all have one, or the history has no partitions of ours. What a
-- clock that was wrong has said makes no days: it was in the default partition when it came, and goes there again.
SELECT s.day, c.oid IS NOT NULL AND NOT EXISTS (SELECT FROM pg_constraint k
	WHERE k.conrelid = c.oid AND k.conname = c.relname || '_day') AS taken
FROM (
	SELECT DISTINCT (recorded_at AT TIME ZONE 'UTC')::date AS day FROM telematics_import
	WHERE telematics_history_kind() = 'partitioned'
	AND recorded_at BETWEEN received_at - interval '36 days' AND received_at + interval '8 days'
) AS s
LEFT JOIN pg_class c ON c.oid = to_regclass('device_positions_' || to_char(s.day, 'YYYYMMDD'))
WHERE NOT EXISTS (SELECT FROM pg_inherits
	WHERE inhparent = 'device_positions'::regclass AND inhrelid = c.oid)
ORDER BY 2 DESC, 1 LIMIT 1
