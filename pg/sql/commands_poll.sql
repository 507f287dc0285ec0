-- A page of the whole queue, behind the IMEI $1: of the head of each device's queue, is it due, is it pending. (A
-- device whose head is not due yet must not be asked for again and again.)
SELECT DISTINCT ON (imei) imei,
	status = 'pending' AND (next_retry_at IS NULL OR next_retry_at <= now()),
	status = 'pending'
FROM device_commands
WHERE status IN ('pending', 'sent')
	AND (status = 'sent' OR expires_at IS NULL OR expires_at > now())
	AND imei > $1::text
ORDER BY imei, id
LIMIT 2000
