-- All about the device of IMEI $1: its row, its live row, its frames in quarantine, its refusals.
SELECT d.id, d.imei, d.name, d.device_model, d.enabled,
	CASE
		WHEN NOT d.enabled THEN 'disabled: refused at the handshake'
		WHEN o.online THEN 'connected'
		WHEN o.connected_at IS NOT NULL THEN 'not connected'
		ELSE 'has never connected'
	END AS state,
	d.created_at, d.last_ping,
	coalesce(o.online, false) AS online,
	o.connected_at, o.disconnected_at,
	host(o.remote_addr) AS remote_addr,
	o.gateway, o.worker, o.last_seen_at, o.last_record_at,
	o.recorded_at AS fix_at,
	o.latitude, o.longitude, o.altitude, o.heading, o.speed, o.satellites, o.io,
	f.family AS io_family,
	-- Why that family was taken, or why none was.
	CASE
		WHEN o.io IS NULL THEN NULL
		WHEN f.how = 'model' THEN 'by its model'
		WHEN f.how = 'elements' THEN 'only this family sends such elements'
		WHEN f.how = 'contradiction' THEN 'its elements are of no one family: set the model'
		ELSE 'its elements leave ' || cardinality(f.candidates) || ' families: set the model'
	END AS io_family_why,
	(
		SELECT coalesce(jsonb_object_agg(reason, n), '{}')
		FROM (
			SELECT reason, count(*) AS n
			FROM device_ingest_raw
			WHERE imei = $1 AND reason <> 'raw' AND decoded_at IS NULL
			GROUP BY reason
		) AS q
	) AS quarantine,
	r.reason AS refused_reason,
	r.attempts AS refused_times,
	r.last_seen_at AS refused_last,
	host(r.last_remote_addr) AS refused_from
FROM devices d
	LEFT JOIN device_online o ON o.device_id = d.id
	LEFT JOIN rejected_devices r ON r.imei = d.imei
	LEFT JOIN LATERAL telematics_family(o.io, d.device_model::text) AS f ON o.io IS NOT NULL
WHERE d.imei = $1
