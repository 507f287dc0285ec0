-- The columns of device_online that a live row writes. The fix is what device_positions calls the same, but for io:
-- the last record with a valid position; last_record_at and io are the newest record's, with or without one.
device_id,
recorded_at, record_hash, received_at, latitude, longitude, altitude, heading, satellites, speed, valid, priority,
event_io_id, codec, generation_type,
last_record_at, io,
session_id, online, connected_at, disconnected_at, last_seen_at, remote_addr,
disconnect_reason, disconnects_in_row, disconnects_since,
gateway, worker,
updated_at
