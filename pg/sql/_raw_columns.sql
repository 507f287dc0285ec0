	-- A frame of device_ingest_raw without its bytes. Byte 8, behind preamble and length, is the codec.
	id, imei, reason,
	CASE WHEN length(frame) > 8 THEN get_byte(frame, 8) END AS codec,
	length(frame) AS bytes,
	attempts,
	date_trunc('milliseconds', received_at) AS received_at,
	date_trunc('milliseconds', last_seen_at) AS last_seen_at,
	host(remote_addr) AS remote_addr,
	date_trunc('milliseconds', decoded_at) AS decoded_at
