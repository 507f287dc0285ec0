-- devices.last_ping of the devices in $1, as their live rows have it now. Rows that somebody holds locked are left
-- out.
UPDATE devices d SET last_ping = l.seen
FROM (SELECT f.id, o.last_seen_at AS seen
	FROM device_online o JOIN devices f ON f.id = o.device_id
	WHERE o.device_id = ANY ($1::bigint[]) AND (f.last_ping IS NULL OR f.last_ping < o.last_seen_at
		OR f.last_ping > now() + interval '5 seconds')
	ORDER BY f.id
	FOR NO KEY UPDATE OF f SKIP LOCKED) l
WHERE d.id = l.id
