-- device_positions.io becomes json: the text as it came, which PostgreSQL checks and stores. As jsonb it took every
-- record apart and sorted its keys, which was the dearest part of storing one. ->, ->> and casts go on working; ?, @>, =,
-- DISTINCT and jsonb_...() need io::jsonb. device_online.io stays jsonb.
--
-- The history is rewritten whole, in one transaction: all who write or read it wait, and a second copy lies on disk until
-- the end. tgctl migrate says beforehand how much that is, and asks for --yes where it is much.
--
-- A gateway of before works across it: its COPY, where io has a jsonb's first byte, is refused whole, and it sends the
-- same rows by INSERT, which casts them.
DO $do$
DECLARE
	part regclass;
	said text;
	more text;
BEGIN
	-- No partition is begun or attached meanwhile.
	PERFORM FROM telematics_locks WHERE name = 'upkeep' FOR UPDATE;
	-- A column that a view reads keeps its type. So the view reads nothing for now, rather than going: it keeps its
	-- GRANTs, and the views that others have made of it.
	IF to_regclass('device_events') IS NOT NULL THEN
		EXECUTE (SELECT format('CREATE OR REPLACE VIEW device_events AS SELECT %s',
			string_agg(format('NULL::%s AS %I', format_type(atttypid, atttypmod), attname), ', ' ORDER BY attnum))
		    FROM pg_attribute
		    WHERE attrelid = 'device_events'::regclass AND attnum > 0 AND NOT attisdropped);
	END IF;
	-- The history with its partitions, and the table of a day that is not attached yet.
	FOR part IN
		SELECT c.oid::regclass
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE a.attname = 'io' AND a.atttypid = 'jsonb'::regtype AND NOT c.relispartition AND c.relkind IN ('r', 'p')
		    AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'device_positions'::regclass)
		    AND c.relname ~ '^device_positions(_[0-9]{8})?$'
		ORDER BY c.relname
	LOOP
		EXECUTE format('ALTER TABLE %s ALTER COLUMN io TYPE json USING io::json', part);
	END LOOP;
	PERFORM telematics_make_views();
EXCEPTION WHEN feature_not_supported THEN
	GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, more = PG_EXCEPTION_DETAIL;
	RAISE EXCEPTION USING MESSAGE = format('io of %s can''t become json: %s', part, said), DETAIL = more,
	    HINT = 'Drop what is in the way, run tgctl migrate again, and make it anew.';
END
$do$;
