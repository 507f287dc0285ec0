-- How many of the file's records are in the history.
SELECT count(*) AS present FROM telematics_import s
WHERE EXISTS (SELECT FROM device_positions p
	WHERE p.device_id = s.device_id AND p.recorded_at = s.recorded_at AND p.record_hash = s.record_hash)
