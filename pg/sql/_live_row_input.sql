-- The rows of live_rows and live_rows_unlocked: $1 to $25 are the columns up to disconnects_in_row, one
-- array each.
unnest($1::bigint[],
	$2::timestamptz[], $3::bigint[], $4::timestamptz[], $5::float8[], $6::float8[], $7::smallint[], $8::integer[],
	$9::smallint[], $10::integer[], $11::boolean[], $12::smallint[], $13::integer[], $14::smallint[], $15::smallint[],
	$16::timestamptz[], $17::jsonb[],
	$18::bigint[], $19::boolean[], $20::timestamptz[], $21::timestamptz[], $22::timestamptz[], $23::inet[],
	$24::text[], $25::integer[])
	AS x (device_id,
	recorded_at, record_hash, received_at, latitude, longitude, altitude, heading, satellites, speed, valid, priority,
	event_io_id, codec, generation_type,
	last_record_at, io,
	session_id, online, connected_at, disconnected_at, last_seen_at, remote_addr,
	disconnect_reason, disconnects_in_row)
