-- The trackers of the silent gateway $1 are offline. Those that nobody has heard of for a month are forgotten.
WITH old AS (
	DELETE FROM gateways WHERE sweep_at = 'infinity' AND seen_at < now() - interval '30 days')
UPDATE gateways SET sweep_at = 'infinity' WHERE id = $1::text AND sweep_at IS NOT NULL
