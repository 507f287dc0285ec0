-- devices.last_ping, for the web application: $1 devices, $2 when each was seen. Rows that somebody holds locked
-- are left out; the answer tells which were not.
UPDATE devices d SET last_ping = CASE WHEN d.last_ping > now() + interval '5 seconds' THEN l.seen
	ELSE greatest(d.last_ping, l.seen) END
FROM (SELECT f.id, w.seen FROM unnest($1::bigint[], $2::timestamptz[]) AS w (id, seen)
	JOIN devices f ON f.id = w.id
	ORDER BY f.id
	FOR NO KEY UPDATE OF f SKIP LOCKED) l
WHERE d.id = l.id
RETURNING d.id
