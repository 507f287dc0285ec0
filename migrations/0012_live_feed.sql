-- The live feed: rows of device_online that changed, on the channel telematics_live, for web applications.
--
-- A notification is base64 without line ends, at most 7,900 characters of it, of
--
--   byte 0        the version of this format: 1
--   then rows     64 bytes each, at most 92; all numbers are big-endian
--
--   offset  type   what
--        0  int8   device id
--        8  uint2  flags, see below
--       10  uint2  speed of the fix, km/h
--       12  uint2  heading of the fix, degrees
--       14  uint2  satellites of the fix
--       16  int4   latitude of the fix, 1e-7 degrees
--       20  int4   longitude of the fix, 1e-7 degrees
--       24  int8   recorded_at: time of the fix
--       32  int8   last_record_at: time of the newest record, with a fix or without
--       40  int8   last_seen_at: last sign of life (a record, a ping, a connection)
--       48  int8   disconnected_at: when its last session ended
--       56  int8   updated_at: when the row was written, by the database's clock under the row's lock
--
-- Times are microseconds since 1970 UTC; -2^63: unknown. The fix is the last valid one; where none is known, speed to
-- longitude are 0. Flags:
--
--   0x0001  deleted: the row is gone; all but the device id and updated_at is 0 (times: unknown)
--   0x0002  online: a session is open
--   0x0004  a fix is known
--   0x0008  the newest record has a fix: recorded_at and last_record_at are the same
--   0x0010  ignition is known (element 239 of the newest record)     0x0020  and on
--   0x0040  movement is known (element 240 of the newest record)     0x0080  and on
--   0x0100  the tracker's clock is ahead (device_online.clock_ahead)
--
-- One device's rows arrive in the order in which they were committed. The feed carries facts, not states: whether a device
-- is silent changes by itself. omnitrack.live shows the same 64 bytes for every row of device_online, for the
-- snapshot and to reconcile: a notification may be lost, and anybody who may connect may send one.
--
-- Nothing is sent unless a web process has renewed omnitrack.heartbeat within 15 s. Nothing is sent while the queue of
-- notifications is half full (sequence omnitrack.live_skipped counts such statements): were it full, the transaction
-- would fail. A statement whose rows can't be sent, for whatever reason, is written all the same (sequence
-- omnitrack.live_failures). A web process that wants to know whether its LISTEN is heard (behind a pooler it may not be)
-- notifies "ping:" and something of its own; everybody else ignores what begins so.
--
-- A notifying transaction holds a lock that is one for all databases of the server until its commit is through. Live rows
-- are written in transactions of their own, which nobody waits for; no transaction that stores records or messages
-- notifies.

CREATE SEQUENCE omnitrack.live_failures MINVALUE 0 START 0;
CREATE SEQUENCE omnitrack.live_skipped MINVALUE 0 START 0;
SELECT setval('omnitrack.live_failures', 0), setval('omnitrack.live_skipped', 0);
COMMENT ON SEQUENCE omnitrack.live_failures IS
	'Statements whose changed live rows could not be notified: last_value';
COMMENT ON SEQUENCE omnitrack.live_skipped IS
	'Statements whose changed live rows were not notified, as the queue of notifications was too full';

-- Three triggers, as a statement trigger that sees its rows is for one event and for all columns. An upsert fires two of
-- them, one of which has nothing to tell.
DO $do$
DECLARE
	-- The row o of device_online. The interval is from 1970 to 2000, where PostgreSQL's own numbers begin; in hours, as
	-- these mean the same in every time zone.
	times CONSTANT text := $$
		timestamptz_send(coalesce(o.recorded_at, '-infinity') + interval '262968 hours') ||
		timestamptz_send(coalesce(o.last_record_at, '-infinity') + interval '262968 hours') ||
		timestamptz_send(coalesce(o.last_seen_at, '-infinity') + interval '262968 hours') ||
		timestamptz_send(coalesce(o.disconnected_at, '-infinity') + interval '262968 hours') ||
		timestamptz_send(coalesce(o.updated_at, '-infinity') + interval '262968 hours') $$;
	packed CONSTANT text := $$
		int8send(o.device_id) ||
		int8send(((CASE WHEN o.online THEN 2 ELSE 0 END
		    + CASE WHEN o.latitude IS NOT NULL AND o.longitude IS NOT NULL THEN 4 ELSE 0 END
		    + CASE WHEN o.recorded_at = o.last_record_at THEN 8 ELSE 0 END
		    + CASE o.io ->> '239' WHEN '0' THEN 16 WHEN '1' THEN 48 ELSE 0 END
		    + CASE o.io ->> '240' WHEN '0' THEN 64 WHEN '1' THEN 192 ELSE 0 END
		    + CASE WHEN o.clock_ahead IS NOT NULL THEN 256 ELSE 0 END)::bigint << 48)
		    | (least(greatest(coalesce(o.speed, 0), 0), 65535)::bigint << 32)
		    | (least(greatest(coalesce(o.heading, 0), 0), 65535)::bigint << 16)
		    | greatest(coalesce(o.satellites, 0::smallint), 0::smallint)::bigint) ||
		int8send(((least(greatest(coalesce(o.latitude, 0), -90), 90) * 1e7)::bigint << 32)
		    | ((least(greatest(coalesce(o.longitude, 0), -180), 180) * 1e7)::bigint & 4294967295)) || $$ || times;
BEGIN
	EXECUTE format($f$
	CREATE FUNCTION omnitrack.live_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
	DECLARE
		row_bytes CONSTANT integer := 64;
		most CONSTANT integer := 92 * row_bytes; -- 7,852 characters
		queue_limit real;
		rows bytea;
	BEGIN
		IF NOT EXISTS (SELECT FROM changed) THEN
			RETURN NULL;
		END IF;
		BEGIN
			SELECT h.queue_limit INTO queue_limit FROM omnitrack.heartbeat h
			    WHERE h.beat_at BETWEEN clock_timestamp() - interval '15 s' AND clock_timestamp() + interval '15 s';
			IF NOT FOUND THEN
				RETURN NULL;
			END IF;
			IF pg_notification_queue_usage() >= queue_limit THEN
				PERFORM nextval('omnitrack.live_skipped');
				RETURN NULL;
			END IF;
			IF TG_OP = 'DELETE' THEN
				SELECT string_agg(int8send(o.device_id) || '\x00010000000000000000000000000000'
				    || '\x8000000000000000800000000000000080000000000000008000000000000000'
				    || timestamptz_send(clock_timestamp() + interval '262968 hours'), '') INTO rows FROM changed o;
			ELSE
				SELECT string_agg(%1$s, '') INTO rows FROM changed o;
			END IF;
			FOR at IN 1 .. length(rows) BY most LOOP
				PERFORM pg_notify('telematics_live',
				    replace(encode('\x01' || substring(rows FROM at FOR most), 'base64'), E'\n', ''));
			END LOOP;
		EXCEPTION WHEN OTHERS THEN
			PERFORM nextval('omnitrack.live_failures');
		END;
		RETURN NULL;
	END
	$$ $f$, packed);
	EXECUTE format('CREATE VIEW omnitrack.live AS SELECT o.device_id, o.updated_at, %s AS packed FROM device_online o', packed);
END
$do$;
COMMENT ON VIEW omnitrack.live IS 'Rows of device_online as the live feed sends them';

CREATE TRIGGER telematics_live_insert AFTER INSERT ON device_online REFERENCING NEW TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION omnitrack.live_changed();
CREATE TRIGGER telematics_live_update AFTER UPDATE ON device_online REFERENCING NEW TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION omnitrack.live_changed();
CREATE TRIGGER telematics_live_delete AFTER DELETE ON device_online REFERENCING OLD TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION omnitrack.live_changed();

REVOKE ALL ON FUNCTION omnitrack.live_changed() FROM PUBLIC;
