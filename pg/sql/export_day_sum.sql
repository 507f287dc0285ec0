\ir _export_checksum.sql
FROM (
	SELECT
	\ir _export_columns.sql
	\ir _export_day.sql
) AS r
