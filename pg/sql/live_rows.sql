-- The live rows of many devices, in the order of their ids: $1 to $23 are the columns up to remote_addr, one array
-- each, $24 the gateway and $25 the worker's slot, which belong to the session and are written with one only.
INSERT INTO device_online AS o (
	\ir _live_row_columns.sql
)
SELECT x.*, CASE WHEN x.session_id IS NOT NULL THEN $24::text END,
	CASE WHEN x.session_id IS NOT NULL THEN $25::integer END, now()
FROM
\ir _live_row_input.sql
\ir _live_row_on_conflict.sql
