-- Connections that said no IMEI, or were not let in, folded since the last time: as rejected_write.sql does it.
WITH x AS MATERIALIZED (
	SELECT *
	FROM unnest($1::inet[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::bytea[])
		WITH ORDINALITY AS x (remote_addr, what, first_seen_at, last_seen_at, attempts, first_bytes, place)
),
there AS MATERIALIZED (
	SELECT u.remote_addr, u.what, x.place
	FROM unidentified_connections u
		JOIN x ON x.remote_addr = u.remote_addr AND x.what = u.what
),
mine AS MATERIALIZED (
	SELECT u.remote_addr, u.what
	FROM unidentified_connections u
	WHERE (u.remote_addr, u.what) IN (SELECT remote_addr, what FROM there)
	ORDER BY u.remote_addr, u.what
	FOR NO KEY UPDATE SKIP LOCKED
),
locked AS MATERIALIZED (
	SELECT place FROM there WHERE (remote_addr, what) NOT IN (SELECT remote_addr, what FROM mine)
),
written AS (
	INSERT INTO unidentified_connections AS r (remote_addr, what, first_seen_at, last_seen_at, attempts, first_bytes)
	SELECT remote_addr, what, first_seen_at, last_seen_at, attempts, first_bytes
	FROM x
	WHERE place NOT IN (SELECT place FROM locked)
	ORDER BY place
	ON CONFLICT (remote_addr, what) DO UPDATE SET
		first_seen_at = least(r.first_seen_at, excluded.first_seen_at),
		last_seen_at = greatest(r.last_seen_at, excluded.last_seen_at),
		attempts = r.attempts + excluded.attempts,
		first_bytes = coalesce(excluded.first_bytes, r.first_bytes)
)
SELECT place FROM locked
