-- The same for sessions that ended $1 days ago; $2 says nothing here. The answer is any row while there may be more.
WITH gone AS MATERIALIZED (
	SELECT device_id, session_id
	FROM device_sessions
	WHERE ended_at < now() - $1::integer * interval '1 day' AND $1::integer > 0 AND $2::bigint >= 0
	ORDER BY ended_at LIMIT 1000
	FOR UPDATE SKIP LOCKED),
deleted AS (
	DELETE FROM device_sessions s USING gone WHERE s.device_id = gone.device_id AND s.session_id = gone.session_id)
SELECT 0 FROM gone
HAVING count(*) = 1000
