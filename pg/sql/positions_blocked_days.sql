-- Which of the days $1 (since 1970) have their rows in a partition that somebody else holds locked against writers. The
-- least bigint: he holds the whole table.
WITH held AS MATERIALIZED (
	SELECT relation
	FROM pg_locks
	WHERE locktype = 'relation' AND granted AND pid <> pg_backend_pid()
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
),
days AS MATERIALIZED (
	SELECT d AS day,
		coalesce(i.inhrelid, t.partdefid) AS relation
	FROM unnest($1::bigint[]) AS d
		LEFT JOIN pg_partitioned_table t ON t.partrelid = 'device_positions'::regclass
		LEFT JOIN pg_inherits i ON i.inhparent = 'device_positions'::regclass
			AND i.inhrelid = to_regclass('device_positions_' || to_char('1970-01-01'::date + d::integer, 'YYYYMMDD'))
)
SELECT day FROM days WHERE relation IN (SELECT relation FROM held)
UNION ALL
SELECT (-9223372036854775808)::bigint FROM held WHERE relation = 'device_positions'::regclass
