-- The first day of the file that has no partition; no row: all have one, or the history has no partitions of ours. What a clock
-- that was wrong has said makes no days: it was in the default partition when it came, and goes there again.
SELECT s.day
FROM (
	SELECT DISTINCT (recorded_at AT TIME ZONE 'UTC')::date AS day FROM telematics_import
	WHERE telematics_history_kind() = 'partitioned'
	AND recorded_at BETWEEN received_at - interval '36 days' AND received_at + interval '8 days'
) AS s
WHERE NOT EXISTS (SELECT FROM pg_inherits
	WHERE inhparent = 'device_positions'::regclass
	AND inhrelid = to_regclass('device_positions_' || to_char(s.day, 'YYYYMMDD')))
ORDER BY s.day LIMIT 1
