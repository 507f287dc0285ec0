-- Which sessions of this gateway ($3), $2 of the devices $1, have lost their device to another gateway: places in the
-- arrays. (The statement that opens a session tells the one that held the older, but a notification may be missed, and
-- one that was opened first may be written last.)
SELECT x.n
FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS x (device_id, session_id, n)
JOIN device_online o ON o.device_id = x.device_id
WHERE o.online AND o.gateway <> $3::text AND o.session_id > x.session_id
	AND o.session_id >> 11 <= ((extract(epoch FROM now()) + 5) * 1000000)::bigint
