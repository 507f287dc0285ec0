-- Devices all of whose records lie ahead of the clock: $1 to $17 as of live_rows, with the newest of these records, $18
-- when it arrived. For ten minutes the row only notes by how much they are ahead; then they are shown, with times that
-- are less by that, and no later than they arrived. By about the same amount: within five minutes, as records may be
-- sent later than they were made. A row that somebody holds locked is left out: the next record comes.
WITH x AS (
	SELECT *
	FROM unnest($1::bigint[],
		$2::timestamptz[], $3::bigint[], $4::timestamptz[], $5::float8[], $6::float8[], $7::smallint[],
		$8::integer[], $9::smallint[], $10::integer[], $11::boolean[], $12::smallint[], $13::integer[],
		$14::smallint[], $15::smallint[],
		$16::timestamptz[], $17::jsonb[], $18::timestamptz[])
		AS u (device_id,
		recorded_at, record_hash, received_at, latitude, longitude, altitude, heading, satellites, speed, valid,
		priority, event_io_id, codec, generation_type,
		last_record_at, io, seen_at)
), locked AS MATERIALIZED (
	SELECT o.device_id, o.clock_ahead, o.clock_ahead_since
	FROM x
	JOIN device_online o ON o.device_id = x.device_id
	ORDER BY o.device_id
	FOR NO KEY UPDATE OF o SKIP LOCKED
), w AS (
	SELECT x.*, a.same, a.ahead,
		CASE WHEN a.same THEN a.clock_ahead_since ELSE x.seen_at END AS since,
		a.same AND x.seen_at >= a.clock_ahead_since + interval '10 minutes' AS shown,
		least(x.recorded_at - a.ahead, x.received_at) AS fix_at,
		least(x.last_record_at - a.ahead, x.seen_at) AS record_at
	FROM x
	JOIN (
		SELECT l.device_id, l.clock_ahead_since, s.same,
			CASE WHEN s.same THEN greatest(l.clock_ahead, s.ahead) ELSE s.ahead END AS ahead
		FROM locked l
		JOIN x ON x.device_id = l.device_id
		CROSS JOIN LATERAL (
			SELECT x.last_record_at - x.seen_at AS ahead,
				l.clock_ahead IS NOT NULL
					AND x.last_record_at - x.seen_at - l.clock_ahead
						BETWEEN interval '-5 minutes' AND interval '5 minutes' AS same) s) a
		ON a.device_id = x.device_id)
UPDATE device_online o SET
	clock_ahead = w.ahead,
	clock_ahead_since = w.since,
	(recorded_at, record_hash, received_at, latitude, longitude, altitude, heading, satellites, speed, valid, priority,
		event_io_id, codec, generation_type) = (
		SELECT f.* FROM (VALUES
			(true, w.fix_at, w.record_hash, w.received_at, w.latitude, w.longitude, w.altitude, w.heading, w.satellites,
				w.speed, w.valid, w.priority, w.event_io_id, w.codec, w.generation_type),
			(false, o.recorded_at, o.record_hash, o.received_at, o.latitude, o.longitude, o.altitude, o.heading,
				o.satellites, o.speed, o.valid, o.priority, o.event_io_id, o.codec, o.generation_type))
			AS v (taken, recorded_at, record_hash, received_at, latitude, longitude, altitude, heading, satellites,
				speed, valid, priority, event_io_id, codec, generation_type)
		CROSS JOIN LATERAL (SELECT v.recorded_at, v.record_hash, v.received_at, v.latitude, v.longitude, v.altitude,
			v.heading, v.satellites, v.speed, v.valid, v.priority, v.event_io_id, v.codec, v.generation_type) f
		WHERE v.taken = (w.shown AND (w.fix_at > o.recorded_at OR (w.fix_at IS NOT NULL AND o.recorded_at IS NULL)))
			IS TRUE),
	last_record_at = CASE WHEN w.shown THEN greatest(o.last_record_at, w.record_at) ELSE o.last_record_at END,
	io = CASE WHEN w.shown AND (o.last_record_at IS NULL OR w.record_at > o.last_record_at) THEN w.io ELSE o.io END,
	updated_at = clock_timestamp()
FROM w
WHERE o.device_id = w.device_id
