-- The command of device $2 that has the key $3 already, and whether it is the one that is to be sent: text $4,
-- codec $5.
SELECT true AS existing,
	command_text = $4 AND codec = $5::smallint AS same,
\ir _command_columns.sql
FROM device_commands
WHERE imei = $2 AND idempotency_key = $3
