-- $1 how many (0: all), $2 only disabled ones, $3 only those that are connected now.
SELECT d.imei, d.name, d.device_model, d.enabled,
	coalesce(o.online, false) AS online,
	date_trunc('second', o.last_seen_at) AS last_seen_at,
	date_trunc('second', o.last_record_at) AS last_record_at,
	o.latitude, o.longitude, o.speed
FROM devices d
	LEFT JOIN device_online o ON o.device_id = d.id
WHERE (NOT $2::boolean OR NOT d.enabled) AND (NOT $3::boolean OR o.online)
ORDER BY d.imei
LIMIT nullif($1::bigint, 0)
