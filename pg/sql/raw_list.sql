-- $1 IMEI, $2 reason (NULL: all); $3 also what is decoded and debug copies; $4 how many, the latest first (0: all).
SELECT
\ir _raw_columns.sql
FROM device_ingest_raw
WHERE ($1::text IS NULL OR imei = $1)
	AND ($2::text IS NULL OR reason = $2)
	AND ($3::boolean OR (decoded_at IS NULL AND ($2 = 'raw' OR reason <> 'raw')))
ORDER BY id DESC
LIMIT nullif($4::bigint, 0)
