-- Commands from `pending` to `sent`, for many connections: $1 IMEIs, $2 device ids, $3 sessions, $4 codecs, $5 late
-- ids (only this command; 0: any), and for all $6 attempts, $7 the time-out in ms.
--
-- The head of each device's queue, if it is due, nothing of that device is in flight, and no newer session of it is
-- known, wherever. The conditions stand once more at the row that is locked: they are looked at again if another
-- gateway was faster.
--
-- The rows of the answer: place in the arrays, what came of it, id, attempt, codec, text, ms. What came of it is
-- `sent`, `failed`, `wait` until it is due in so many ms, a day at most, or `blocked` by a late answer. (What has
-- no end can't be subtracted: 'infinity' in one row would stop all.)
--
-- How many commands are in flight changes within seconds from none to one per device, and the planner knows how it
-- was minutes ago. Where it would gladly read all of "the few" that are `sent`, for each of 500 rows, the statement
-- leaves it only the way by the key: an EXISTS inside of a SELECT is not a join.
WITH w AS MATERIALIZED (
	SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::integer[], $5::bigint[])
		WITH ORDINALITY AS u (imei, device_id, session_id, codecs, late_id, n)),
head AS MATERIALIZED (
	SELECT w.n, w.codecs, w.late_id, c.id, c.next_retry_at
	FROM w
	CROSS JOIN LATERAL (
		SELECT c.id, c.status, c.next_retry_at
		FROM device_commands c
		WHERE c.imei = w.imei AND c.status IN ('pending', 'sent')
			AND (c.status = 'sent' OR c.expires_at IS NULL OR c.expires_at > now())
		ORDER BY c.id LIMIT 1) c
	WHERE c.status = 'pending'
		AND (SELECT NOT EXISTS (SELECT FROM device_commands s WHERE s.imei = w.imei AND s.status = 'sent'))
		AND (SELECT NOT EXISTS (SELECT FROM device_online o
			WHERE o.device_id = w.device_id AND o.online AND o.session_id > w.session_id
				AND o.session_id >> 11 <= ((extract(epoch FROM now()) + 5) * 1000000)::bigint))),
mine AS MATERIALIZED (
	SELECT c.id, h.n,
		CASE WHEN h.codecs & CASE c.codec WHEN 14 THEN 32 ELSE 8 END = 0
			THEN format('the model of the device may not use codec %s (device_models)', c.codec)
			WHEN c.attempt_count >= coalesce(c.max_attempts, $6::integer)
			THEN 'its attempts are used up' END AS obstacle
	FROM head h
	JOIN device_commands c ON c.id = h.id
	WHERE c.status = 'pending' AND (c.next_retry_at IS NULL OR c.next_retry_at <= now())
		AND h.late_id IN (0, h.id)
	ORDER BY c.id
	FOR UPDATE OF c SKIP LOCKED),
done AS (
	UPDATE device_commands c SET
		status = CASE WHEN m.obstacle IS NULL THEN 'sent' ELSE 'failed' END,
		attempt_count = c.attempt_count + (m.obstacle IS NULL)::integer,
		sent_at = CASE WHEN m.obstacle IS NULL THEN now() ELSE c.sent_at END,
		next_retry_at = CASE WHEN m.obstacle IS NULL THEN now() + $7::bigint * interval '1 millisecond' END,
		error_message = coalesce(m.obstacle, c.error_message)
	FROM mine m
	WHERE c.id = m.id
	RETURNING m.n, c.status, c.id, c.attempt_count, c.codec, c.command_text)
SELECT n, status, id, attempt_count, codec, command_text, NULL::bigint FROM done
UNION ALL
SELECT n, CASE WHEN next_retry_at > now() THEN 'wait' ELSE 'blocked' END, id, 0, 0, NULL,
	CASE WHEN next_retry_at > now()
		THEN ceil(1000 * extract(epoch FROM least(next_retry_at, now() + interval '1 day') - now()))
	END::bigint
FROM head
WHERE next_retry_at > now() OR late_id NOT IN (0, id)
