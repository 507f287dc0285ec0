-- Backends of connections that were given up: pids $1, start times $2, the start of their server $3. One that waits for
-- its standby outlives its client, and keeps its locks: it is ended before anything else is stored. Per backend: is it
-- over (NULL: it is on another server)?
SELECT CASE
	WHEN o.server <> pg_postmaster_start_time() THEN NULL
	WHEN a.pid IS NULL THEN true
	ELSE pg_terminate_backend(a.pid, 5000)
END
FROM unnest($1::integer[], $2::timestamptz[], $3::timestamptz[]) WITH ORDINALITY AS o (pid, started, server, n)
LEFT JOIN pg_stat_activity a ON a.pid = o.pid AND a.backend_start = o.started AND a.pid <> pg_backend_pid()
ORDER BY o.n
