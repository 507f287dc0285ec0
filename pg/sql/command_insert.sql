-- $2 IMEI, $3 text, $4 codec, $5 key (NULL: none), $6 attempts (0: as many as the gateway makes), $7 life in s
-- (0: no end), $8 author. No row: the key is taken.
INSERT INTO device_commands (imei, command_text, codec, idempotency_key, max_attempts, expires_at, created_by)
VALUES ($2, $3, $4::smallint, $5, nullif($6::integer, 0),
	now() + make_interval(secs => nullif($7::double precision, 0)), $8)
ON CONFLICT (imei, idempotency_key) DO NOTHING
RETURNING false AS existing,
	true AS same,
\ir _command_columns.sql
