-- How a row of device_online moves forward, for all who write one: behind INSERT INTO device_online AS o of rows
-- with distinct ids. Each group of columns goes by its own clock, the session by its id: ids of sessions are
-- positive and grow, over all gateways.
ON CONFLICT (device_id) DO UPDATE SET
	-- The fix: by its own time.
	recorded_at = CASE WHEN
		\ir _live_fix_is_newer.sql
		THEN excluded.recorded_at ELSE o.recorded_at END,
	record_hash = CASE WHEN
		\ir _live_fix_is_newer.sql
		THEN excluded.record_hash ELSE o.record_hash END,
	received_at = CASE WHEN
		\ir _live_fix_is_newer.sql
		THEN excluded.received_at ELSE o.received_at END,
	latitude = CASE WHEN
		\ir _live_fix_is_newer.sql
		THEN excluded.latitude ELSE o.latitude END,
	longitude = CASE WHEN
		\ir _live_fix_is_newer.sql
		THEN excluded.longitude ELSE o.longitude END,
	altitude = CASE WHEN
		\ir _live_fix_is_newer.sql
		THEN excluded.altitude ELSE o.altitude END,
	heading = CASE WHEN
		\ir _live_fix_is_newer.sql
		THEN excluded.heading ELSE o.heading END,
	satellites = CASE WHEN
		\ir _live_fix_is_newer.sql
		THEN excluded.satellites ELSE o.satellites END,
	speed = CASE WHEN
		\ir _live_fix_is_newer.sql
		THEN excluded.speed ELSE o.speed END,
	valid = CASE WHEN
		\ir _live_fix_is_newer.sql
		THEN excluded.valid ELSE o.valid END,
	priority = CASE WHEN
		\ir _live_fix_is_newer.sql
		THEN excluded.priority ELSE o.priority END,
	event_io_id = CASE WHEN
		\ir _live_fix_is_newer.sql
		THEN excluded.event_io_id ELSE o.event_io_id END,
	codec = CASE WHEN
		\ir _live_fix_is_newer.sql
		THEN excluded.codec ELSE o.codec END,
	generation_type = CASE WHEN
		\ir _live_fix_is_newer.sql
		THEN excluded.generation_type ELSE o.generation_type END,
	-- The newest record.
	last_record_at = CASE WHEN excluded.last_record_at IS NOT NULL AND o.last_record_at > now() + interval '10 minutes'
		THEN excluded.last_record_at ELSE greatest(o.last_record_at, excluded.last_record_at) END,
	io = CASE WHEN excluded.last_record_at > o.last_record_at OR o.last_record_at IS NULL
			OR (excluded.last_record_at IS NOT NULL AND o.last_record_at > now() + interval '10 minutes')
		THEN excluded.io ELSE o.io END,
	-- It is one with a right time.
	clock_ahead = CASE WHEN excluded.last_record_at IS NULL THEN o.clock_ahead END,
	clock_ahead_since = CASE WHEN excluded.last_record_at IS NULL THEN o.clock_ahead_since END,
	-- A newer session replaces the stored one. The stored one itself may say goodbye, or that it lives after all; an
	-- older one's goodbye means nothing any more.
	online = CASE WHEN
		\ir _live_session_is_newer.sql
		THEN excluded.online
		WHEN excluded.session_id = o.session_id AND excluded.online THEN true
		WHEN o.online AND excluded.session_id = o.session_id AND excluded.disconnected_at IS NOT NULL THEN false
		ELSE o.online END,
	disconnected_at = CASE WHEN
		\ir _live_session_is_newer.sql
		THEN coalesce(excluded.disconnected_at, o.disconnected_at)
		WHEN o.online AND excluded.session_id = o.session_id AND excluded.disconnected_at IS NOT NULL
		THEN excluded.disconnected_at
		ELSE o.disconnected_at END,
	connected_at = CASE WHEN
		\ir _live_session_is_newer.sql
		THEN excluded.connected_at ELSE o.connected_at END,
	remote_addr = CASE WHEN
		\ir _live_session_is_newer.sql
		THEN excluded.remote_addr ELSE o.remote_addr END,
	gateway = CASE WHEN
		\ir _live_session_is_newer.sql
		THEN excluded.gateway ELSE o.gateway END,
	worker = CASE WHEN
		\ir _live_session_is_newer.sql
		THEN excluded.worker ELSE o.worker END,
	session_id = CASE WHEN
		\ir _live_session_is_newer.sql
		THEN excluded.session_id ELSE o.session_id END,
	-- Why sessions ended: the last reason, and how often in a row it was that, since when.
	disconnect_reason = coalesce(excluded.disconnect_reason, o.disconnect_reason),
	disconnects_in_row = CASE
		WHEN excluded.disconnect_reason IS NULL THEN o.disconnects_in_row
		WHEN excluded.disconnect_reason = o.disconnect_reason
		THEN least(o.disconnects_in_row::bigint + excluded.disconnects_in_row, 2147483647)::integer
		ELSE excluded.disconnects_in_row END,
	disconnects_since = CASE
		WHEN excluded.disconnect_reason IS NULL OR excluded.disconnect_reason = o.disconnect_reason
		THEN o.disconnects_since
		ELSE excluded.disconnects_since END,
	-- One that lies ahead is a wrong clock's.
	last_seen_at = coalesce(greatest(CASE WHEN o.last_seen_at <= now() + interval '5 seconds' THEN o.last_seen_at END,
		excluded.last_seen_at), o.last_seen_at),
	-- Under the row's lock, so that later is later.
	updated_at = clock_timestamp()
