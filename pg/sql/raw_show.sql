SELECT
\ir _raw_columns.sql
	, encode(frame, 'hex') AS frame
FROM device_ingest_raw
WHERE id = $1::bigint
