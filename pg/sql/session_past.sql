-- Sessions that have ended, the latest first, of the IMEI $2 (NULL: of all). $1 how many (0: all).
SELECT d.imei, d.name,
	date_trunc('second', s.started_at) AS started_at,
	date_trunc('second', s.ended_at) AS ended_at,
	s.reason, s.records,
	host(s.remote_addr) AS remote_addr,
	s.gateway
FROM device_sessions s
	JOIN devices d ON d.id = s.device_id
WHERE $2::text IS NULL OR d.imei = $2
ORDER BY s.ended_at DESC, d.imei
LIMIT nullif($1::bigint, 0)
