-- Whose records have no device here: by IMEI; and of those that had left the inventory of the database they come from, whose
-- number is somebody else's here, or could be given to somebody yet.
SELECT coalesce(s.imei, 'device_id ' || s.device_id) AS who, count(*) AS records, s.imei IS NULL AS by_number
FROM telematics_import s LEFT JOIN devices d ON d.imei = s.imei
WHERE (s.imei IS NOT NULL AND d.id IS NULL)
OR (s.imei IS NULL AND (EXISTS (SELECT FROM devices x WHERE x.id = s.device_id)
	OR s.device_id > coalesce(pg_sequence_last_value(pg_get_serial_sequence('devices', 'id')::regclass), 0)))
GROUP BY 1, 3 ORDER BY 3, 1
