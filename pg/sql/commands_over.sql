-- Attempts that ended without an answer: $1 ids, $2 attempts, $3 why, $4 ms until the next attempt (-1: the next
-- connection), $5 for good, for all $6 attempts, and $7 no byte went out: such an attempt is given back. Only what is
-- still in that attempt changes. A row that somebody holds locked is not waited for, as it would hold up all others: it
-- comes back as `locked`. (LIKE doesn't match the condition of the index device_commands_in_flight_idx, so only the
-- way by the key is left, see commands_claim.)
WITH o AS MATERIALIZED (
	SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::bigint[], $5::boolean[], $7::boolean[])
		AS o (id, attempt, why, delay, final, unsent)),
mine AS MATERIALIZED (
	SELECT o.*
	FROM o
	JOIN device_commands c ON c.id = o.id
	WHERE c.status LIKE 'sent' AND c.attempt_count = o.attempt
	FOR UPDATE OF c SKIP LOCKED),
done AS (
	UPDATE device_commands c SET
		status = CASE
			WHEN o.final OR NOT o.unsent AND c.attempt_count >= coalesce(c.max_attempts, $6::integer)
			THEN 'failed'
			WHEN c.expires_at <= now() THEN 'expired'
			ELSE 'pending' END,
		attempt_count = c.attempt_count - o.unsent::integer,
		sent_at = CASE WHEN o.unsent AND c.attempt_count = 1 THEN NULL ELSE c.sent_at END,
		next_retry_at = CASE
			WHEN o.delay >= 0 AND NOT o.final AND c.attempt_count < coalesce(c.max_attempts, $6::integer)
			THEN now() + o.delay * interval '1 millisecond' END,
		error_message = CASE WHEN NOT o.unsent THEN format('%s (attempt %s of %s)', o.why, c.attempt_count,
			coalesce(c.max_attempts, $6::integer)) END
	FROM mine o
	WHERE c.id = o.id
	RETURNING c.id, c.status, c.imei)
SELECT id, status, imei FROM done
UNION ALL
SELECT c.id, 'locked', c.imei
FROM o
JOIN device_commands c ON c.id = o.id
WHERE c.status LIKE 'sent' AND c.attempt_count = o.attempt AND o.id NOT IN (SELECT id FROM mine)
