-- What became of the frame $1: $2 in words, $3 is it over?
UPDATE device_ingest_raw
SET request = NULL, request_result = $2::text, decoded_at = CASE WHEN $3::boolean THEN now() ELSE decoded_at END
WHERE id = $1::bigint AND request = 'decode'
