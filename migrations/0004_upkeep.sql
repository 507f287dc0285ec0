-- Upkeep: partitions made ahead and dropped by retention, old rows deleted. Called by one worker at
-- a time, and by tgctl migrate.
--
-- telematics_upkeep() does one small step a call, in the caller's transaction, and returns true if
-- it did one: call it again until it returns false. A step that can't get its lock within 200 ms
-- gives up (inserts wait behind its two locks, so for 0.4 s at most), is left alone by this session for ten
-- seconds, and the other kinds of steps go on.
--
-- The functions run with the rights of their owner, who owns the tables; whoever may insert
-- positions may call them, and may have history deleted only with the right to delete it.

-- Makes the partition of one UTC day; rows of that day in the default partition move into it.
CREATE FUNCTION telematics_make_partition(day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	part CONSTANT text := 'device_positions_' || to_char(day, 'YYYYMMDD');
	lower_end CONSTANT timestamptz := day::timestamp AT TIME ZONE 'UTC';
	upper_end CONSTANT timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
	rest regclass;
	move text;
	many bigint := 0;
BEGIN
	SELECT nullif(partdefid, 0)::regclass INTO rest FROM pg_partitioned_table
	    WHERE partrelid = 'device_positions'::regclass;
	EXECUTE format('CREATE TABLE %I (LIKE device_positions INCLUDING ALL, CONSTRAINT %I '
	    'CHECK (recorded_at >= %L AND recorded_at < %L))',
	    part, part || '_day', lower_end, upper_end);
	IF rest IS NOT NULL THEN
		move := format('WITH moved AS (DELETE FROM %s WHERE recorded_at >= %L '
		    'AND recorded_at < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
		    rest, lower_end, upper_end, part);
		EXECUTE format('SELECT count(*) FROM (SELECT FROM %s WHERE recorded_at >= %L '
		    'AND recorded_at < %L LIMIT 10001) AS r', rest, lower_end, upper_end)
		    INTO many;
		-- Many rows move before the lock is taken, the few that arrive meanwhile after.
		IF many > 10000 THEN
			EXECUTE move;
		END IF;
	END IF;
	-- Writers wait here, before they choose a partition: one that had chosen the default one
	-- would fail as its row belongs there no more.
	LOCK TABLE ONLY device_positions IN SHARE ROW EXCLUSIVE MODE;
	IF rest IS NOT NULL THEN
		EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', rest);
		EXECUTE move;
	END IF;
	-- The check tells PostgreSQL that it need not look at the rows.
	EXECUTE format('ALTER TABLE device_positions ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
	    part, lower_end, upper_end);
	EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', part, part || '_day');
END
$$;

-- What the configuration allows to be deleted, some rows a call; returns how many it deleted.
CREATE FUNCTION telematics_delete_old(retention_days integer, raw_retention_days integer)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	chunk CONSTANT integer := 5000;
	rest regclass;
	gone bigint := 0;
BEGIN
	SELECT nullif(partdefid, 0)::regclass INTO rest FROM pg_partitioned_table
	    WHERE partrelid = 'device_positions'::regclass;
	IF retention_days > 0 AND rest IS NOT NULL THEN
		EXECUTE format('DELETE FROM %s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %s '
		    'WHERE received_at < now() - make_interval(days => $1) LIMIT $2 '
		    'FOR UPDATE SKIP LOCKED))', rest, rest) USING retention_days, chunk;
		GET DIAGNOSTICS gone = ROW_COUNT;
	END IF;
	IF gone = 0 AND raw_retention_days > 0 THEN
		DELETE FROM device_ingest_raw WHERE id = ANY (ARRAY(SELECT id FROM device_ingest_raw
		    WHERE (reason = 'raw' OR decoded_at IS NOT NULL)
		    AND last_seen_at < now() - make_interval(days => raw_retention_days)
		    ORDER BY last_seen_at LIMIT chunk FOR UPDATE SKIP LOCKED));
		GET DIAGNOSTICS gone = ROW_COUNT;
	END IF;
	RETURN gone;
END
$$;

CREATE FUNCTION telematics_upkeep(retention_days integer, raw_retention_days integer)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET timezone = 'UTC' SET lock_timeout = '200ms'
AS $$
DECLARE
	today CONSTANT date := now()::date;
	first_day date := today - 35;
	blocked CONSTANT text := 'telematics.upkeep_blocked_until';
	step text;
	day date;
BEGIN
	IF NOT has_table_privilege(session_user, 'device_positions', 'INSERT') THEN
		RAISE insufficient_privilege USING MESSAGE = format(
		    'role %I may not do the upkeep of device_positions', session_user),
		    HINT = 'GRANT INSERT, DELETE ON device_positions TO the role.';
	END IF;
	IF NOT pg_try_advisory_xact_lock(1952803941, 1) THEN
		RETURN false;
	END IF;
	IF retention_days > 0 THEN
		first_day := today - least(35, retention_days);
	END IF;
	-- Whoever may not delete these rows may not have them deleted from here either.
	IF retention_days > 0 AND NOT has_table_privilege(session_user, 'device_positions', 'DELETE') THEN
		RAISE WARNING 'retention: role % lacks DELETE on device_positions', session_user;
		retention_days := 0;
	END IF;
	IF raw_retention_days > 0
	    AND NOT has_table_privilege(session_user, 'device_ingest_raw', 'DELETE') THEN
		RAISE WARNING 'raw retention: role % lacks DELETE on device_ingest_raw', session_user;
		raw_retention_days := 0;
	END IF;

	IF extract(epoch FROM clock_timestamp()) >=
	    coalesce(nullif(current_setting(blocked, true), '')::float8, 0) THEN
		-- Today first, as it is needed most, then what comes, then what has been.
		FOR day IN
			SELECT d::date FROM generate_series(first_day, today + 7, interval '1 day') AS d
			WHERE to_regclass('device_positions_' || to_char(d, 'YYYYMMDD')) IS NULL
			ORDER BY d::date < today, abs(d::date - today)
		LOOP
			step := format('partition device_positions_%s', to_char(day, 'YYYYMMDD'));
			BEGIN
				PERFORM telematics_make_partition(day);
				RETURN true;
			EXCEPTION
			WHEN lock_not_available OR deadlock_detected THEN
				RAISE NOTICE '%: not made yet, the table is in use', step;
				PERFORM set_config(blocked,
				    (extract(epoch FROM clock_timestamp()) + 10)::text, false);
				EXIT;
			WHEN OTHERS THEN
				RAISE WARNING '%: not made: %', step, SQLERRM;
			END;
		END LOOP;
	END IF;

	IF retention_days > 0 AND extract(epoch FROM clock_timestamp()) >=
	    coalesce(nullif(current_setting(blocked, true), '')::float8, 0) THEN
		FOR step IN
			SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent = 'device_positions'::regclass
			AND c.relname ~ '^device_positions_[0-9]{8}$'
			AND right(c.relname, 8) < to_char(today - retention_days, 'YYYYMMDD')
			ORDER BY c.relname
		LOOP
			BEGIN
				EXECUTE format('DROP TABLE %I', step);
				RETURN true;
			EXCEPTION
			WHEN lock_not_available OR deadlock_detected THEN
				RAISE NOTICE 'partition %: not dropped yet, the table is in use', step;
				PERFORM set_config(blocked,
				    (extract(epoch FROM clock_timestamp()) + 10)::text, false);
				EXIT;
			WHEN OTHERS THEN
				RAISE WARNING 'partition %: not dropped: %', step, SQLERRM;
			END;
		END LOOP;
	END IF;

	RETURN telematics_delete_old(retention_days, raw_retention_days) > 0;
END
$$;

-- The functions find their tables whatever the caller's search_path is. The two helpers inherit it.
DO $$
BEGIN
	EXECUTE format('ALTER FUNCTION telematics_upkeep(integer, integer) '
	    'SET search_path = %I, pg_temp', current_schema());
END
$$;
REVOKE ALL ON FUNCTION telematics_make_partition(date) FROM PUBLIC;
REVOKE ALL ON FUNCTION telematics_delete_old(integer, integer) FROM PUBLIC;
