-- A file's lines, in the order of the key.
COPY (
	SELECT
	\ir _export_columns.sql
	\ir _export_device.sql
	ORDER BY p.device_id, p.recorded_at, p.record_hash
) TO STDOUT (FORMAT csv, HEADER)
