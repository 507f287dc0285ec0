-- tgctl command list, for the screen: answers and errors on one line, cut. $1 with the command's text, $6 the
-- gateway's own limit of attempts. Other control characters than blanks are the business of who prints them.
-- What is due is so only while the command is open.
SELECT id, imei, status,
	attempt_count || '/' || coalesce(max_attempts, $6::integer) AS attempts,
	codec,
	date_trunc('second', created_at) AS created_at,
	CASE WHEN status IN ('pending', 'sent') THEN date_trunc('second', next_retry_at) END AS due_at,
	date_trunc('second', sent_at) AS sent_at,
	date_trunc('second', responded_at) AS answered_at,
	CASE WHEN length(said) > 40 THEN left(said, 37) || '...' ELSE said END AS result,
	CASE WHEN $1::boolean THEN command_text END AS command_text
FROM device_commands,
	LATERAL (
		SELECT regexp_replace(
			CASE status
				WHEN 'acked' THEN coalesce(response_text, '0x' || codec12_response_hex)
				ELSE error_message
			END,
			'\s+', ' ', 'g') AS said
	) AS s
\ir _command_filter.sql
