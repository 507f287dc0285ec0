-- Frames of the IMEI $1 in quarantine: how many, and the one that came last. Its time is in ms since 1970.
SELECT count(*) OVER () AS raw_frames,
	sum(attempts) OVER () AS raw_attempts,
	(extract(epoch FROM last_seen_at) * 1000)::bigint AS raw_last,
	attempts AS raw_last_attempts,
	reason AS raw_reason,
	CASE WHEN length(frame) > 8 THEN get_byte(frame, 8) ELSE 0 END AS raw_codec
FROM device_ingest_raw
WHERE imei = $1 AND reason <> 'raw' AND decoded_at IS NULL
ORDER BY last_seen_at DESC
LIMIT 1
