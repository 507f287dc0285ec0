-- A refused IMEI that may be the true one of the device with the IMEI $1, whose last address was $2 (NULL: none): the
-- same with two digits swapped or one wrong, or from that address. The time is ms since 1970.
SELECT r.imei AS near_imei, r.attempts AS near_refusals,
	(extract(epoch FROM r.last_seen_at) * 1000)::bigint AS near_last,
	host(r.last_remote_addr) AS near_addr,
	CASE WHEN d.n = 2 AND d.theirs = reverse(d.ours) THEN 'swapped'
		WHEN d.n = 1 THEN 'digit'
		ELSE 'address' END AS near_how
FROM rejected_devices r
	CROSS JOIN LATERAL (
		SELECT count(*) AS n,
			string_agg(substr(r.imei, i, 1), '' ORDER BY i) AS theirs,
			string_agg(substr($1::text, i, 1), '' ORDER BY i) AS ours
		FROM generate_series(1, 15) AS i
		WHERE substr(r.imei, i, 1) <> substr($1::text, i, 1)
	) AS d
WHERE r.reason = 'unknown' AND r.imei <> $1::text
	AND NOT EXISTS (SELECT FROM devices WHERE imei = r.imei)
	AND ((d.n = 2 AND d.theirs = reverse(d.ours)) OR d.n = 1 OR r.last_remote_addr = $2::inet)
ORDER BY d.n = 2 AND d.theirs = reverse(d.ours) DESC, d.n = 1 DESC, r.last_seen_at DESC
LIMIT 1
