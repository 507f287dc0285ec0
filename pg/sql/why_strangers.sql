-- Connections without an IMEI within a week, the latest first: which of them may be the device whose last address was $1
-- (NULL: none). An address that no device has come from is nobody's. Times are ms since 1970.
SELECT host(u.remote_addr) AS addr, u.what, u.attempts,
	(extract(epoch FROM u.last_seen_at) * 1000)::bigint AS last,
	encode(u.first_bytes, 'hex') AS first_bytes,
	coalesce(u.remote_addr = $1::inet, false) AS same_addr,
	u.last_seen_at > now() - interval '1 day' AND NOT EXISTS (
		SELECT FROM device_online o WHERE o.remote_addr = u.remote_addr
	) AS nobodys
FROM unidentified_connections u
WHERE u.last_seen_at > now() - interval '7 days'
ORDER BY u.last_seen_at DESC
