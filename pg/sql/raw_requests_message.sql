-- The messages of the frame $1: device $2; codecs $3, types $4, its own times $5 (NULL: it has none), payloads $6, the same as
-- text $7 (NULL: it is not text), places in the frame $8; one array each.
INSERT INTO device_messages (imei, device_id, codec, type, message_time, payload, text, received_at, remote_addr,
	frame_hash, seq)
SELECT r.imei, $2::bigint, u.codec, u.type, u.message_time, u.payload, u.text, r.received_at, r.remote_addr, r.frame_hash, u.seq
FROM device_ingest_raw r
	CROSS JOIN unnest($3::smallint[], $4::smallint[], $5::timestamptz[], $6::bytea[], $7::text[], $8::smallint[])
		AS u (codec, type, message_time, payload, text, seq)
WHERE r.id = $1::bigint
ON CONFLICT DO NOTHING
RETURNING id
