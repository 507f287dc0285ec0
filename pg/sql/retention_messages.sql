-- The same for messages that arrived $1 days ago.
WITH page AS MATERIALIZED (
	SELECT id, received_at
	FROM device_messages
	WHERE id > $2::bigint AND $1::integer > 0
	ORDER BY id LIMIT 1000),
gone AS MATERIALIZED (
	SELECT m.id
	FROM device_messages m
	WHERE m.id IN (SELECT id FROM page WHERE received_at < now() - $1::integer * interval '1 day')
	FOR UPDATE SKIP LOCKED),
deleted AS (
	DELETE FROM device_messages WHERE id IN (SELECT id FROM gone))
SELECT max(id) FROM page
HAVING max(id) IS NOT NULL AND max(received_at) < now() - $1::integer * interval '1 day'
