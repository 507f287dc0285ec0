-- Gateways and clocks: who writes to this database, whether it still lives, and what a clock that is wrong has left.

CREATE TABLE gateways (
	id text PRIMARY KEY,
	instance bigint,
	started_at timestamptz,
	seen_at timestamptz NOT NULL,
	clock_ahead interval,
	sweep_at timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE gateways IS 'Gateways that write to this database, by TELEM_GATEWAY_ID';
COMMENT ON COLUMN gateways.instance IS 'Names the run of the program that has the id; NULL: of a release that did not say';
COMMENT ON COLUMN gateways.seen_at IS 'When it last said that it lives; one that is silent for 60 s has nobody online';
COMMENT ON COLUMN gateways.clock_ahead IS 'Its host''s clock less the database''s';
COMMENT ON COLUMN gateways.sweep_at IS
	'Silent: since when another gateway marks its trackers offline; infinity: it has; NULL: not silent';

-- Older releases don't say that they live: they have a day to be replaced.
INSERT INTO gateways (id, seen_at)
SELECT DISTINCT gateway, now() + interval '1 day' FROM device_online WHERE online AND gateway IS NOT NULL;

-- Called by each connection of a gateway before anything else. An id that another instance has, which lives, is
-- refused. It lives if it was seen within 60 s and one of its workers is connected: each holds an advisory lock that
-- names its instance. (Behind a start of the server those of one seen before it need a moment to come back.) The
-- backends of a gateway that has just stopped need a moment to end: so it is refused only after a second, through
-- which no row is locked.
--
-- What a connection has to do first must not wait for a standby, nor for whoever waits for one with the row locked: once
-- the id is ours the row is read alone, and before that it need not outlive this server.
CREATE FUNCTION telematics_gateway_enter(gateway text, new_instance bigint, worker boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	locks CONSTANT integer := 1952803942;
	patient_until CONSTANT timestamptz := clock_timestamp() + interval '1 second';
	was record;
BEGIN
	IF worker THEN
		PERFORM pg_try_advisory_lock_shared(locks, (new_instance & 2147483647)::integer);
	END IF;
	LOOP
		SELECT g.instance, g.seen_at, g.instance IS NOT NULL AND g.seen_at > clock_timestamp() - interval '60 seconds'
			AND (pg_postmaster_start_time() > greatest(g.seen_at, clock_timestamp() - interval '5 seconds')
				OR EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
					WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted
					AND l.classid = locks::oid AND l.objid = (g.instance & 2147483647)::oid
					AND l.objsubid = 2)) AS lives
		INTO was FROM telematics_schema.gateways g WHERE g.id = gateway;
		IF was.instance = new_instance THEN
			RETURN;
		ELSIF was.lives AND clock_timestamp() > patient_until THEN
			RAISE EXCEPTION USING ERRCODE = 'TG002', MESSAGE = format(
			    'another gateway is running as "%s", seen %s s ago: each needs a TELEM_GATEWAY_ID of its own', gateway,
			    greatest(0, extract(epoch FROM clock_timestamp() - was.seen_at))::integer);
		ELSIF was.lives THEN
			PERFORM pg_sleep(0.02);
			CONTINUE;
		END IF;
		PERFORM set_config('synchronous_commit', 'local', true);
		-- Another connection of ours, or of a third gateway, may do the same at once: then it is looked at again.
		INSERT INTO telematics_schema.gateways (id, instance, started_at, seen_at)
		VALUES (gateway, new_instance, clock_timestamp(), clock_timestamp())
		ON CONFLICT DO NOTHING;
		UPDATE telematics_schema.gateways
		SET instance = new_instance, started_at = clock_timestamp(), seen_at = clock_timestamp()
		WHERE id = gateway AND instance IS NOT DISTINCT FROM was.instance;
	END LOOP;
END
$$;
COMMENT ON FUNCTION telematics_gateway_enter(text, bigint, boolean) IS
	'For the gateway: this instance writes under that id from now on, if no other does';

-- A session that takes the place of another gateway's tells that gateway, in the statement that opens it.
CREATE FUNCTION telematics_session_moved() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF OLD.session_id > NEW.session_id THEN
		RAISE WARNING 'device %: the session that was stored had begun % s ahead of the clock; it counts as older',
		    NEW.device_id, OLD.session_id / 2048000000 - extract(epoch FROM now())::bigint;
	END IF;
	IF OLD.online AND OLD.gateway IS DISTINCT FROM NEW.gateway THEN
		PERFORM pg_notify('telematics_gateway_' || encode(substring(convert_to(OLD.gateway, 'UTF8') FROM 1 FOR 20), 'hex'),
		    imei || ' ' || OLD.session_id)
		FROM telematics_schema.devices WHERE id = NEW.device_id;
	END IF;
	RETURN NULL;
END
$$;

-- Is devices the table that `known` says (pg/sql/devices_load.sql), not truncated since? Called by the transactions
-- that store records, so that none is stored under an id that is another device's meanwhile.
CREATE FUNCTION telematics_same_devices(known bigint) RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF known <> 0 AND NOT EXISTS (SELECT FROM pg_class
	    WHERE oid = (known >> 32 & 4294967295)::oid AND relfilenode = (known & 4294967295)::oid) THEN
		RAISE EXCEPTION USING ERRCODE = 'TG001',
		    MESSAGE = 'the table devices was truncated or written anew: its ids have to be read again';
	END IF;
	RETURN true;
END
$$;
COMMENT ON FUNCTION telematics_same_devices(bigint) IS
	'For the gateway: fails if ids of devices may have been given anew';

-- What clocks that were ahead have left, first where nobody has to wait for it.
UPDATE devices SET last_ping = now() WHERE last_ping > now() + interval '5 seconds';
UPDATE rejected_devices SET first_seen_at = least(first_seen_at, now()), last_seen_at = now()
WHERE last_seen_at > now() + interval '5 seconds';
UPDATE device_ingest_raw SET last_seen_at = now() WHERE last_seen_at > now() + interval '5 seconds';

-- A device whose clock is ahead is shown by arrival, once all of its records have been for ten minutes.
ALTER TABLE device_online
	ADD COLUMN clock_ahead interval,
	ADD COLUMN clock_ahead_since timestamptz;
COMMENT ON COLUMN device_online.clock_ahead IS 'By how much the tracker''s clock is ahead, if all its records are; else NULL';
COMMENT ON COLUMN device_online.clock_ahead_since IS
	'Since when it is, by about as much; ten minutes later its records are shown, with their times less clock_ahead';

CREATE TRIGGER telematics_session_moved AFTER UPDATE OF session_id ON device_online
	FOR EACH ROW WHEN (OLD.session_id <> NEW.session_id
	    AND (OLD.session_id > NEW.session_id OR OLD.gateway IS DISTINCT FROM NEW.gateway))
	EXECUTE FUNCTION telematics_session_moved();

-- Sessions that began ahead of the clock: such a one would count as the newest for ever.
UPDATE device_online SET session_id = NULL, online = false, disconnected_at = now()
WHERE session_id >> 11 > ((extract(epoch FROM now()) + 5) * 1000000)::bigint;
UPDATE device_online SET
	last_seen_at = least(last_seen_at, now()),
	connected_at = least(connected_at, now()),
	disconnected_at = least(disconnected_at, now())
WHERE greatest(last_seen_at, connected_at, disconnected_at) > now() + interval '5 seconds';
-- Records of trackers that were ahead: the newest that isn't takes their place.
UPDATE device_online o SET (recorded_at, record_hash, received_at, latitude, longitude, altitude, heading, satellites,
	speed, valid, priority, event_io_id, codec, generation_type) = (
	SELECT recorded_at, record_hash, received_at, latitude, longitude, altitude, heading, satellites, speed, valid,
		priority, event_io_id, codec, generation_type
	FROM device_positions h
	WHERE h.device_id = o.device_id AND h.valid
		AND h.recorded_at >= timestamptz '2010-01-01 00:00:00+00' AND h.recorded_at <= now() + interval '10 minutes'
	ORDER BY h.recorded_at DESC LIMIT 1)
WHERE o.recorded_at > now() + interval '10 minutes';
UPDATE device_online o SET (last_record_at, io) = (
	SELECT recorded_at, h.io::jsonb
	FROM device_positions h
	WHERE h.device_id = o.device_id
		AND h.recorded_at >= timestamptz '2010-01-01 00:00:00+00' AND h.recorded_at <= now() + interval '10 minutes'
	ORDER BY h.recorded_at DESC LIMIT 1)
WHERE o.last_record_at > now() + interval '10 minutes';

SELECT telematics_pin('telematics_gateway_enter(text, bigint, boolean)'),
	telematics_pin('telematics_same_devices(bigint)');
-- The inventory may live in another schema.
DO $$
DECLARE
	devices CONSTANT text := (SELECT format('%I.%I', n.nspname, c.relname)
	    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = 'devices'::regclass);
BEGIN
	EXECUTE replace(pg_get_functiondef('telematics_session_moved'::regproc), 'telematics_schema.devices', devices);
	PERFORM telematics_pin('telematics_session_moved()');
END
$$;
