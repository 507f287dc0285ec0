-- The records between two times, which the session has set; without an end on either side where there is none.
FROM device_positions p LEFT JOIN devices d ON d.id = p.device_id
WHERE p.recorded_at >= current_setting('telematics.export_from')::timestamptz
AND p.recorded_at < current_setting('telematics.export_to')::timestamptz
