-- What the registry holds of a device d whose model, if it is one we know, is m. The fourth column is the mask of
-- codecs that the model may use (CODEC_MAY_ in shm/registry.h). An IMEI that is not one of a tracker is NULL; the last
-- column is what it would be without the blanks around it.
SELECT CASE WHEN d.imei ~ '^[0-9]{15}$' THEN d.imei END,
	d.id,
	d.enabled,
	CASE WHEN m.device_model IS NULL THEN 127
		ELSE m.codec_8::integer + 2 * m.codec_8e::integer + 4 * m.codec_16::integer + 8 * m.codec_12::integer
			+ 16 * m.codec_13::integer + 32 * m.codec_14::integer + 64 * m.codec_15::integer END,
	CASE WHEN length(d.imei) > 15 AND btrim(d.imei, E' \t\r\n') ~ '^[0-9]{15}$' THEN btrim(d.imei, E' \t\r\n') END
