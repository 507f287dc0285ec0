-- At most 10000 rows stay: those seen once, and longest ago, go first. One worker at a time, or each would delete the
-- surplus; rows that are being written to are left out, so this waits for nobody.
WITH surplus AS MATERIALIZED (
	SELECT least(5000, count(*) - 10000) AS n FROM rejected_devices),
mine AS MATERIALIZED (
	SELECT CASE WHEN n > 0 AND telematics_lock_rejected() THEN n ELSE 0 END AS n FROM surplus)
DELETE FROM rejected_devices
WHERE imei = ANY (ARRAY(
	SELECT imei FROM rejected_devices
	ORDER BY attempts > 1, last_seen_at
	LIMIT (SELECT n FROM mine)
	FOR UPDATE SKIP LOCKED))
