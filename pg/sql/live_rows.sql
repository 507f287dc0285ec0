-- The live rows of many devices, in the order of their ids: $1 to $25 are the columns up to disconnects_in_row, one
-- array each, $26 the gateway and $27 the worker's slot, which belong to the session and are written with one only.
INSERT INTO device_online AS o (
	\ir _live_row_columns.sql
)
SELECT x.*, CASE WHEN x.disconnect_reason IS NOT NULL THEN now() END,
	CASE WHEN x.session_id IS NOT NULL THEN $26::text END,
	CASE WHEN x.session_id IS NOT NULL THEN $27::integer END, clock_timestamp()
FROM
\ir _live_row_input.sql
\ir _live_row_on_conflict.sql
