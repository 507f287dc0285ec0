-- The rhythm of devices behind the id $1, in a page of the live rows: of at most 25, of those that have sent since it was
-- computed, an hour after that or, while there are less than ten pauses, a minute. What a device hasn't done lately, moving
-- or standing, keeps the rhythm that it had. The answer is the last id of the page; no row at the end.
WITH page AS MATERIALIZED (
	SELECT o.device_id, o.last_record_at, r.device_id IS NOT NULL AS known,
		o.last_record_at IS DISTINCT FROM r.last_record_at
			AND (r.computed_at IS NULL OR r.computed_at < now() - CASE
				WHEN r.moving_gaps < 10 OR r.standing_gaps < 10 THEN interval '1 minute' ELSE interval '1 hour' END) AS due
	FROM device_online o
		LEFT JOIN device_rhythm r ON r.device_id = o.device_id
	WHERE o.device_id > $1::bigint
	ORDER BY o.device_id
	LIMIT 2000
), work AS MATERIALIZED (
	SELECT device_id, last_record_at, known
	FROM page
	WHERE due
	ORDER BY device_id
	LIMIT 25
), written AS (
	INSERT INTO device_rhythm AS r (device_id, moving_gap_s, moving_gaps, standing_gap_s, standing_gaps, last_record_at,
		computed_at)
	SELECT w.device_id, n.moving_gap_s, n.moving_gaps, n.standing_gap_s, n.standing_gaps, w.last_record_at, now()
	FROM work w
		CROSS JOIN LATERAL telematics_rhythm(w.device_id, CASE WHEN w.known THEN 200 ELSE 1000 END) AS n
	ORDER BY w.device_id
	ON CONFLICT (device_id) DO UPDATE SET
		moving_gap_s = CASE WHEN excluded.moving_gaps >= least(r.moving_gaps, 10)
			THEN excluded.moving_gap_s ELSE r.moving_gap_s END,
		moving_gaps = CASE WHEN excluded.moving_gaps >= least(r.moving_gaps, 10)
			THEN excluded.moving_gaps ELSE r.moving_gaps END,
		standing_gap_s = CASE WHEN excluded.standing_gaps >= least(r.standing_gaps, 10)
			THEN excluded.standing_gap_s ELSE r.standing_gap_s END,
		standing_gaps = CASE WHEN excluded.standing_gaps >= least(r.standing_gaps, 10)
			THEN excluded.standing_gaps ELSE r.standing_gaps END,
		last_record_at = excluded.last_record_at,
		computed_at = excluded.computed_at
)
SELECT CASE
		WHEN count(*) FILTER (WHERE due) > 25 THEN (SELECT max(device_id) FROM work)
		ELSE max(device_id)
	END
FROM page
HAVING count(*) > 0
