-- Messages, and answers to commands. An answer is booked to its command, if that is still in the same attempt, or
-- waits or failed for want of it; all else is kept as unasked. A batch that is stored again finds the answers booked,
-- and brings the same arrival times: nothing is kept twice. Rows: ids of the commands that ended now, how long after
-- they were queued, in microseconds, and 1 for acked, 0 for failed.
--
-- Several messages of a batch may answer one command (`earlier` ones): the first does, the others are kept.
--
-- $14 `earlier`: an answer on a connection on which nothing was sent. It belongs to what was sent last, on an earlier
-- one, within a day.
--
-- The trigger that tells listeners of changed commands (migrations/0015_requests.sql) stays quiet here: worker/task/answers.h.
--
-- Everybody may hold a row of device_commands locked, for as long as he likes; nobody else's records may wait for that.
-- So an answer to such a command is neither booked nor kept: its row in the answer is the arrival of its frame in
-- microseconds, 0 and 2.
WITH u AS MATERIALIZED (
	SELECT *
	FROM unnest($1::text[], $2::bigint[], $3::smallint[], $4::smallint[], $5::timestamptz[], $6::bytea[],
			$7::text[], $8::timestamptz[], $9::bigint[], $10::smallint[], $11::inet[], $12::bigint[],
			$13::integer[], $14::boolean[])
		AS u (imei, device_id, codec, type, message_time, payload, text, received_at, frame_hash, seq,
			remote_addr, asked_id, asked_attempt, earlier)
),
m AS MATERIALIZED (
	SELECT u.*, coalesce(u.asked_id, e.id) AS command_id, coalesce(u.asked_attempt, e.attempt_count) AS attempt
	FROM u
	LEFT JOIN LATERAL (
		SELECT c.id, c.attempt_count
		FROM device_commands c
		WHERE u.earlier AND c.imei = u.imei AND c.attempt_count > 0 AND c.status <> 'sent'
			AND c.sent_at > now() - interval '24 hours'
		ORDER BY c.sent_at DESC LIMIT 1) e ON true
),
mine AS MATERIALIZED (
	SELECT id
	FROM device_commands
	WHERE id IN (SELECT command_id FROM m)
	ORDER BY id
	FOR NO KEY UPDATE SKIP LOCKED
),
locked AS MATERIALIZED (
	SELECT received_at
	FROM m
	WHERE command_id NOT IN (SELECT id FROM mine)
		AND EXISTS (SELECT FROM device_commands c WHERE c.id = m.command_id)
),
first AS MATERIALIZED (
	SELECT DISTINCT ON (command_id) *
	FROM m
	WHERE command_id IS NOT NULL
	ORDER BY command_id, received_at, seq
),
quiet AS MATERIALIZED (
	SELECT set_config('telematics.storing', 'on', true) AS storing
),
answered AS (
	UPDATE device_commands c
	SET status = CASE m.type WHEN 17 THEN 'failed' ELSE 'acked' END,
		responded_at = greatest(m.received_at, c.sent_at),
		response_text = m.text,
		codec12_response_hex = encode(m.payload, 'hex'),
		next_retry_at = NULL,
		error_message = CASE m.type WHEN 17 THEN 'nACK: the device says that its IMEI is another' END
	FROM first m, quiet
	WHERE c.id = m.command_id
		AND quiet.storing = 'on'
		AND c.id IN (SELECT id FROM mine)
		AND (c.status = 'sent' AND c.attempt_count = m.attempt
			OR c.attempt_count BETWEEN 1 AND m.attempt
				AND (c.status = 'pending'
					OR c.status = 'failed' AND m.type <> 17 AND c.error_message LIKE 'no answer%'
						AND c.updated_at > now() - interval '24 hours'))
	RETURNING c.id,
		CASE WHEN isfinite(c.created_at) AND isfinite(c.responded_at)
			THEN c.responded_at - c.created_at ELSE interval '0' END AS waited,
		c.status
),
booked AS (
	SELECT m.received_at, m.frame_hash, m.seq
	FROM device_commands c JOIN m ON c.id = m.command_id
	WHERE c.status IN ('acked', 'failed') AND c.codec12_response_hex = encode(m.payload, 'hex')
		AND c.responded_at = greatest(m.received_at, c.sent_at)
	UNION ALL
	SELECT f.received_at, f.frame_hash, f.seq FROM answered JOIN first f ON answered.id = f.command_id
),
kept AS (
	INSERT INTO device_messages
		(imei, device_id, codec, type, message_time, payload, text, received_at, frame_hash, seq, remote_addr)
	SELECT imei, device_id, codec, type, message_time, payload, text, received_at, frame_hash, seq, remote_addr
	FROM m
	WHERE (command_id IS NULL OR (received_at, frame_hash, seq) NOT IN (SELECT * FROM booked))
		AND received_at NOT IN (SELECT received_at FROM locked)
	ON CONFLICT DO NOTHING
)
SELECT id, (extract(epoch FROM waited) * 1000000)::bigint, (status = 'acked')::integer::bigint FROM answered
UNION ALL
SELECT (extract(epoch FROM received_at) * 1000000)::bigint, 0, 2 FROM locked
