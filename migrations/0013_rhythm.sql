-- The rhythm of each device: how long the pauses between its records are, so that "silent" means silent for this one.
--
-- A pause is the time between two records, by the tracker's clock. It belongs to moving or to standing by the earlier of
-- them: moving is what the movement element (240) says, or, where that isn't sent, 5 km/h and more. Of the last 50
-- pauses of either kind the 90th percentile is kept, in seconds, with their number.
--
-- A device is silent when it says nothing for longer than three times that, and never within ten minutes; before it has ten
-- pauses of the kind, ten minutes moving and 24 hours standing. telematics_patience() is that rule, telematics_silence()
-- applies it to all devices: tgctl why --all and the web application ask it.
--
-- The gateway computes rows anew, page by page, of devices that have sent since: at most once an hour, and once a minute
-- while there are less than ten pauses (pg/sql/rhythm_step.sql). device_online.usual_gap_s, which was a guess at the same, is
-- not written any more.

CREATE TABLE device_rhythm (
	device_id bigint PRIMARY KEY,
	moving_gap_s real,
	standing_gap_s real,
	moving_gaps smallint NOT NULL DEFAULT 0,
	standing_gaps smallint NOT NULL DEFAULT 0,
	last_record_at timestamptz,
	computed_at timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE device_rhythm IS 'How long the pauses between a device''s records are';
COMMENT ON COLUMN device_rhythm.moving_gap_s IS 'Nine of ten pauses while it moves are no longer, in seconds; of the last 50';
COMMENT ON COLUMN device_rhythm.standing_gap_s IS 'The same while it stands';
COMMENT ON COLUMN device_rhythm.moving_gaps IS 'Of how many pauses that is, up to 50';
COMMENT ON COLUMN device_rhythm.last_record_at IS 'The newest record that was looked at';
COMMENT ON COLUMN device_online.usual_gap_s IS 'Not written any more: see device_rhythm';

-- Does a device move, by the movement element in io (NULL: io is not known) or else by its speed?
CREATE FUNCTION telematics_moves(movement text, speed integer) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(movement <> '0', speed >= 5, false);
COMMENT ON FUNCTION telematics_moves(text, integer) IS 'Moving, by the element 240 as text, or where it is NULL by km/h';

-- How long a device may say nothing, in seconds.
CREATE FUNCTION telematics_patience(gap_s real, gaps integer, moving boolean) RETURNS real
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN gaps >= 10 AND gap_s IS NOT NULL THEN greatest(3 * gap_s, 600) WHEN moving THEN 600 ELSE 86400 END;
COMMENT ON FUNCTION telematics_patience(real, integer, boolean) IS
	'Seconds that a device may be silent when all is well, by the pauses between its records';

-- These two name telematics_schema, which is put in below.
SET LOCAL check_function_bodies = off;

-- The rhythm of one device by the last `most` of its records whose time can be right. One row.
CREATE FUNCTION telematics_rhythm(device bigint, most integer DEFAULT 1000, OUT moving_gap_s real,
	OUT moving_gaps smallint, OUT standing_gap_s real, OUT standing_gaps smallint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH records AS MATERIALIZED (
		SELECT recorded_at, io ->> '240' AS movement, speed
		FROM telematics_schema.device_positions
		WHERE device_id = device AND recorded_at >= timestamptz '2010-01-01 00:00:00+00'
			AND recorded_at <= now() + interval '10 minutes'
		ORDER BY recorded_at DESC LIMIT most
	), gaps AS (
		SELECT extract(epoch FROM lead(recorded_at) OVER w - recorded_at)::real AS gap, recorded_at,
			telematics_schema.telematics_moves(movement, speed) AS moving
		FROM records WINDOW w AS (ORDER BY recorded_at)
	), newest AS (
		SELECT gap, moving, row_number() OVER (PARTITION BY moving ORDER BY recorded_at DESC) AS n
		FROM gaps WHERE gap > 0
	)
	SELECT (percentile_disc(0.9) WITHIN GROUP (ORDER BY gap) FILTER (WHERE moving))::real,
		count(*) FILTER (WHERE moving)::smallint,
		(percentile_disc(0.9) WITHIN GROUP (ORDER BY gap) FILTER (WHERE NOT moving))::real,
		count(*) FILTER (WHERE NOT moving)::smallint
	FROM newest WHERE n <= 50
$$;
COMMENT ON FUNCTION telematics_rhythm(bigint, integer) IS 'The rhythm of a device, from its newest records';

-- All enabled devices: since when each has been silent, and is that longer than its rhythm allows? Never seen: since it was
-- registered. Silence is of records: pings alone don't end it.
CREATE FUNCTION telematics_silence() RETURNS TABLE (device_id bigint, seen boolean, since timestamptz, moving boolean,
	usual_gap_s real, patience_s real, silent boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT f.device_id, f.seen, f.since, f.moving, f.usual_gap_s, f.patience_s,
		NOT f.seen OR f.since IS NULL OR f.since < now() - f.patience_s * interval '1 second'
	FROM (
		SELECT d.id::bigint AS device_id, o.device_id IS NOT NULL AS seen, m.moving,
			CASE WHEN o.device_id IS NULL THEN d.created_at
			WHEN o.last_record_at IS NULL THEN least(o.last_seen_at, o.connected_at)
			ELSE least(o.last_seen_at, o.last_record_at) END AS since,
			CASE WHEN m.moving THEN r.moving_gap_s ELSE r.standing_gap_s END AS usual_gap_s,
			telematics_schema.telematics_patience(CASE WHEN m.moving THEN r.moving_gap_s ELSE r.standing_gap_s END,
			    CASE WHEN m.moving THEN r.moving_gaps ELSE r.standing_gaps END, m.moving) AS patience_s
		FROM telematics_schema.devices d
			LEFT JOIN telematics_schema.device_online o ON o.device_id = d.id
			LEFT JOIN telematics_schema.device_rhythm r ON r.device_id = d.id
			CROSS JOIN LATERAL (SELECT telematics_schema.telematics_moves(o.io ->> '240', o.speed) AS moving) AS m
		WHERE d.enabled) AS f
$$;
COMMENT ON FUNCTION telematics_silence() IS 'Who is silent, each device by its own rhythm';

-- The rhythm goes with its device.
CREATE FUNCTION telematics_rhythm_gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		DELETE FROM telematics_schema.device_rhythm;
	ELSE
		DELETE FROM telematics_schema.device_rhythm WHERE device_id IN (SELECT id FROM changed);
	END IF;
	RETURN NULL;
END
$$;

-- The inventory may live in another schema.
DO $$
DECLARE
	devices CONSTANT text := (SELECT format('%I.%I', n.nspname, c.relname)
	    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = 'devices'::regclass);
BEGIN
	EXECUTE replace(pg_get_functiondef('telematics_silence()'::regprocedure), 'telematics_schema.devices ', devices || ' ');
	SET LOCAL check_function_bodies = on;
	PERFORM telematics_pin('telematics_silence()'), telematics_pin('telematics_rhythm(bigint, integer)'),
	    telematics_pin('telematics_rhythm_gone()');
END
$$;
REVOKE ALL ON FUNCTION telematics_rhythm_gone() FROM PUBLIC;

CREATE TRIGGER telematics_rhythm_delete AFTER DELETE ON devices REFERENCING OLD TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION telematics_rhythm_gone();
CREATE TRIGGER telematics_rhythm_truncate AFTER TRUNCATE ON devices
	FOR EACH STATEMENT EXECUTE FUNCTION telematics_rhythm_gone();
