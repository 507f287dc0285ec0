-- The same as live_rows, but rows that somebody holds locked are left out; the answer tells which. It costs a second
-- look at each row, so it is sent only while there are such rows.
WITH x AS MATERIALIZED (
	SELECT * FROM
	\ir _live_row_input.sql
),
mine AS MATERIALIZED (
	SELECT device_id
	FROM device_online
	WHERE device_id = ANY ($1::bigint[])
	ORDER BY device_id
	FOR NO KEY UPDATE SKIP LOCKED
),
locked AS MATERIALIZED (
	SELECT device_id
	FROM device_online
	WHERE device_id = ANY ($1::bigint[]) AND device_id NOT IN (SELECT device_id FROM mine)
),
written AS (
	INSERT INTO device_online AS o (
		\ir _live_row_columns.sql
	)
	SELECT x.*, CASE WHEN x.disconnect_reason IS NOT NULL THEN now() END,
		CASE WHEN x.session_id IS NOT NULL THEN $26::text END,
		CASE WHEN x.session_id IS NOT NULL THEN $27::integer END, clock_timestamp()
	FROM x
	WHERE x.device_id NOT IN (SELECT device_id FROM locked)
	\ir _live_row_on_conflict.sql
)
SELECT device_id FROM locked
