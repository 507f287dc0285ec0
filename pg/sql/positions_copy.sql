-- The rows of a batch, ready-made (pg/row.h), in binary. COPY knows no ON CONFLICT: a duplicate refuses it whole.
-- In the same transaction: if ids of devices were given anew since the registry was loaded (it is of the table $1),
-- nothing is stored.
COPY device_positions (device_id, recorded_at, record_hash, received_at, latitude, longitude, altitude, heading,
	satellites, speed, valid, priority, event_io_id, codec, generation_type, io)
FROM STDIN (FORMAT binary);
SELECT telematics_same_devices($1)
