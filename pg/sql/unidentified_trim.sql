-- At most 10000 rows stay, as in rejected_trim.sql.
WITH surplus AS MATERIALIZED (
	SELECT least(5000, count(*) - 10000) AS n FROM unidentified_connections),
mine AS MATERIALIZED (
	SELECT CASE WHEN n > 0 AND telematics_lock_rejected() THEN n ELSE 0 END AS n FROM surplus)
DELETE FROM unidentified_connections
WHERE ctid = ANY (ARRAY(
	SELECT ctid FROM unidentified_connections
	ORDER BY attempts > 1, last_seen_at
	LIMIT (SELECT n FROM mine)
	FOR UPDATE SKIP LOCKED))
