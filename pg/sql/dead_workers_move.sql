-- What a dead worker had committed but not yet written to the live rows, as it would have written it, and the ends
-- of its sessions. $1 devices, $2 their dead sessions (NULL: only the position may be behind), $3 the gateway.
--
-- The history is asked for nothing older than the row, so few partitions are looked at. Positions from before 2010
-- or more than ten minutes ahead are those of a clock that can't be trusted. Without a session and anything newer
-- nothing is written. An id of a session holds when it began (microseconds), the worker's slot and the block of the slot
-- (11 bits together).
--
-- Rows that somebody holds locked are left out; the answer tells which.
WITH mine AS MATERIALIZED (
	SELECT device_id
	FROM device_online
	WHERE device_id = ANY ($1::bigint[])
	ORDER BY device_id
	FOR NO KEY UPDATE SKIP LOCKED),
locked AS MATERIALIZED (
	SELECT device_id
	FROM device_online
	WHERE device_id = ANY ($1::bigint[]) AND device_id NOT IN (SELECT device_id FROM mine)),
w AS (
	SELECT x.device_id, x.session_id,
		CASE WHEN c.recorded_at <= now() + interval '10 minutes' THEN c.recorded_at END AS fix_at,
		CASE WHEN c.last_record_at <= now() + interval '10 minutes' THEN c.last_record_at END AS last_record_at,
		CASE WHEN c.session_id = x.session_id THEN c.remote_addr END AS remote_addr
	FROM unnest($1::bigint[], $2::bigint[]) AS x (device_id, session_id)
	LEFT JOIN device_online c ON c.device_id = x.device_id
	WHERE x.device_id NOT IN (SELECT device_id FROM locked)),
written AS (
INSERT INTO device_online AS o (
	\ir _live_row_columns.sql
)
SELECT w.device_id,
	f.*,
	r.recorded_at, r.io,
	w.session_id, false, to_timestamp((w.session_id >> 11) / 1000000.0),
	CASE WHEN w.session_id IS NOT NULL THEN now() END, r.received_at, NULL::inet,
	CASE WHEN w.session_id IS NOT NULL THEN 'worker_died' END, CASE WHEN w.session_id IS NOT NULL THEN 1 END,
	CASE WHEN w.session_id IS NOT NULL THEN now() END,
	CASE WHEN w.session_id IS NOT NULL THEN $3::text END, ((w.session_id & 2047) >> 1)::integer,
	clock_timestamp()
FROM w
-- The newest fix that the row doesn't have.
LEFT JOIN LATERAL (
	SELECT recorded_at, record_hash, received_at, latitude, longitude, altitude, heading, satellites, speed, valid,
		priority, event_io_id, codec, generation_type
	FROM device_positions h
	WHERE h.device_id = w.device_id AND h.valid
		AND h.recorded_at > greatest(w.fix_at, timestamptz '2009-12-31 23:59:59.999999+00')
		AND h.recorded_at <= now() + interval '10 minutes'
	ORDER BY h.recorded_at DESC LIMIT 1) f ON true
-- The newest record that it doesn't have, with a fix or without.
LEFT JOIN LATERAL (
	SELECT recorded_at, received_at, io
	FROM device_positions h
	WHERE h.device_id = w.device_id
		AND h.recorded_at > greatest(w.last_record_at, timestamptz '2009-12-31 23:59:59.999999+00')
		AND h.recorded_at <= now() + interval '10 minutes'
	ORDER BY h.recorded_at DESC LIMIT 1) r ON true
WHERE w.session_id IS NOT NULL OR f.recorded_at IS NOT NULL OR r.recorded_at IS NOT NULL
ORDER BY w.device_id
\ir _live_row_on_conflict.sql
),
-- The worker may have written its end itself.
ended AS (
INSERT INTO device_sessions (device_id, session_id, started_at, ended_at, gateway, remote_addr, reason)
SELECT device_id, session_id, to_timestamp((session_id >> 11) / 1000000.0), now(), $3::text, remote_addr, 'worker_died'
FROM w
WHERE session_id IS NOT NULL
ON CONFLICT DO NOTHING
)
SELECT device_id FROM locked
