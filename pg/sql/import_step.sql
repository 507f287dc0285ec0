-- The lines after $1, up to $2; what is there already stays as it is. In the order of the key, as the gateway writes.
WITH put AS (
	INSERT INTO device_positions (device_id, recorded_at, record_hash, received_at, latitude, longitude, altitude, heading,
		satellites, speed, valid, priority, event_io_id, codec, generation_type, io)
	SELECT device_id, recorded_at, record_hash, received_at, latitude, longitude, altitude, heading, satellites, speed, valid,
		priority, event_io_id, codec, generation_type, io
	FROM telematics_import WHERE n > $1::bigint AND n <= $2::bigint
	ORDER BY device_id, recorded_at, record_hash
	ON CONFLICT DO NOTHING
	RETURNING 1)
SELECT count(*) AS imported FROM put
