-- Commands to the IMEI $1: those that are not over yet, and those that were given up within a week with no other success
-- since. Times are ms since 1970.
WITH c AS (
	SELECT id, status, created_at, sent_at, next_retry_at, updated_at, error_message
	FROM device_commands
	WHERE imei = $1 AND (status IN ('pending', 'sent') OR updated_at > now() - interval '7 days')
), failed AS (
	SELECT id, updated_at, sent_at, error_message
	FROM c
	WHERE status = 'failed' AND updated_at > coalesce((SELECT max(updated_at) FROM c WHERE status = 'acked'), '-infinity')
)
SELECT count(*) FILTER (WHERE status = 'pending') AS pending,
	count(*) FILTER (WHERE status = 'sent') AS sent,
	(extract(epoch FROM min(created_at) FILTER (WHERE status = 'pending')) * 1000)::bigint AS pending_since,
	(extract(epoch FROM max(sent_at) FILTER (WHERE status = 'sent')) * 1000)::bigint AS sent_at,
	(extract(epoch FROM min(next_retry_at) FILTER (WHERE status = 'pending')) * 1000)::bigint AS next_retry,
	(SELECT count(*) FROM failed) AS failed,
	(SELECT (extract(epoch FROM max(updated_at)) * 1000)::bigint FROM failed) AS failed_last,
	(SELECT id FROM failed ORDER BY updated_at DESC LIMIT 1) AS failed_id,
	(SELECT error_message FROM failed ORDER BY updated_at DESC LIMIT 1) AS failed_why,
	(SELECT (extract(epoch FROM max(received_at)) * 1000)::bigint FROM device_messages WHERE imei = $1) AS message_last,
	(
		SELECT count(*)
		FROM device_messages
		WHERE imei = $1 AND codec IN (12, 14)
			AND received_at > (SELECT sent_at FROM failed ORDER BY updated_at DESC LIMIT 1)
	) AS late_answers
FROM c
