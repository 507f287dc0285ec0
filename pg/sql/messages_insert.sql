-- Messages, and answers to commands. An answer is booked to its command, if that is still in the same attempt; all
-- else is kept as unasked. A batch that is stored again finds the answers booked, and brings the same arrival times:
-- nothing is kept twice. Rows: ids of the commands that were answered now, and how long after they were queued, in
-- microseconds.
--
-- Everybody may hold a row of device_commands locked, for as long as he likes; nobody else's records may wait for that.
-- So such an answer goes to quarantine, after a second. (The time-out is this statement's alone, and set before it
-- waits for a row.)
WITH m AS MATERIALIZED (
	SELECT *
	FROM unnest($1::text[], $2::bigint[], $3::smallint[], $4::smallint[], $5::timestamptz[], $6::bytea[],
			$7::text[], $8::timestamptz[], $9::bigint[], $10::smallint[], $11::inet[], $12::bigint[],
			$13::integer[])
		AS u (imei, device_id, codec, type, message_time, payload, text, received_at, frame_hash, seq,
			remote_addr, command_id, attempt)
	WHERE set_config('lock_timeout', '1s', true) <> ''
),
answered AS (
	UPDATE device_commands c
	SET status = 'acked',
		responded_at = greatest(m.received_at, c.sent_at),
		response_text = m.text,
		codec12_response_hex = encode(m.payload, 'hex'),
		next_retry_at = NULL,
		error_message = CASE WHEN m.type = 17 THEN 'nACK: the device says that its IMEI is another' END
	FROM m
	WHERE c.id = m.command_id AND c.attempt_count = m.attempt AND c.status = 'sent'
	RETURNING c.id,
		CASE WHEN isfinite(c.created_at) AND isfinite(c.responded_at)
			THEN c.responded_at - c.created_at ELSE interval '0' END AS waited
),
booked AS (
	SELECT c.id
	FROM device_commands c JOIN m ON c.id = m.command_id
	WHERE c.status = 'acked' AND c.attempt_count = m.attempt AND c.codec12_response_hex = encode(m.payload, 'hex')
	UNION ALL
	SELECT id FROM answered
),
kept AS (
	INSERT INTO device_messages
		(imei, device_id, codec, type, message_time, payload, text, received_at, frame_hash, seq, remote_addr)
	SELECT imei, device_id, codec, type, message_time, payload, text, received_at, frame_hash, seq, remote_addr
	FROM m
	WHERE command_id IS NULL OR command_id NOT IN (SELECT id FROM booked)
	ON CONFLICT DO NOTHING
)
SELECT id, (extract(epoch FROM waited) * 1000000)::bigint FROM answered
