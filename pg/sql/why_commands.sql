-- Commands to the IMEI $1 that are not over yet. Times are ms since 1970.
SELECT count(*) FILTER (WHERE status = 'pending') AS pending,
	count(*) FILTER (WHERE status = 'sent') AS sent,
	(extract(epoch FROM min(created_at) FILTER (WHERE status = 'pending')) * 1000)::bigint AS pending_since,
	(extract(epoch FROM max(sent_at) FILTER (WHERE status = 'sent')) * 1000)::bigint AS sent_at,
	(extract(epoch FROM min(next_retry_at) FILTER (WHERE status = 'pending')) * 1000)::bigint AS next_retry
FROM device_commands
WHERE imei = $1 AND status IN ('pending', 'sent')
