-- Where a file's lines are before they are records: of the types that the export had.
SET lock_timeout = '2s';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
CREATE TEMPORARY TABLE telematics_import AS
SELECT
\ir _export_columns.sql
FROM device_positions p, devices d WITH NO DATA;
ALTER TABLE telematics_import ADD n bigint GENERATED ALWAYS AS IDENTITY
