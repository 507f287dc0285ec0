-- Devices that are worst off, of the last hour: frames in quarantine, sessions that end again and again. $1 how many.
SELECT imei, trouble, times, date_trunc('second', last_at) AS last_at
FROM (
	SELECT imei, 'quarantine: ' || reason AS trouble, attempts::bigint AS times, last_seen_at AS last_at
	FROM device_ingest_raw
	WHERE decoded_at IS NULL AND reason <> 'raw' AND last_seen_at > now() - interval '1 hour'
	UNION ALL
	SELECT d.imei, 'closed: ' || o.disconnect_reason, o.disconnects_in_row, o.updated_at
	FROM device_online o
		JOIN devices d ON d.id = o.device_id
	WHERE o.disconnects_in_row >= 3
		AND greatest(o.disconnected_at, o.connected_at) > now() - interval '1 hour'
		AND o.disconnect_reason NOT IN ('peer', 'drain', 'shutdown')
) AS w
ORDER BY times DESC, last_at DESC, imei
LIMIT $1::bigint
