-- Devices that are silent, the longest first, at most $1: registered and enabled, and not heard for longer than their
-- rhythm allows (migrations/0013_rhythm.sql), or heard without records, or without a fix for as long.
SELECT d.imei, d.name, w.since AS silent_since, s.usual_gap_s,
	(extract(epoch FROM w.since) * 1000)::bigint AS silent_since_ms
FROM telematics_silence() s
	JOIN devices d ON d.id = s.device_id
	LEFT JOIN device_online o ON o.device_id = s.device_id
	CROSS JOIN LATERAL (
		SELECT CASE WHEN s.seen THEN least(s.since, o.recorded_at) ELSE s.since END AS since
	) AS w
WHERE s.silent OR w.since < now() - s.patience_s * interval '1 second'
ORDER BY w.since NULLS FIRST, d.imei
LIMIT nullif($1::bigint, 0)
