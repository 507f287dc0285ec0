-- The frame $1, locked, as it is decoded again. A model without a row may use every codec. The device goes by its
-- IMEI: it may have been registered, or got another id, since the frame came.
SELECT r.imei,
	d.id AS device_id,
	r.reason,
	encode(r.frame, 'hex') AS frame,
	(extract(epoch FROM r.received_at) * 1000000)::bigint AS received_us,
	coalesce(
		(
			SELECT CASE CASE WHEN length(r.frame) > 8 THEN get_byte(r.frame, 8) END
				WHEN 8 THEN m.codec_8
				WHEN 142 THEN m.codec_8e
				WHEN 16 THEN m.codec_16
				WHEN 12 THEN m.codec_12
				WHEN 13 THEN m.codec_13
				WHEN 14 THEN m.codec_14
				WHEN 15 THEN m.codec_15
			END
			FROM device_models m
			WHERE m.device_model = d.device_model
		),
		true) AS codec_allowed
FROM device_ingest_raw r
	LEFT JOIN devices d ON d.imei = r.imei
WHERE r.id = $1::bigint
FOR UPDATE OF r
