-- What is known of the IMEI $1 beside its records: always one row. Times are ms since 1970.
SELECT (extract(epoch FROM now()) * 1000)::bigint AS now,
	d.id, d.enabled, d.device_model,
	-- The codecs, in hex, that its model may not use.
	concat_ws(', ',
		CASE WHEN NOT m.codec_8 THEN '8' END,
		CASE WHEN NOT m.codec_8e THEN '8E' END,
		CASE WHEN NOT m.codec_16 THEN '10' END,
		CASE WHEN NOT m.codec_12 THEN 'C' END,
		CASE WHEN NOT m.codec_13 THEN 'D' END,
		CASE WHEN NOT m.codec_14 THEN 'E' END,
		CASE WHEN NOT m.codec_15 THEN 'F' END) AS codecs_off,
	(extract(epoch FROM r.first_seen_at) * 1000)::bigint AS refused_first,
	(extract(epoch FROM r.last_seen_at) * 1000)::bigint AS refused_last,
	r.attempts AS refusals,
	r.reason AS refused_reason,
	host(r.last_remote_addr) AS refused_addr,
	o.device_id IS NOT NULL AS seen,
	coalesce(o.online, false) AS online,
	(extract(epoch FROM o.connected_at) * 1000)::bigint AS connected_at,
	(extract(epoch FROM o.disconnected_at) * 1000)::bigint AS disconnected_at,
	(extract(epoch FROM o.last_seen_at) * 1000)::bigint AS last_seen,
	host(o.remote_addr) AS addr,
	o.gateway, o.worker,
	o.disconnect_reason, o.disconnects_in_row,
	(extract(epoch FROM o.disconnects_since) * 1000)::bigint AS disconnects_since,
	-- How long nine of ten pauses between its records are, as it moves or stands now; NULL before there are ten.
	(
		SELECT (1000 * CASE
			WHEN telematics_moves(o.io ->> '240', o.speed) THEN CASE WHEN r.moving_gaps >= 10 THEN r.moving_gap_s END
			WHEN r.standing_gaps >= 10 THEN r.standing_gap_s
		END)::bigint
		FROM telematics_rhythm(d.id) AS r
	) AS usual_gap,
	(extract(epoch FROM o.recorded_at) * 1000)::bigint AS fix_at,
	o.latitude, o.longitude,
	-- What its newest record says of its power, its radio and its receiver.
	(
		SELECT string_agg(coalesce(e.label, e.name || ' ' || trim_scale(e.value) || coalesce(' ' || e.unit, '')), ', ' ORDER BY e.id)
		FROM telematics_io(o.io, d.device_model::text) AS e
		WHERE e.name IN ('ignition', 'movement', 'external_voltage', 'battery_voltage', 'gsm_signal', 'gnss_status',
			'sleep_mode', 'unplug', 'battery_level')
	) AS says,
	(SELECT (extract(epoch FROM max(last_seen_at)) * 1000)::bigint FROM device_online) AS fleet_last_seen
FROM (SELECT $1::text AS imei) q
	LEFT JOIN devices d ON d.imei = q.imei
	LEFT JOIN device_models m ON m.device_model = d.device_model
	LEFT JOIN device_online o ON o.device_id = d.id
	LEFT JOIN rejected_devices r ON r.imei = q.imei
