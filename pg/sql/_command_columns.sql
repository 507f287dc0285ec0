	-- A command as JSON shows it. $1::boolean: with its text, which can hold a password.
	id, imei, idempotency_key, codec, status, attempt_count, max_attempts, next_retry_at, expires_at, created_at,
	created_by, updated_at, sent_at, responded_at, response_text, codec12_response_hex, error_message,
	CASE WHEN $1::boolean THEN command_text END AS command_text
