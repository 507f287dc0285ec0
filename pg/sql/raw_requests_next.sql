-- The next frame, behind the id $1, that somebody asked to decode. Its device may have been registered since it came.
SELECT r.id,
	coalesce(r.device_id, d.id)::bigint AS device_id,
	(extract(epoch FROM r.received_at) * 1000000)::bigint AS received_us,
	r.frame
FROM device_ingest_raw r
	LEFT JOIN devices d ON d.imei = r.imei
WHERE r.request = 'decode' AND r.id > $1::bigint
ORDER BY r.id
LIMIT 1
