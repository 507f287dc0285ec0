\ir _export_checksum.sql
FROM (
	SELECT imei, device_id, recorded_at, record_hash, received_at, latitude, longitude, altitude, heading, satellites, speed,
		valid, priority, event_io_id, codec, generation_type, io
	FROM telematics_import
) AS r
