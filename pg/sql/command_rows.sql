-- tgctl command list --json.
SELECT
\ir _command_columns.sql
FROM device_commands
\ir _command_filter.sql
