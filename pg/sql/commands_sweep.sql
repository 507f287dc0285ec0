-- Commands that belong to nobody: attempts of a gateway that is gone are over, and what has expired goes. $1
-- attempts, $2 the time-out in ms (for rows that don't say when they are given up), $3 grace in ms. The answer
-- counts by status.
WITH dead AS MATERIALIZED (
	SELECT id FROM device_commands
	WHERE status = 'sent'
		AND CASE WHEN next_retry_at >= sent_at
			THEN next_retry_at < now() - $3::bigint * interval '1 millisecond'
			ELSE coalesce(sent_at, created_at)
				< now() - ($2::bigint + $3::bigint) * interval '1 millisecond' END
	LIMIT 1000
	FOR UPDATE SKIP LOCKED),
d AS (
	UPDATE device_commands c SET
		status = CASE
			WHEN c.attempt_count >= coalesce(c.max_attempts, $1::integer) THEN 'failed'
			WHEN c.expires_at <= now() THEN 'expired'
			ELSE 'pending' END,
		next_retry_at = NULL,
		error_message = format('no answer, and the gateway that sent it is gone (attempt %s of %s)',
			c.attempt_count, coalesce(c.max_attempts, $1::integer))
	FROM dead
	WHERE c.id = dead.id
	RETURNING c.status),
old AS MATERIALIZED (
	SELECT id FROM device_commands
	WHERE status = 'pending' AND expires_at <= now()
	ORDER BY expires_at LIMIT 1000
	FOR UPDATE SKIP LOCKED),
e AS (
	UPDATE device_commands c SET
		status = 'expired',
		next_retry_at = NULL,
		error_message = CASE c.attempt_count WHEN 0 THEN 'expired before it was sent'
			ELSE format('expired after %s attempts', c.attempt_count) END
	FROM old
	WHERE c.id = old.id
	RETURNING c.status)
SELECT status, count(*)
FROM (SELECT status FROM d UNION ALL SELECT status FROM e) AS s
GROUP BY status
