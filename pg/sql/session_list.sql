-- Who is connected now, the newest connection first. $1 how many (0: all).
SELECT d.imei, d.name,
	date_trunc('second', o.connected_at) AS connected_at,
	host(o.remote_addr) AS remote_addr,
	o.gateway, o.worker,
	date_trunc('second', o.last_seen_at) AS last_seen_at,
	date_trunc('second', o.last_record_at) AS last_record_at,
	o.disconnect_reason AS last_end
FROM device_online o
	JOIN devices d ON d.id = o.device_id
WHERE o.online
ORDER BY o.connected_at DESC, d.imei
LIMIT nullif($1::bigint, 0)
