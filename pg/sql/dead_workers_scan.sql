-- Sessions that a dead worker left open, which only the table knows (the registry was made anew): a page of
-- device_online, as it has no index for this. $1 the last device of the page before, $2 the gateway, $3 sessions
-- before this one are dead, and those that began ahead of the clock; of $4 the owner (the lowest 11 bits of a session's id), or of $5 the first slot that is
-- not used any more; the other one is NULL. The last row of a page comes always.
WITH page AS MATERIALIZED (
	SELECT device_id, session_id,
		(online AND gateway = $2::text
			AND (session_id < $3::bigint
				OR session_id >> 11 > ((extract(epoch FROM now()) + 5) * 1000000)::bigint)
			AND ((session_id & 2047) = $4::bigint OR worker >= $5::integer)) IS TRUE AS dead
	FROM device_online
	WHERE device_id > $1::bigint
	ORDER BY device_id LIMIT 20000)
SELECT device_id, session_id, dead FROM page
WHERE dead OR device_id = (SELECT max(device_id) FROM page)
