-- Commands that were over $1 days ago go, a page of the table at a time: $2 is the id behind which it begins. A row
-- that somebody holds locked stays until next time. The answer is the last id of the page, or no row at the end: from
-- the first one on that is younger than that, none can be old enough.
WITH page AS MATERIALIZED (
	SELECT id, status, updated_at, created_at
	FROM device_commands
	WHERE id > $2::bigint AND $1::integer > 0
	ORDER BY id LIMIT 1000),
gone AS MATERIALIZED (
	SELECT c.id
	FROM device_commands c
	WHERE c.id IN (
		SELECT id FROM page
		WHERE status NOT IN ('pending', 'sent') AND updated_at < now() - $1::integer * interval '1 day')
	FOR UPDATE SKIP LOCKED),
deleted AS (
	DELETE FROM device_commands WHERE id IN (SELECT id FROM gone))
SELECT max(id) FROM page
HAVING max(id) IS NOT NULL AND max(created_at) < now() - $1::integer * interval '1 day'
