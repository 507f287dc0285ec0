-- The first day of the file that has no partition; no row: all have one, or the history has no partitions of ours.
SELECT s.day
FROM (
	SELECT DISTINCT (recorded_at AT TIME ZONE 'UTC')::date AS day FROM telematics_import
	WHERE telematics_history_kind() = 'partitioned'
) AS s
WHERE NOT EXISTS (SELECT FROM pg_inherits
	WHERE inhparent = 'device_positions'::regclass
	AND inhrelid = to_regclass('device_positions_' || to_char(s.day, 'YYYYMMDD')))
ORDER BY s.day LIMIT 1
