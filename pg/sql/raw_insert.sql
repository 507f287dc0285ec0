-- Raw frames. The same frame again only counts up; the same one twice in a statement too. Frames whose row somebody
-- holds locked are left out; the answer has their hashes and IMEIs.
WITH u AS MATERIALIZED (
	SELECT DISTINCT ON (imei, reason, frame_hash) imei, device_id, reason, frame, frame_hash, received_at, remote_addr,
		count(*) OVER (PARTITION BY imei, reason, frame_hash) AS attempts
	FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[], $6::timestamptz[], $7::inet[])
		AS u (imei, device_id, reason, frame, frame_hash, received_at, remote_addr)
	ORDER BY imei, reason, frame_hash, received_at
),
there AS MATERIALIZED (
	SELECT r.id, u.imei, u.reason, u.frame_hash
	FROM u
		CROSS JOIN LATERAL (
			SELECT id
			FROM device_ingest_raw r
			WHERE r.imei = u.imei AND r.reason = u.reason AND r.frame_hash = u.frame_hash
			LIMIT 1
		) AS r
),
mine AS MATERIALIZED (
	SELECT id
	FROM device_ingest_raw
	WHERE id IN (SELECT id FROM there)
	ORDER BY imei, reason, frame_hash
	FOR NO KEY UPDATE SKIP LOCKED
),
locked AS MATERIALIZED (
	SELECT imei, reason, frame_hash FROM there WHERE id NOT IN (SELECT id FROM mine)
),
written AS (
	INSERT INTO device_ingest_raw AS r
		(imei, device_id, reason, frame, frame_hash, received_at, last_seen_at, remote_addr, attempts)
	SELECT imei, device_id, reason, frame, frame_hash, received_at, received_at, remote_addr, attempts
	FROM u
	WHERE (imei, reason, frame_hash) NOT IN (SELECT imei, reason, frame_hash FROM locked)
	ORDER BY imei, reason, frame_hash
	ON CONFLICT (imei, reason, frame_hash) DO UPDATE
	SET attempts = r.attempts + excluded.attempts,
		last_seen_at = greatest(r.last_seen_at, excluded.last_seen_at),
		remote_addr = excluded.remote_addr
)
SELECT frame_hash, imei::bigint FROM locked
