-- Refused IMEIs, folded since the last time, in the order of the key as every worker does it: else two would
-- deadlock. Rows that somebody holds locked are left out; the answer tells their places in the arrays.
WITH x AS MATERIALIZED (
	SELECT *
	FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::inet[])
		WITH ORDINALITY AS x (imei, reason, first_seen_at, last_seen_at, attempts, last_remote_addr, place)
),
mine AS MATERIALIZED (
	SELECT imei FROM rejected_devices WHERE imei = ANY ($1::text[]) ORDER BY imei FOR NO KEY UPDATE SKIP LOCKED
),
locked AS MATERIALIZED (
	SELECT imei FROM rejected_devices WHERE imei = ANY ($1::text[]) AND imei NOT IN (SELECT imei FROM mine)
),
written AS (
	INSERT INTO rejected_devices AS r (imei, reason, first_seen_at, last_seen_at, attempts, last_remote_addr)
	SELECT imei, reason, first_seen_at, last_seen_at, attempts, last_remote_addr
	FROM x
	WHERE imei NOT IN (SELECT imei FROM locked)
	ORDER BY place
	ON CONFLICT (imei) DO UPDATE SET
		reason = excluded.reason,
		first_seen_at = least(r.first_seen_at, excluded.first_seen_at),
		last_seen_at = greatest(r.last_seen_at, excluded.last_seen_at),
		attempts = r.attempts + excluded.attempts,
		last_remote_addr = coalesce(excluded.last_remote_addr, r.last_remote_addr)
)
SELECT place FROM x WHERE imei IN (SELECT imei FROM locked)
