-- The gateways of tgctl status. One that is silent for 60 s has nobody online.
SELECT g.id,
	date_trunc('second', g.seen_at) AS seen_at,
	g.seen_at < now() - interval '60 seconds' AS silent,
	round(extract(epoch FROM g.clock_ahead), 3)::float8 AS clock_ahead,
	date_trunc('second', g.started_at) AS started_at
FROM gateways g
ORDER BY g.id
