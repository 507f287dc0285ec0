-- Events that arrived from $1 on (ms since 1970, or in the last $2 seconds where $1 is null), of IMEI $3 (NULL: all), of one
-- of the severities $4; at most $5 of them, the latest. `key` is the identity of the record. Oldest first.
SELECT *
FROM (
	SELECT e.received_at, e.recorded_at, e.imei, e.severity, e.kind, e.label,
		e.value::double precision AS value, e.unit, e.text, e.name,
		e.latitude, e.longitude, e.speed, e.event_io_id,
		format('%s %s %s', e.device_id, extract(epoch FROM e.recorded_at), e.record_hash) AS key,
		(extract(epoch FROM e.received_at) * 1000)::bigint AS received_ms
	FROM device_events e
	WHERE e.received_at >= coalesce(to_timestamp($1::bigint / 1000.0), now() - make_interval(secs => $2::double precision))
		AND ($3::text IS NULL OR e.device_id = (SELECT d.id FROM devices d WHERE d.imei = $3))
		AND e.severity = ANY ($4::text[])
	ORDER BY e.received_at DESC
	LIMIT nullif($5::bigint, 0)
) AS latest
ORDER BY received_at, recorded_at
