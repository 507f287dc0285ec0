-- Changes the device of IMEI $1, also if there are blanks around that in the table, which go: $2 its new IMEI, $3 name,
-- $4 model (empty: none), $5 enabled; NULL leaves each as it is.
UPDATE devices
SET imei = coalesce($2::text, $1::text),
	name = CASE WHEN $3::text IS NULL THEN name ELSE nullif($3::text, '') END,
	device_model = CASE WHEN $4::text IS NULL THEN device_model ELSE nullif($4::text, '') END,
	enabled = coalesce($5::boolean, enabled)
WHERE id = (
	SELECT id
	FROM devices
	WHERE imei = $1::text OR (length(imei) > 15 AND btrim(imei, E' \t\r\n') = $1::text)
	ORDER BY imei = $1::text DESC
	LIMIT 1
)
RETURNING id, imei, name, device_model, enabled
