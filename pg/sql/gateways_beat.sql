-- The gateway $1 of the instance $2 lives, and its host's clock is $3 microseconds ahead of ours (NULL: not known). No
-- row: another instance has the id now. The answer: had others taken it for dead, so that its sessions may be offline;
-- the time in microseconds; how many gateways live; is one silent whose trackers nobody has marked offline.
WITH mine AS MATERIALIZED (
	SELECT id, sweep_at FROM gateways WHERE id = $1::text AND instance = $2::bigint FOR NO KEY UPDATE),
beat AS (
	UPDATE gateways g
	SET seen_at = clock_timestamp(), clock_ahead = $3::bigint * interval '1 microsecond', sweep_at = NULL
	FROM mine WHERE g.id = mine.id
	RETURNING mine.sweep_at IS NOT NULL AS was_silent)
SELECT beat.was_silent,
	(extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
	(SELECT count(*) FROM gateways WHERE seen_at > now() - interval '60 seconds' AND id <> $1::text) + 1,
	EXISTS (SELECT FROM gateways WHERE id <> $1::text AND seen_at < now() - interval '60 seconds'
		AND (sweep_at IS NULL OR sweep_at < now() - interval '2 minutes'))
FROM beat
