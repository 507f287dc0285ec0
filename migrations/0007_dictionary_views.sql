-- How elements are read: telematics_io(), the views device_state and device_events, and the index of events.
--
-- Functions in BEGIN ATOMIC and RETURN are written into the query that asks (inlined), so that it reads the dictionary
-- once and not once a record. What hangs on an element's id, its class and the families alone is worked out in
-- telematics_meaning(), whose rows PostgreSQL keeps (Memoize) under these two keys; what is left for each element is its
-- value. For that a subquery with OFFSET 0 stays one of its own, and each key stands in it once. EXPLAIN shows both.

-- The number that a value is, from its JSON text; null: text. Gateways store numbers of up to 4 bytes as such.
CREATE FUNCTION telematics_number("json" text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN ascii(json) BETWEEN 48 AND 57 AND octet_length(json) <= 10 THEN json::bigint END;

-- The class of a value: 0 to 5 by the size of a number, 6 for 16 hex digits, 7 for other hex.
CREATE FUNCTION telematics_class("json" text, number bigint) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN number < 128 THEN 0 WHEN number < 256 THEN 1 WHEN number < 32768 THEN 2 WHEN number < 65536 THEN 3
	WHEN number < 2147483648 THEN 4 WHEN number IS NOT NULL THEN 5 WHEN octet_length(json) = 18 THEN 6 ELSE 7 END;

-- What an element means to these families, one row; `key` is 8 * its id + its class. `reads` says how its value is read: n, as
-- a number; h, as the hex that it is; u, as a number of 8 bytes; s, not at all; or by telematics_text(). Of signed numbers
-- `half` is the least raw value that is negative. Where families don't agree, the sign is what all of them say.
CREATE FUNCTION telematics_meaning(key integer, possible bigint)
RETURNS TABLE (name text, reads "char", half bigint, multiplier numeric, unit text, labels jsonb, no_reading bigint[],
    note text, state text, events jsonb)
LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
	SELECT coalesce(m.name, 'io_' || (q.key >> 3)),
	    CASE WHEN q.key & 7 < 6 AND m.kind IS DISTINCT FROM 'f' THEN 'n'
		WHEN m.kind = 'u' AND q.key & 7 > 6 THEN 's' ELSE coalesce(m.kind, 'h') END,
	    CASE WHEN m.kind IS NOT NULL THEN m.half ELSE
		(SELECT CASE WHEN count(DISTINCT o.half) = 1 AND bool_and(o.half IS NOT NULL) THEN min(o.half) END
		FROM avl_meanings o WHERE o.slot = m.slot AND o.mask & q.possible <> 0) END,
	    m.multiplier, m.unit,
	    CASE WHEN m.kind = 'f' OR q.possible & m.labelled = 0 THEN m.labels END,
	    CASE WHEN q.possible & m.labelled = 0 THEN m.no_reading END,
	    CASE WHEN m.kind IS NULL THEN
		(SELECT CASE WHEN count(*) = 0 THEN 'id not in the dictionary'
		WHEN coalesce(bit_or(p.mask), 0) & q.possible = 0 THEN 'id of other families'
		WHEN (m.g1 | m.g2 | m.g3 | m.g4 | m.g5) & q.possible = 0
		THEN 'width not in the dictionary' ELSE 'means different things on the families it may come from' END
		FROM avl_parameters p WHERE p.id = q.key >> 3) END,
	    m.state, m.events
	FROM (SELECT key, possible OFFSET 0) AS q
	JOIN avl_meanings m ON m.slot = (q.key & 7) + 8 * coalesce((SELECT p.places FROM avl_slots p)[1 + (q.key >> 3)], 0)
	WHERE CASE WHEN m.kind IS NOT NULL
	    THEN q.possible & m.mask <> 0 AND q.possible & m.before = 0 AND q.possible & m.others = 0
	    WHEN m.g2 = 0 THEN q.possible & m.g1 = 0
	    ELSE 1 <> (q.possible & m.g1 <> 0)::integer + (q.possible & m.g2 <> 0)::integer + (q.possible & m.g3 <> 0)::integer
		+ (q.possible & m.g4 <> 0)::integer + (q.possible & m.g5 <> 0)::integer END
	OFFSET 0;
END;

-- A number with its sign.
CREATE FUNCTION telematics_raw(number bigint, half bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN number - CASE WHEN half <= number THEN 2 * half ELSE 0 END;

-- One element: its key, its value as it stands in io, and the number that it is.
CREATE FUNCTION telematics_read_one(key integer, "json" text, number bigint, possible bigint)
RETURNS TABLE (id integer, name text, value numeric, text text, unit text, label text, note text, state text, event jsonb)
LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
	SELECT key >> 3, m.name,
	    CASE WHEN m.reads = 'n' THEN
		CASE WHEN m.no_reading IS NOT NULL AND telematics_raw(number, m.half) = ANY (m.no_reading) THEN NULL
		WHEN m.multiplier IS NULL THEN telematics_raw(number, m.half)::numeric
		ELSE telematics_raw(number, m.half) * m.multiplier END
		WHEN m.reads = 'u' THEN telematics_hex_number(btrim(json, '"')) * m.multiplier END,
	    CASE WHEN m.reads IN ('n', 'u', 's') THEN NULL
		WHEN m.reads = 'h' THEN nullif(btrim(json, '"'), '')
		WHEN m.reads = 'i' AND json = '"0000000000000000"' THEN NULL
		ELSE (telematics_text(m.reads, json, m.labels)).text END,
	    m.unit,
	    CASE WHEN m.labels IS NOT NULL AND m.reads = 'n' THEN m.labels ->> telematics_raw(number, m.half)::text END,
	    CASE WHEN m.note IS NOT NULL THEN m.note
		WHEN m.no_reading IS NOT NULL AND telematics_raw(number, m.half) = ANY (m.no_reading) THEN 'no reading'
		WHEN m.reads IN ('a', 'b', 'v', 'd') AND NOT (telematics_text(m.reads, json, m.labels)).whole
		THEN 'not whole' END,
	    m.state, coalesce(m.events -> telematics_raw(number, m.half)::text, m.events -> '*')
	FROM telematics_meaning(key, possible) AS m;
END;

-- The bit of a device's family, by its model; null: not known.
CREATE FUNCTION telematics_model(device_model text) RETURNS TABLE (mask bigint)
LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
	SELECT coalesce((SELECT a.mask FROM avl_models a WHERE a.model = device_model),
	    CASE WHEN device_model IS NOT NULL THEN telematics_model_mask(device_model) END)
	OFFSET 0;
END;

-- Functions that take io, as json and as jsonb.
DO $do$
DECLARE
	kind text;
BEGIN
	FOREACH kind IN ARRAY ARRAY['json', 'jsonb'] LOOP
		-- The elements as they stand there; `key` is 8 * id + class.
		EXECUTE format($f$
		CREATE FUNCTION telematics_elements(io %1$s) RETURNS TABLE (key integer, "json" text, number bigint)
		LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
			SELECT 8 * n.id + telematics_class(n.json, n.number), n.json, n.number
			FROM (SELECT j.id, j.json, telematics_number(j.json) AS number
			    FROM (SELECT e.key::integer AS id, e.value::text AS json FROM %1$s_each(io) AS e OFFSET 0) AS j
			    OFFSET 0) AS n
			OFFSET 0;
		END $f$, kind);

		-- The families that a record may come from, as bits: by the model, or by what the elements rule out; all
		-- where they contradict each other. (Appending nothing to an array takes it out of storage once for the query.)
		EXECUTE format($f$
		CREATE FUNCTION telematics_families(io %1$s, device_model text) RETURNS TABLE (families bigint, how text)
		LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
			SELECT f.families, CASE WHEN m.mask IS NOT NULL THEN 'model' WHEN f.elements = 0 THEN 'contradiction'
			    WHEN bit_count(f.elements::bit(64)) = 1 THEN 'elements' ELSE 'open' END
			FROM telematics_model(device_model) AS m
			CROSS JOIN LATERAL (SELECT x.elements, coalesce(m.mask, nullif(x.elements, 0), -1) AS families
			    FROM (SELECT CASE WHEN m.mask IS NULL THEN (
				SELECT bit_and(nullif((SELECT s.senders || '{}'::bigint[] FROM avl_slots s)[1 + (e.key & 7)
				    + 8 * coalesce((SELECT p.places || '{}'::smallint[] FROM avl_slots p)[1 + (e.key >> 3)], 0)], 0))
				FROM telematics_elements(io) AS e) END AS elements OFFSET 0) AS x
			    OFFSET 0) AS f;
		END $f$, kind);

		-- The elements, with what they mean to these families.
		EXECUTE format($f$
		CREATE FUNCTION telematics_read(io %1$s, possible bigint)
		RETURNS TABLE (id integer, name text, value numeric, text text, unit text, label text, note text, state text, event jsonb)
		LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
			SELECT o.* FROM telematics_elements(io) AS e
			CROSS JOIN LATERAL telematics_read_one(e.key, e.json, e.number, possible) AS o;
		END $f$, kind);

		EXECUTE format($f$
		CREATE FUNCTION telematics_io(io %1$s, device_model text DEFAULT NULL)
		RETURNS TABLE (id integer, name text, value numeric, text text, unit text, label text, note text)
		LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
			SELECT e.id, e.name, e.value, e.text, e.unit, e.label, e.note
			FROM telematics_families(io, device_model) AS f
			CROSS JOIN LATERAL telematics_read(io, f.families) AS e;
		END $f$, kind);
		EXECUTE format($f$COMMENT ON FUNCTION telematics_io(%s, text) IS
			'The IO elements of a record in words: name, scaled value, unit, label'$f$, kind);

		-- For people: one family by name, or the group that all are of; and why.
		EXECUTE format($f$
		CREATE FUNCTION telematics_family(io %1$s, device_model text DEFAULT NULL,
		    OUT family text, OUT how text, OUT candidates text[]) LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
			SELECT CASE WHEN count(*) = 1 THEN min(a.family) WHEN count(DISTINCT a.family_group) = 1 THEN min(a.family_group) END,
			    min(f.how), array_agg(a.family ORDER BY a.mask)
			FROM telematics_families(io, device_model) AS f
			JOIN avl_families a ON a.mask & f.families <> 0;
		END $f$, kind);

		-- What a record with this event says. Without a value of the event's id the kind is that of any value.
		EXECUTE format($f$
		CREATE FUNCTION telematics_event(io %1$s, device_model text, event_io_id integer, priority integer)
		RETURNS TABLE (name text, kind text, severity text, value numeric, text text, unit text, label text)
		LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
			SELECT s.name, coalesce(s.event ->> 0, s.name),
			    (ARRAY['info', 'warning', 'alarm'])[1 + greatest((s.event ->> 1)::integer, least(priority, 2))],
			    e.value, e.text, e.unit, coalesce(e.label, replace(coalesce(s.event ->> 0, s.name), '_', ' '))
			FROM telematics_families(io, device_model) AS f
			CROSS JOIN LATERAL (SELECT n.json, n.number, 8 * event_io_id + telematics_class(n.json, n.number) AS key
			    FROM (SELECT j.json, telematics_number(j.json) AS number
				FROM (SELECT (io -> event_io_id::text)::text AS json OFFSET 0) AS j OFFSET 0) AS n OFFSET 0) AS v
			LEFT JOIN LATERAL telematics_read_one(v.key, v.json, v.number, f.families) AS e ON v.json IS NOT NULL
			LEFT JOIN LATERAL (SELECT min(m.name) AS name, (array_agg(m.events -> '*'))[1] AS event
			    FROM (SELECT 8 * coalesce((SELECT p.places FROM avl_slots p)[1 + event_io_id], 0) AS first OFFSET 0) AS s
			    JOIN avl_meanings m ON m.slot BETWEEN s.first AND s.first + 7
			    WHERE v.json IS NULL AND m.kind IS NOT NULL AND f.families & m.mask <> 0 AND f.families & m.others = 0
			    HAVING count(DISTINCT m.name) = 1) AS any_value ON true
			CROSS JOIN LATERAL (SELECT coalesce(e.name, any_value.name, 'io_' || event_io_id) AS name,
			    coalesce(e.event, any_value.event) AS event) AS s;
		END $f$, kind);
	END LOOP;
END
$do$;

-- One row a device: what every fleet asks for, of the newest trustworthy record; null where the device doesn't send it.
-- And the events. Made by a function, as views must go before a column's type can change, or before a table can be
-- replaced by another (doc/scaling.md); one that stands is replaced and keeps its GRANTs. The table devices may be in a
-- schema of its own: its trigger tells.
CREATE FUNCTION telematics_make_views() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $do$
DECLARE
	devices CONSTANT regclass := (SELECT tgrelid FROM pg_trigger WHERE tgname = 'telematics_insert_delete'
	    AND tgfoid = 'telematics_schema.telematics_devices_collect()'::regprocedure);
BEGIN
	EXECUTE format($v$CREATE OR REPLACE VIEW telematics_schema.device_state AS
		SELECT d.id AS device_id, d.imei::text AS imei, d.name::text AS name, d.device_model::text AS device_model,
		    s.family, o.online, o.last_record_at, o.recorded_at, o.latitude, o.longitude, o.altitude, o.heading, o.speed,
		    o.satellites,
		    (v ->> 'ignition')::numeric <> 0 AS ignition,
		    (v ->> 'movement')::numeric <> 0 AS movement,
		    (v ->> 'external_voltage')::numeric AS external_voltage_v,
		    (v ->> 'battery_voltage')::numeric AS battery_voltage_v,
		    (v ->> 'battery_level')::numeric AS battery_level_percent,
		    (v ->> 'unplugged')::numeric <> 0 AS unplugged,
		    (v ->> 'odometer')::numeric AS odometer_m,
		    coalesce((v ->> 'vehicle_odometer')::numeric, (v ->> 'vehicle_odometer/2')::numeric,
			1000 * (v ->> 'vehicle_odometer_km')::numeric) AS vehicle_odometer_m,
		    (v ->> 'trip_odometer')::numeric AS trip_odometer_m,
		    coalesce(v ->> 'vehicle_speed', v ->> 'vehicle_speed/2')::numeric AS vehicle_speed_kmh,
		    (v ->> 'fuel_level_l')::numeric AS fuel_level_l,
		    coalesce(v ->> 'fuel_level_percent', v ->> 'fuel_level_percent/2')::numeric AS fuel_level_percent,
		    coalesce(v ->> 'engine_rpm', v ->> 'engine_rpm/2')::numeric AS engine_rpm,
		    coalesce(v ->> 'coolant_temperature', v ->> 'coolant_temperature/2')::numeric AS coolant_temperature_c,
		    (v ->> 'temperature_1')::numeric AS temperature_1_c,
		    (v ->> 'temperature_2')::numeric AS temperature_2_c,
		    (v ->> 'gsm_signal')::numeric AS gsm_signal,
		    (v ->> 'gsm_operator')::numeric AS gsm_operator,
		    l ->> 'gnss_status' AS gnss_status,
		    (v ->> 'hdop')::numeric AS hdop,
		    (v ->> 'pdop')::numeric AS pdop,
		    l ->> 'sleep_mode' AS sleep_mode,
		    (v ->> 'trip')::numeric <> 0 AS trip,
		    (v ->> 'din1')::numeric <> 0 AS din1,
		    (v ->> 'din2')::numeric <> 0 AS din2,
		    (v ->> 'din3')::numeric <> 0 AS din3,
		    (v ->> 'dout1')::numeric <> 0 AS dout1,
		    (v ->> 'dout2')::numeric <> 0 AS dout2,
		    coalesce(nullif(concat(v ->> 'driver_id_high', v ->> 'driver_id_low'), ''), v ->> 'driver_id/2',
			nullif(v ->> 'driver_id/3', '0000000000000000')) AS driver_id,
		    coalesce(v ->> 'vin', v ->> 'vin/2', (v ->> 'vin_part_1') || (v ->> 'vin_part_2')
			|| chr(nullif((v ->> 'vin_part_3')::integer, 0))) AS vin,
		    coalesce(v ->> 'iccid', CASE WHEN (v ->> 'iccid_high')::numeric <> 0 THEN (v ->> 'iccid_high')
			|| lpad(v ->> 'iccid_low', greatest(length(v ->> 'iccid_high'), length(v ->> 'iccid_low')), '0') END) AS iccid
		FROM %s d LEFT JOIN telematics_schema.device_online o ON o.device_id = d.id
		CROSS JOIN LATERAL (SELECT coalesce((SELECT a.family FROM telematics_schema.avl_families a WHERE a.mask = max(f.families)),
			(SELECT min(a.family_group) FROM telematics_schema.avl_families a WHERE a.mask & max(f.families) <> 0
			HAVING count(DISTINCT a.family_group) = 1)) AS family,
		    jsonb_object_agg(e.state, coalesce(to_jsonb(e.value), to_jsonb(e.text))) FILTER (WHERE e.state IS NOT NULL) AS v,
		    jsonb_object_agg(e.state, e.label) FILTER (WHERE e.label IS NOT NULL AND e.state IS NOT NULL) AS l
		    FROM (SELECT families FROM telematics_schema.telematics_families(o.io, d.device_model::text) OFFSET 0) AS f
		    CROSS JOIN LATERAL telematics_schema.telematics_read(o.io, f.families) AS e) AS s$v$, devices);
	COMMENT ON VIEW telematics_schema.device_state IS 'One row a device: what its newest record says, in the units of the names';

	-- Severity is found without reading the record where no value could change it, so that alarms are found fast.
	EXECUTE format($v$CREATE OR REPLACE VIEW telematics_schema.device_events AS
		SELECT p.device_id, d.imei::text AS imei, p.recorded_at, p.received_at, p.record_hash, p.latitude, p.longitude,
		    p.valid, p.speed, p.priority, p.event_io_id, e.name, e.kind,
		    CASE WHEN p.priority >= 2 THEN 'alarm'
			WHEN coalesce(w.severity, 0) = 0 THEN CASE p.priority WHEN 1 THEN 'warning' ELSE 'info' END
			ELSE (SELECT s.severity FROM telematics_schema.telematics_event(p.io, d.device_model::text, p.event_io_id, p.priority) AS s) END AS severity,
		    e.value, e.text, e.unit, e.label
		FROM telematics_schema.device_positions p LEFT JOIN %s d ON d.id = p.device_id
		LEFT JOIN telematics_schema.avl_severities w ON w.id = p.event_io_id
		LEFT JOIN LATERAL telematics_schema.telematics_event(p.io, d.device_model::text, p.event_io_id, p.priority) AS e ON true
		WHERE p.event_io_id <> 0$v$, devices);
	COMMENT ON VIEW telematics_schema.device_events IS 'Records that a device made because something happened; read by received_at';
END
$do$;
REVOKE ALL ON FUNCTION telematics_make_views() FROM PUBLIC;
-- Only records with an event. Here it is made for partitions that are yet to come (telematics_make_partition copies
-- it); those that are there get theirs from `tgctl migrate`, one by one and without stopping anybody.
CREATE INDEX device_positions_event_idx ON ONLY device_positions (received_at) WHERE event_io_id <> 0;

-- Those in BEGIN ATOMIC and RETURN are bound to what they mean already; these are not.
DO $$
DECLARE
	f text;
BEGIN
	FOREACH f IN ARRAY ARRAY['dictionary_loaded()', 'beacons(text)', 'eye(bytea, integer, integer)', 'adverts(text)',
	    'text("char", text, jsonb)', 'make_views()'] LOOP
		PERFORM telematics_pin(('telematics_' OPERATOR(pg_catalog.||) f)::regprocedure);
	END LOOP;
END
$$;
SELECT telematics_make_views();
