-- The newest records of the device $1 by their own clock, as the key's index gives them, up to $2 of each kind: those
-- whose clock can be right, and those whose clock can't (before 2010, 30 days and more behind, or ahead of today). Those
-- that are behind are looked for among the oldest of the device. Times are ms since 1970.
WITH good AS (
	SELECT recorded_at, received_at, valid, satellites
	FROM device_positions
	WHERE device_id = $1::bigint
		AND recorded_at >= '2010-01-01Z'
		AND recorded_at <= now() + interval '10 minutes'
		AND recorded_at <= received_at + interval '10 minutes'
	ORDER BY recorded_at DESC
	LIMIT $2::integer
), bad AS (
	(
		SELECT recorded_at, received_at
		FROM device_positions
		WHERE device_id = $1::bigint AND recorded_at < '2010-01-01Z'
		ORDER BY recorded_at DESC
		LIMIT $2::integer
	)
	UNION ALL
	(
		SELECT recorded_at, received_at
		FROM (
			SELECT recorded_at, received_at
			FROM device_positions
			WHERE device_id = $1::bigint AND recorded_at >= '2010-01-01Z'
			ORDER BY recorded_at
			LIMIT 200
		) AS oldest
		WHERE received_at > recorded_at + interval '30 days'
		ORDER BY received_at DESC
		LIMIT $2::integer
	)
	UNION ALL
	(
		SELECT recorded_at, received_at
		FROM device_positions
		WHERE device_id = $1::bigint
			AND recorded_at > now()
			AND recorded_at > received_at + interval '10 minutes'
		ORDER BY recorded_at DESC
		LIMIT $2::integer
	)
)
SELECT count(*) AS records,
	count(*) FILTER (WHERE valid) AS fixes,
	(extract(epoch FROM max(recorded_at)) * 1000)::bigint AS recorded_last,
	(extract(epoch FROM max(received_at)) * 1000)::bigint AS received_last,
	max(satellites) AS satellites_most,
	-- How far ahead the newest was when it came; and whether all were by the same, over minutes.
	(
		SELECT (extract(epoch FROM recorded_at - received_at) * 1000)::bigint
		FROM good
		ORDER BY recorded_at DESC
		LIMIT 1
	) AS clock_off,
	max(received_at) - min(received_at) >= interval '5 minutes'
		AND max(recorded_at - received_at) - min(recorded_at - received_at) < interval '2 minutes' AS clock_off_steady,
	(SELECT count(*) FROM bad) AS wrong_clocks,
	(SELECT (extract(epoch FROM max(received_at)) * 1000)::bigint FROM bad) AS wrong_received_last,
	(
		SELECT (extract(epoch FROM recorded_at) * 1000)::bigint
		FROM bad
		ORDER BY received_at DESC
		LIMIT 1
	) AS wrong_recorded,
	(
		SELECT (extract(epoch FROM recorded_at - received_at) * 1000)::bigint
		FROM bad
		ORDER BY received_at DESC
		LIMIT 1
	) AS wrong_off
FROM good
