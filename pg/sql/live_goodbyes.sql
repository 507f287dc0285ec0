-- The sessions of devices that were deleted: such a device gets no new row, but one that is there goes offline. $1
-- devices, $2 sessions, $3 their ends. Rows that somebody holds locked are left out; the answer tells which.
WITH x AS MATERIALIZED (
	SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS x (device_id, session_id, at)
),
mine AS MATERIALIZED (
	SELECT device_id
	FROM device_online
	WHERE device_id = ANY ($1::bigint[])
	ORDER BY device_id
	FOR NO KEY UPDATE SKIP LOCKED
),
written AS (
	UPDATE device_online o SET online = false, disconnected_at = x.at, updated_at = clock_timestamp()
	FROM x
	WHERE o.device_id = x.device_id AND o.session_id = x.session_id AND o.online
		AND o.device_id IN (SELECT device_id FROM mine)
)
SELECT device_id
FROM device_online
WHERE device_id = ANY ($1::bigint[]) AND device_id NOT IN (SELECT device_id FROM mine)
