-- The same rows where some may be there already. The answer has one row for each that is new. $17: see
-- positions_copy; it is looked at when the rows are in.
WITH stored AS (
	INSERT INTO device_positions (device_id, recorded_at, record_hash, received_at, latitude, longitude, altitude,
		heading, satellites, speed, valid, priority, event_io_id, codec, generation_type, io)
	SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::timestamptz[], $5::float8[], $6::float8[],
		$7::smallint[], $8::integer[], $9::smallint[], $10::integer[], $11::boolean[], $12::smallint[],
		$13::integer[], $14::smallint[], $15::smallint[], $16::json[])
	ON CONFLICT DO NOTHING
	RETURNING device_id)
SELECT device_id FROM stored
UNION ALL
SELECT NULL WHERE NOT telematics_same_devices($17::bigint)
