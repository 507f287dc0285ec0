-- A record as a file has it: the key first, the rest as in device_positions. The IMEI stands for the device, as ids differ
-- from database to database; it is missing where the device is no longer in the inventory.
d.imei, p.device_id, p.recorded_at, p.record_hash, p.received_at, p.latitude, p.longitude, p.altitude, p.heading, p.satellites,
p.speed, p.valid, p.priority, p.event_io_id, p.codec, p.generation_type, p.io
