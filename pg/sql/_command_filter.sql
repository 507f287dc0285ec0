-- $2 IMEI, $3 status (NULL: all); $4 only the open ones; $5 how many, the latest first (0: all).
WHERE ($2::text IS NULL OR imei = $2)
	AND ($3::text IS NULL OR status = $3)
	AND (NOT $4::boolean OR status IN ('pending', 'sent'))
ORDER BY id DESC
LIMIT nullif($5::bigint, 0)
