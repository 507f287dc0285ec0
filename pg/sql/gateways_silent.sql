-- Takes one gateway that has been silent for 60 s, to mark its trackers offline; one that somebody took two minutes ago
-- and didn't finish too. $1 is ours.
UPDATE gateways SET sweep_at = now()
WHERE id = (
	SELECT id FROM gateways
	WHERE id <> $1::text AND seen_at < now() - interval '60 seconds'
		AND (sweep_at IS NULL OR sweep_at < now() - interval '2 minutes')
	ORDER BY seen_at LIMIT 1
	FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id, (extract(epoch FROM now() - seen_at))::bigint
