-- A message of the frame $1: device $2, codec $3, type $4, its own time $5 in ms since 1970 (NULL: it has none),
-- payload $6, the same as text $7 (NULL: it is not text), its place in the frame $8.
INSERT INTO device_messages (imei, device_id, codec, type, message_time, payload, text, received_at, remote_addr,
	frame_hash, seq)
SELECT imei, $2::bigint, $3::smallint, $4::smallint,
	timestamptz 'epoch' + $5::bigint * interval '1 millisecond',
	$6::bytea, $7, received_at, remote_addr, frame_hash, $8::smallint
FROM device_ingest_raw
WHERE id = $1::bigint
ON CONFLICT DO NOTHING
