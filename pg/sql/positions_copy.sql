-- The rows of a batch, ready-made (pg/row.h), in binary. COPY knows no ON CONFLICT: a duplicate refuses it whole.
COPY device_positions (device_id, recorded_at, record_hash, received_at, latitude, longitude, altitude, heading,
	satellites, speed, valid, priority, event_io_id, codec, generation_type, io)
FROM STDIN (FORMAT binary)
