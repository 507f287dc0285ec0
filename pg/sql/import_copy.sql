COPY telematics_import (imei, device_id, recorded_at, record_hash, received_at, latitude, longitude, altitude, heading,
	satellites, speed, valid, priority, event_io_id, codec, generation_type, io)
FROM STDIN (FORMAT csv, HEADER MATCH)
