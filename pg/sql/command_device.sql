-- What speaks for and against sending to the device $1 by codec $2. A model without a row may use everything.
SELECT d.enabled,
	coalesce(CASE $2::text WHEN '14' THEN m.codec_14 ELSE m.codec_12 END, true) AS codec_allowed,
	coalesce(o.online, false) AS online,
	d.device_model
FROM devices d
	LEFT JOIN device_models m ON m.device_model = d.device_model
	LEFT JOIN device_online o ON o.device_id = d.id
WHERE d.imei = $1
