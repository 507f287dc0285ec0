-- The record of the device $1 that came last, of those that came after $2 (ms since 1970), whatever its clock. This looks at
-- all of its records: only where something must have come.
SELECT 1 AS wrong_clocks,
	(extract(epoch FROM received_at) * 1000)::bigint AS wrong_received_last,
	(extract(epoch FROM recorded_at) * 1000)::bigint AS wrong_recorded,
	(extract(epoch FROM recorded_at - received_at) * 1000)::bigint AS wrong_off
FROM device_positions
WHERE device_id = $1::bigint AND received_at > timestamptz 'epoch' + ($2::bigint + 1000) * interval '1 ms'
ORDER BY received_at DESC
LIMIT 1
