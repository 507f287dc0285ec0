-- The sessions of devices that were deleted: such a device gets no new row, but one that is there goes offline. $1
-- devices, $2 sessions, $3 their ends.
UPDATE device_online o SET online = false, disconnected_at = x.at, updated_at = now()
FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS x (device_id, session_id, at)
WHERE o.device_id = x.device_id AND o.session_id = x.session_id AND o.online
