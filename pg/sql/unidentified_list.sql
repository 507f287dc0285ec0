-- Connections without an IMEI, by address and what they were, the latest first. $1 how many (0: all).
SELECT host(remote_addr) AS remote_addr, what, attempts,
	date_trunc('second', first_seen_at) AS first_seen_at,
	date_trunc('second', last_seen_at) AS last_seen_at,
	encode(first_bytes, 'hex') AS first_bytes
FROM unidentified_connections
ORDER BY last_seen_at DESC, remote_addr, what
LIMIT nullif($1::bigint, 0)
