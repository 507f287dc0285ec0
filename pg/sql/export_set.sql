-- What the statements of this transaction export: the UTC day $1 ('': all), and of the device with the IMEI $2 ('': of all). No
-- row: there is no such device.
SELECT set_config('telematics.export_from', coalesce(to_char(nullif($1::text, '')::date, 'YYYY-MM-DD'), '-infinity'), true),
	set_config('telematics.export_to', coalesce(to_char(nullif($1::text, '')::date + 1, 'YYYY-MM-DD'), 'infinity'), true),
	set_config('telematics.export_device', coalesce(d.id::text, ''), true)
FROM (SELECT) AS one LEFT JOIN devices d ON d.imei = $2::text
WHERE d.id IS NOT NULL OR $2::text = ''
