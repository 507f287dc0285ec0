-- The ledger of refusals, the latest first, and whether each would be let in now. $1 how many (0: all).
SELECT r.imei, r.reason, r.attempts,
	date_trunc('second', r.first_seen_at) AS first_seen_at,
	date_trunc('second', r.last_seen_at) AS last_seen_at,
	host(r.last_remote_addr) AS last_remote_addr,
	coalesce(
		(
			SELECT CASE WHEN d.enabled THEN 'enabled' ELSE 'disabled' END
			FROM devices d
			WHERE d.imei = r.imei
		),
		'no') AS registered
FROM rejected_devices r
ORDER BY r.last_seen_at DESC, r.imei
LIMIT nullif($1::bigint, 0)
