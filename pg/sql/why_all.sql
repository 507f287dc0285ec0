-- Devices that are silent, the longest first, at most $1: registered and enabled, and not heard for longer than they usually
-- are silent, or heard without records or a fix. Each by its own rhythm (usual_gap_s), and never within ten minutes.
SELECT imei, name, silent_since, usual_gap_s, (extract(epoch FROM silent_since) * 1000)::bigint AS silent_since_ms
FROM (
	SELECT d.imei, d.name,
		CASE
			WHEN o.device_id IS NULL THEN d.created_at
			WHEN o.last_record_at IS NULL THEN least(o.last_seen_at, o.connected_at)
			ELSE least(o.last_seen_at, o.last_record_at, coalesce(o.recorded_at, o.last_record_at))
		END AS silent_since,
		o.usual_gap_s,
		make_interval(secs => greatest(coalesce(3 * o.usual_gap_s, 0), 600)) AS patience,
		o.device_id
	FROM devices d
		LEFT JOIN device_online o ON o.device_id = d.id
	WHERE d.enabled
) AS s
WHERE device_id IS NULL OR silent_since IS NULL OR silent_since < now() - patience
ORDER BY silent_since NULLS FIRST, imei
LIMIT nullif($1::bigint, 0)
