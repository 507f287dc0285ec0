-- Frames of the quarantine that somebody asked to drop (telematics_raw_request()): they are over, and stay as long as those
-- that were decoded.
UPDATE device_ingest_raw
SET request = NULL, request_result = 'dropped', decoded_at = now()
WHERE id IN (
	SELECT id FROM device_ingest_raw WHERE request = 'drop' ORDER BY id LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
