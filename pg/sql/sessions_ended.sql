-- Sessions that have ended: $1 devices, $2 sessions, $3 when they began, $4 ended, $5 how many records they brought, $6
-- addresses, $7 reasons; $8 the gateway. A row that is there already is the same one, sent twice, or what others thought of
-- a session whose gateway they took for dead.
INSERT INTO device_sessions (device_id, session_id, started_at, ended_at, records, remote_addr, reason, gateway)
SELECT x.*, $8::text
FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::inet[], $7::text[])
	AS x (device_id, session_id, started_at, ended_at, records, remote_addr, reason)
ON CONFLICT (device_id, session_id) DO UPDATE SET
	ended_at = excluded.ended_at, records = excluded.records, remote_addr = excluded.remote_addr, reason = excluded.reason
WHERE device_sessions.records IS NULL
