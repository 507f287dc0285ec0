-- Raw frames. The same frame again only counts up; the same one twice in a statement too.
INSERT INTO device_ingest_raw AS r
	(imei, device_id, reason, frame, frame_hash, received_at, last_seen_at, remote_addr, attempts)
SELECT DISTINCT ON (imei, reason, frame_hash) imei, device_id, reason, frame, frame_hash, received_at, received_at,
	remote_addr, count(*) OVER (PARTITION BY imei, reason, frame_hash)
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[], $6::timestamptz[], $7::inet[])
	AS u (imei, device_id, reason, frame, frame_hash, received_at, remote_addr)
ORDER BY imei, reason, frame_hash, received_at
ON CONFLICT (imei, reason, frame_hash) DO UPDATE
SET attempts = r.attempts + excluded.attempts,
	last_seen_at = greatest(r.last_seen_at, excluded.last_seen_at),
	remote_addr = excluded.remote_addr
