-- The command $2 as it stands. It is overdue if it expired long before any gateway would have noticed (2 s).
SELECT status = 'pending' AND coalesce(expires_at < now() - interval '10 s', false) AS overdue,
\ir _command_columns.sql
FROM device_commands
WHERE id = $2::bigint
