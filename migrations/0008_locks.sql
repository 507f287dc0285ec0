-- Upkeep that holds nobody up, under locks that nobody else can take.
--
-- Whoever does a work of ours alone holds its row of telematics_locks locked. Only the owner of the tables can
-- reach that row; an advisory lock with a known key could be held by any role, and the work stopped silently.
--
-- telematics_upkeep() does one small step a call, in the caller's transaction, and returns true if it did one: call
-- it again until it returns false. All that it must remember stands in tables, so whoever calls next goes on,
-- whatever was killed before.
--
-- A day's partition is made at once, in one transaction, while the default one is small. Over a large one it takes
-- several, and none of them holds writers for longer than 0.2 s, however many rows lie there:
--
--   1. the table of the day is made beside the history;
--   2. the default partition gets a CHECK, NOT VALID, that it has no row of that day, and a trigger that
--      puts rows of that day into the table of the day instead, if neither has them;
--   3. rows of that day move over, some blocks a step;
--   4. the CHECK is validated, which reads the default partition and locks out nobody;
--   5. the table is attached. PostgreSQL need not look at the default partition, as the CHECK says all.
--
-- From 3 to 5 the rows of that day are in no partition, so nobody sees them; but the trigger does, and a record
-- that is sent again is found to be there.

CREATE TABLE telematics_locks (
	name text PRIMARY KEY,
	day date,
	block bigint,
	blocked_until timestamptz
);
COMMENT ON TABLE telematics_locks IS 'Works that one session does at a time: it holds the row locked';
COMMENT ON COLUMN telematics_locks.day IS 'upkeep: the day whose partition is being made, in several steps';
COMMENT ON COLUMN telematics_locks.block IS 'upkeep: how far its rows have moved';
COMMENT ON COLUMN telematics_locks.blocked_until IS 'upkeep: a table was in use; not before this time';
INSERT INTO telematics_locks VALUES ('upkeep'), ('rejected_devices');

-- Takes the lock `what` for this transaction; false if another session has it.
CREATE FUNCTION telematics_take_lock(what text) RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM FROM telematics_schema.telematics_locks WHERE name = what FOR UPDATE SKIP LOCKED;
	IF FOUND OR EXISTS (SELECT FROM telematics_schema.telematics_locks WHERE name = what) THEN
		RETURN FOUND;
	END IF;
	-- Somebody has deleted it.
	INSERT INTO telematics_schema.telematics_locks (name) VALUES (what) ON CONFLICT DO NOTHING;
	RETURN FOUND;
END
$$;

-- For the gateway, whose role doesn't reach the table: one worker at a time trims the ledger of refusals.
CREATE FUNCTION telematics_lock_rejected() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN has_table_privilege(session_user, 'telematics_schema.rejected_devices', 'DELETE')
	    AND telematics_schema.telematics_take_lock('rejected_devices');
END
$$;

-- Trigger of the default partition while a day's table is made (its name is the argument): a row of that day goes
-- there, unless it is in the default one already. It never gets into the default one.
CREATE FUNCTION telematics_divert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	EXECUTE format('INSERT INTO %s SELECT ($1).* WHERE NOT EXISTS (SELECT FROM %s WHERE device_id = ($1).device_id '
	    'AND recorded_at = ($1).recorded_at AND record_hash = ($1).record_hash) ON CONFLICT DO NOTHING',
	    TG_ARGV[0], TG_RELID::regclass) USING NEW;
	RETURN NULL;
END
$$;

-- The step in which writers wait: first for those before them, so that none has chosen a partition when the
-- day is attached (one that had chosen the default one would fail, as its row belongs there no more), then for readers.
-- All three limits together are what writers wait at most.
CREATE FUNCTION telematics_attach_day(part text, lower_end timestamptz, upper_end timestamptz, rest regclass,
	move text, guard text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM set_config('lock_timeout', '120ms', true);
	LOCK TABLE ONLY telematics_schema.device_positions IN SHARE ROW EXCLUSIVE MODE;
	PERFORM set_config('lock_timeout', '30ms', true);
	IF rest IS NOT NULL THEN
		EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', rest);
	END IF;
	IF move IS NOT NULL THEN
		EXECUTE move;
	END IF;
	-- The table's own CHECK tells PostgreSQL that it need not look at its rows either.
	EXECUTE format('ALTER TABLE telematics_schema.device_positions ATTACH PARTITION telematics_schema.%I '
	    'FOR VALUES FROM (%L) TO (%L)', part, lower_end, upper_end);
	EXECUTE format('ALTER TABLE telematics_schema.%I DROP CONSTRAINT %I', part, part || '_day');
	IF rest IS NOT NULL AND guard IS NOT NULL THEN
		EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', guard, rest);
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', rest, guard);
	END IF;
END
$$;

-- Blocks of a table.
CREATE FUNCTION telematics_blocks(t regclass) RETURNS bigint LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT pg_relation_size(t) / current_setting('block_size')::bigint
$$;

DROP FUNCTION telematics_make_partition(date);

-- One step towards the partition of `day`, of which rows of the default one up to `block` have moved; `block` is NULL
-- if nothing has been done yet. Returns the same for the next step; NULL: the partition is there.
CREATE FUNCTION telematics_make_partition(day date, block bigint) RETURNS bigint LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	small CONSTANT bigint := 64; -- blocks that move and are looked at within the step in which writers wait
	chunk CONSTANT bigint := 16;
	step CONSTANT interval := '80 ms';
	part CONSTANT text := 'device_positions_' || to_char(day, 'YYYYMMDD');
	guard CONSTANT text := 'telematics_' || to_char(day, 'YYYYMMDD');
	lower_end CONSTANT timestamptz := day::timestamp AT TIME ZONE 'UTC';
	upper_end CONSTANT timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
	began CONSTANT timestamptz := clock_timestamp();
	rest regclass;
	move text;
	valid boolean;
	blocks bigint;
BEGIN
	SELECT nullif(partdefid, 0)::regclass INTO rest FROM pg_partitioned_table
	    WHERE partrelid = 'telematics_schema.device_positions'::regclass;
	move := format('WITH moved AS (DELETE FROM %s WHERE recorded_at >= %L AND recorded_at < %L %%s RETURNING *) '
	    'INSERT INTO telematics_schema.%I SELECT * FROM moved ON CONFLICT DO NOTHING',
	    rest, lower_end, upper_end, part);
	IF block IS NULL THEN
		EXECUTE format('CREATE TABLE telematics_schema.%I (LIKE telematics_schema.device_positions '
		    'INCLUDING ALL, CONSTRAINT %I CHECK (recorded_at >= %L AND recorded_at < %L))',
		    part, part || '_day', lower_end, upper_end);
		IF rest IS NOT NULL AND telematics_schema.telematics_blocks(rest) > small THEN
			RETURN 0;
		END IF;
		PERFORM telematics_schema.telematics_attach_day(part, lower_end, upper_end, rest,
		    CASE WHEN rest IS NOT NULL THEN format(move, '') END, NULL);
		RETURN NULL;
	END IF;

	SELECT convalidated INTO valid FROM pg_constraint WHERE conrelid = rest AND conname = guard;
	IF valid IS NULL AND rest IS NOT NULL THEN
		EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', rest);
		EXECUTE format('CREATE TRIGGER %I BEFORE INSERT ON %s FOR EACH ROW '
		    'WHEN (NEW.recorded_at >= %L AND NEW.recorded_at < %L) '
		    'EXECUTE FUNCTION telematics_schema.telematics_divert(%L)', guard, rest, lower_end, upper_end,
		    format('telematics_schema.%I', part));
		EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (recorded_at < %L OR recorded_at >= %L) NOT VALID',
		    rest, guard, lower_end, upper_end);
		RETURN 0;
	END IF;
	IF NOT valid THEN
		blocks := telematics_schema.telematics_blocks(rest);
		IF block >= blocks THEN
			EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', rest, guard);
			RETURN block;
		END IF;
		WHILE block < blocks AND clock_timestamp() < began + step LOOP
			EXECUTE format(move, format('AND ctid >= ''(%s,0)'' AND ctid < ''(%s,0)''', block, block + chunk));
			block := block + chunk;
		END LOOP;
		RETURN block;
	END IF;
	PERFORM telematics_schema.telematics_attach_day(part, lower_end, upper_end, rest, NULL, guard);
	RETURN NULL;
EXCEPTION
WHEN check_violation THEN
	-- A row of that day has come back, by an UPDATE or in a session without triggers.
	RETURN 0;
END
$$;

-- Where the history is a hypertable of TimescaleDB, its chunks are made by that, and dropped by its own function. Returns
-- how many were.
CREATE FUNCTION telematics_drop_chunks(retention_days integer) RETURNS bigint LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	home CONSTANT regnamespace := (SELECT extnamespace FROM pg_extension WHERE extname = 'timescaledb');
	gone bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %s.drop_chunks(''telematics_schema.device_positions''::regclass, '
	    'older_than => now() - make_interval(days => $1))', home) INTO gone USING retention_days;
	RETURN gone;
END
$$;

-- What the history is: 'partitioned', a 'hypertable' of TimescaleDB, or a plain 'table'.
CREATE FUNCTION telematics_history_kind() RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found boolean := false;
BEGIN
	IF (SELECT relkind FROM pg_class WHERE oid = 'telematics_schema.device_positions'::regclass) = 'p' THEN
		RETURN 'partitioned';
	END IF;
	IF to_regclass('_timescaledb_catalog.hypertable') IS NOT NULL THEN
		EXECUTE 'SELECT EXISTS (SELECT FROM _timescaledb_catalog.hypertable h JOIN pg_namespace n '
		    'ON n.nspname = h.schema_name JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = h.table_name '
		    'WHERE c.oid = ''telematics_schema.device_positions''::regclass)' INTO found;
	END IF;
	RETURN CASE WHEN found THEN 'hypertable' ELSE 'table' END;
END
$$;

-- What the configuration allows to be deleted, some rows a call; returns how many it deleted.
CREATE OR REPLACE FUNCTION telematics_delete_old(retention_days integer, raw_retention_days integer)
RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	chunk CONSTANT integer := 5000;
	kind CONSTANT text := telematics_schema.telematics_history_kind();
	rest regclass;
	gone bigint := 0;
BEGIN
	-- Rows that no whole partition goes with: those of the default one, or of a table that has none.
	IF kind = 'partitioned' THEN
		SELECT nullif(partdefid, 0)::regclass INTO rest FROM pg_partitioned_table
		    WHERE partrelid = 'telematics_schema.device_positions'::regclass;
	ELSIF kind = 'table' THEN
		rest := 'telematics_schema.device_positions'::regclass;
	END IF;
	IF retention_days > 0 AND kind = 'hypertable' THEN
		gone := telematics_schema.telematics_drop_chunks(retention_days);
	ELSIF retention_days > 0 AND rest IS NOT NULL THEN
		EXECUTE format('DELETE FROM %s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %s '
		    'WHERE received_at < now() - make_interval(days => $1) LIMIT $2 '
		    'FOR UPDATE SKIP LOCKED))', rest, rest) USING retention_days, chunk;
		GET DIAGNOSTICS gone = ROW_COUNT;
	END IF;
	IF gone = 0 AND raw_retention_days > 0 THEN
		DELETE FROM telematics_schema.device_ingest_raw WHERE id = ANY (ARRAY(
		    SELECT id FROM telematics_schema.device_ingest_raw
		    WHERE (reason = 'raw' OR decoded_at IS NOT NULL)
		    AND last_seen_at < now() - make_interval(days => raw_retention_days)
		    ORDER BY last_seen_at LIMIT chunk FOR UPDATE SKIP LOCKED));
		GET DIAGNOSTICS gone = ROW_COUNT;
	END IF;
	RETURN gone;
END
$$;

-- Partitions made and dropped, one step: true if it did one.
CREATE FUNCTION telematics_upkeep_days(retention_days integer) RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	today CONSTANT date := now()::date;
	first_day CONSTANT date := today - CASE WHEN retention_days > 0 THEN least(35, retention_days) ELSE 35 END;
	work record;
	what text;
	part regclass;
	made date;
	moved bigint;
BEGIN
	SELECT * INTO work FROM telematics_schema.telematics_locks WHERE name = 'upkeep';
	IF work.blocked_until > clock_timestamp() THEN
		RETURN false;
	END IF;
	-- What was begun comes first, as rows of that day can't be seen meanwhile; then today, as it is needed most, what
	-- comes, and what has been.
	FOR made IN
		SELECT work.day WHERE work.day IS NOT NULL
		UNION ALL (
			SELECT d::date FROM generate_series(first_day, today + 7, interval '1 day') AS d
			WHERE to_regclass('telematics_schema.device_positions_' || to_char(d, 'YYYYMMDD')) IS NULL
			AND work.day IS NULL
			ORDER BY d::date < today, abs(d::date - today))
	LOOP
		what := format('partition device_positions_%s', to_char(made, 'YYYYMMDD'));
		BEGIN
			moved := telematics_schema.telematics_make_partition(made, work.block);
			UPDATE telematics_schema.telematics_locks SET block = moved,
			    day = CASE WHEN moved IS NOT NULL THEN made END WHERE name = 'upkeep';
			RETURN true;
		EXCEPTION
		WHEN lock_not_available OR deadlock_detected THEN
			RAISE NOTICE '%: not made yet, the table is in use', what;
			UPDATE telematics_schema.telematics_locks
			    SET blocked_until = clock_timestamp() + interval '5 s' WHERE name = 'upkeep';
			RETURN false;
		WHEN undefined_table THEN
			-- Somebody has dropped what was begun.
			RAISE WARNING '%: not made: %', what, SQLERRM;
			UPDATE telematics_schema.telematics_locks SET day = NULL, block = NULL WHERE name = 'upkeep';
			RETURN true;
		WHEN OTHERS THEN
			RAISE WARNING '%: not made: %', what, SQLERRM;
		END;
	END LOOP;

	IF retention_days <= 0 THEN
		RETURN false;
	END IF;
	FOR what, part IN
		SELECT c.relname, c.oid::regclass FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'telematics_schema.device_positions'::regclass
		AND c.relname ~ '^device_positions_[0-9]{8}$'
		AND right(c.relname, 8) < to_char(today - retention_days, 'YYYYMMDD')
		ORDER BY c.relname
	LOOP
		BEGIN
			EXECUTE format('DROP TABLE %s', part);
			RETURN true;
		EXCEPTION
		WHEN lock_not_available OR deadlock_detected THEN
			RAISE NOTICE 'partition %: not dropped yet, the table is in use', what;
			UPDATE telematics_schema.telematics_locks
			    SET blocked_until = clock_timestamp() + interval '5 s' WHERE name = 'upkeep';
			RETURN false;
		WHEN OTHERS THEN
			RAISE WARNING 'partition %: not dropped: %', what, SQLERRM;
		END;
	END LOOP;
	RETURN false;
END
$$;

CREATE OR REPLACE FUNCTION telematics_upkeep(retention_days integer, raw_retention_days integer)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC' SET lock_timeout = '90ms' AS $$
BEGIN
	IF NOT has_table_privilege(session_user, 'telematics_schema.device_positions', 'INSERT') THEN
		RAISE insufficient_privilege USING MESSAGE = format(
		    'role %I may not do the upkeep of device_positions', session_user),
		    HINT = 'GRANT INSERT, DELETE ON device_positions TO the role.';
	END IF;
	IF NOT telematics_schema.telematics_take_lock('upkeep') THEN
		RETURN false;
	END IF;
	-- Whoever may not delete these rows may not have them deleted from here either.
	IF retention_days > 0
	    AND NOT has_table_privilege(session_user, 'telematics_schema.device_positions', 'DELETE') THEN
		RAISE WARNING 'retention: role % lacks DELETE on device_positions', session_user;
		retention_days := 0;
	END IF;
	IF raw_retention_days > 0
	    AND NOT has_table_privilege(session_user, 'telematics_schema.device_ingest_raw', 'DELETE') THEN
		RAISE WARNING 'raw retention: role % lacks DELETE on device_ingest_raw', session_user;
		raw_retention_days := 0;
	END IF;
	RETURN telematics_schema.telematics_history_kind() = 'partitioned'
	    AND telematics_schema.telematics_upkeep_days(retention_days)
	    OR telematics_schema.telematics_delete_old(retention_days, raw_retention_days) > 0;
END
$$;

DO $$
DECLARE
	f text;
BEGIN
	FOREACH f IN ARRAY ARRAY['take_lock(text)', 'lock_rejected()', 'divert()',
	    'attach_day(text, timestamptz, timestamptz, regclass, text, text)', 'blocks(regclass)',
	    'make_partition(date, bigint)', 'drop_chunks(integer)', 'history_kind()', 'delete_old(integer, integer)',
	    'upkeep_days(integer)', 'upkeep(integer, integer)'] LOOP
		PERFORM telematics_pin(('telematics_' OPERATOR(pg_catalog.||) f)::regprocedure);
	END LOOP;
	-- Nobody but their owner has any use for these; telematics_divert() inserts with the owner's rights wherever
	-- the argument of its trigger says.
	FOREACH f IN ARRAY ARRAY['take_lock(text)', 'divert()',
	    'attach_day(text, timestamptz, timestamptz, regclass, text, text)', 'blocks(regclass)',
	    'make_partition(date, bigint)', 'drop_chunks(integer)', 'delete_old(integer, integer)',
	    'upkeep_days(integer)'] LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC',
		    ('telematics_' OPERATOR(pg_catalog.||) f)::regprocedure);
	END LOOP;
END
$$;
