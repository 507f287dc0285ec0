-- Marks trackers of the gateway $2 offline, and writes down the end of their sessions, in the page of device_online behind the id $1. While the statement runs, the
-- gateway can't say that it lives (the lock on its row): when it does, it finds that it has to write its sessions again.
-- The rows are found by arrays of ids and not by joins: without statistics, or with old ones, a planner that takes a page
-- for a handful of rows joins all of it with all of the table.
-- The answer: is it still silent; the last id of the page (NULL: there is none); how many went offline; how many others
-- hold locked.
WITH gone AS MATERIALIZED (
	SELECT id, seen_at FROM gateways
	WHERE id = $2::text AND seen_at < now() - interval '60 seconds'
	FOR SHARE),
page AS MATERIALIZED (
	SELECT device_id, (online AND gateway = $2::text) IS TRUE AS hit
	FROM device_online
	WHERE device_id > $1::bigint
	ORDER BY device_id LIMIT 20000),
held AS MATERIALIZED (
	SELECT o.device_id
	FROM device_online o
	WHERE o.device_id = ANY (ARRAY(SELECT device_id FROM page WHERE hit)) AND o.online AND o.gateway = $2::text
		AND EXISTS (SELECT FROM gone)
	ORDER BY o.device_id
	FOR NO KEY UPDATE OF o SKIP LOCKED),
ended AS (
	INSERT INTO device_sessions (device_id, session_id, started_at, ended_at, gateway, remote_addr, reason)
	SELECT o.device_id, o.session_id, o.connected_at, greatest(gone.seen_at, o.connected_at), $2::text, o.remote_addr,
		'gateway_silent'
	FROM device_online o
	CROSS JOIN gone
	WHERE o.device_id = ANY (ARRAY(SELECT device_id FROM held)) AND o.session_id IS NOT NULL
	ON CONFLICT DO NOTHING),
off AS (
	UPDATE device_online o
	SET online = false, disconnected_at = greatest(gone.seen_at, o.connected_at), updated_at = clock_timestamp()
	FROM gone
	WHERE o.device_id = ANY (ARRAY(SELECT device_id FROM held))
	RETURNING o.device_id)
SELECT EXISTS (SELECT FROM gone),
	(SELECT max(device_id) FROM page),
	(SELECT count(*) FROM off),
	(SELECT count(*) FROM page WHERE hit) - (SELECT count(*) FROM off)
