-- What our functions may find: only what is PostgreSQL's own, and tables and functions of ours under their full
-- names, whatever the search_path of a caller is and whoever may create what in a schema that is on it.
-- Otherwise public.format(text, text), say, would be called by functions that run with the rights of the owner.
--
-- So each function has search_path = pg_catalog, pg_temp, and says telematics_schema where it means the
-- schema in which the migrations run; telematics_pin() puts that schema's name in. A function that is
-- made or changed by a later migration is written the same way, and pinned at the end of that file.
--
-- Also here: whoever may not send commands may only cancel them, and late answers end a command.

CREATE FUNCTION telematics_pin(function regprocedure) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	home CONSTANT text := (SELECT pronamespace::regnamespace FROM pg_proc WHERE oid = function);
BEGIN
	-- The name stands in statements, in literals and in formats: no character may mean something there.
	IF home ~ '[''%\\$]' THEN
		RAISE invalid_schema_name USING MESSAGE = format('the gateway can''t live in a schema called %s', home),
		    HINT = 'Use a schema whose name has neither quotes nor any of \ % $ in it.';
	END IF;
	EXECUTE replace(pg_get_functiondef(function), 'telematics_schema.', home || '.');
	EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', function);
END
$$;
COMMENT ON FUNCTION telematics_pin(regprocedure) IS
	'For migrations: telematics_schema becomes the function''s own schema, and its search_path is fixed';

-- Upkeep, as in 0004.

CREATE OR REPLACE FUNCTION telematics_make_partition(day date) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	part CONSTANT text := 'device_positions_' || to_char(day, 'YYYYMMDD');
	lower_end CONSTANT timestamptz := day::timestamp AT TIME ZONE 'UTC';
	upper_end CONSTANT timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
	rest regclass;
	move text;
	many bigint := 0;
BEGIN
	SELECT nullif(partdefid, 0)::regclass INTO rest FROM pg_partitioned_table
	    WHERE partrelid = 'telematics_schema.device_positions'::regclass;
	EXECUTE format('CREATE TABLE telematics_schema.%I (LIKE telematics_schema.device_positions '
	    'INCLUDING ALL, CONSTRAINT %I CHECK (recorded_at >= %L AND recorded_at < %L))',
	    part, part || '_day', lower_end, upper_end);
	IF rest IS NOT NULL THEN
		move := format('WITH moved AS (DELETE FROM %s WHERE recorded_at >= %L '
		    'AND recorded_at < %L RETURNING *) INSERT INTO telematics_schema.%I SELECT * FROM moved',
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
	LOCK TABLE ONLY telematics_schema.device_positions IN SHARE ROW EXCLUSIVE MODE;
	IF rest IS NOT NULL THEN
		EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', rest);
		EXECUTE move;
	END IF;
	-- The check tells PostgreSQL that it need not look at the rows.
	EXECUTE format('ALTER TABLE telematics_schema.device_positions ATTACH PARTITION telematics_schema.%I '
	    'FOR VALUES FROM (%L) TO (%L)', part, lower_end, upper_end);
	EXECUTE format('ALTER TABLE telematics_schema.%I DROP CONSTRAINT %I', part, part || '_day');
END
$$;

CREATE OR REPLACE FUNCTION telematics_delete_old(retention_days integer, raw_retention_days integer)
RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	chunk CONSTANT integer := 5000;
	rest regclass;
	gone bigint := 0;
BEGIN
	SELECT nullif(partdefid, 0)::regclass INTO rest FROM pg_partitioned_table
	    WHERE partrelid = 'telematics_schema.device_positions'::regclass;
	IF retention_days > 0 AND rest IS NOT NULL THEN
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

CREATE OR REPLACE FUNCTION telematics_upkeep(retention_days integer, raw_retention_days integer)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC' SET lock_timeout = '200ms' AS $$
DECLARE
	today CONSTANT date := now()::date;
	first_day date := today - 35;
	blocked CONSTANT text := 'telematics.upkeep_blocked_until';
	step text;
	part regclass;
	day date;
BEGIN
	IF NOT has_table_privilege(session_user, 'telematics_schema.device_positions', 'INSERT') THEN
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

	IF extract(epoch FROM clock_timestamp()) >=
	    coalesce(nullif(current_setting(blocked, true), '')::float8, 0) THEN
		-- Today first, as it is needed most, then what comes, then what has been.
		FOR day IN
			SELECT d::date FROM generate_series(first_day, today + 7, interval '1 day') AS d
			WHERE to_regclass('telematics_schema.device_positions_' || to_char(d, 'YYYYMMDD')) IS NULL
			ORDER BY d::date < today, abs(d::date - today)
		LOOP
			step := format('partition device_positions_%s', to_char(day, 'YYYYMMDD'));
			BEGIN
				PERFORM telematics_schema.telematics_make_partition(day);
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
		FOR step, part IN
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
				RAISE NOTICE 'partition %: not dropped yet, the table is in use', step;
				PERFORM set_config(blocked,
				    (extract(epoch FROM clock_timestamp()) + 10)::text, false);
				EXIT;
			WHEN OTHERS THEN
				RAISE WARNING 'partition %: not dropped: %', step, SQLERRM;
			END;
		END LOOP;
	END IF;

	RETURN telematics_schema.telematics_delete_old(retention_days, raw_retention_days) > 0;
END
$$;

-- Commands, as in 0005 but for telematics_command_change().

CREATE OR REPLACE FUNCTION telematics_set_command_max_length(characters integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	-- Who counts attempts sends commands; who may only cancel them does not.
	IF NOT has_column_privilege(session_user, 'telematics_schema.device_commands', 'attempt_count',
	    'UPDATE') THEN
		RAISE insufficient_privilege USING MESSAGE = format(
		    'role %I may not set the length of commands', session_user),
		    HINT = 'GRANT UPDATE ON device_commands TO the role.';
	END IF;
	UPDATE telematics_schema.telematics_settings SET value = characters::text
	    WHERE name = 'command_max_length' AND value <> characters::text;
END
$$;

CREATE OR REPLACE FUNCTION telematics_command_check() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	most integer;
	place integer;
BEGIN
	IF NEW.imei !~ '^[0-9]{15}$' THEN
		RAISE check_violation USING MESSAGE = format('command for "%s": an IMEI has 15 digits', NEW.imei);
	END IF;
	SELECT value::integer INTO most FROM telematics_schema.telematics_settings
	    WHERE name = 'command_max_length';
	IF NEW.command_text = '' THEN
		RAISE check_violation USING MESSAGE = format('command for %s: the text is empty', NEW.imei);
	END IF;
	IF length(NEW.command_text) > most THEN
		RAISE check_violation USING MESSAGE = format('command for %s: the text has %s characters, '
		    'at most %s are allowed', NEW.imei, length(NEW.command_text), most),
		    HINT = 'The limit is TELEM_COMMAND_MAX_LENGTH in the configuration of the gateway.';
	END IF;
	IF NEW.command_text !~ '^[ -~]*$' COLLATE "C" THEN
		place := length(substring(NEW.command_text FROM '^[ -~]*' COLLATE "C")) + 1;
		RAISE check_violation USING MESSAGE = format('command for %s: character %s of the text is not '
		    'printable ASCII', NEW.imei, place),
		    HINT = 'No line end belongs to a command, and no letter beyond ASCII.';
	END IF;
	RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION telematics_command_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	-- Also while it waits for its next attempt: the answer of the last may be on its way.
	IF (OLD.status <> 'pending' OR OLD.attempt_count > 0) AND (NEW.imei, NEW.command_text, NEW.codec)
	    IS DISTINCT FROM (OLD.imei, OLD.command_text, OLD.codec) THEN
		RAISE check_violation USING MESSAGE = format('command %s is %s after %s attempts: '
		    'what was sent can''t be changed', OLD.id, OLD.status, OLD.attempt_count), HINT = 'Queue another one.';
	END IF;
	IF NEW.status = OLD.status THEN
		RETURN NEW;
	END IF;
	-- The last two: an answer that came late, to an attempt that nobody waited for any more.
	IF NOT (OLD.status = 'pending' AND NEW.status IN ('sent', 'failed', 'expired', 'cancelled')
	    OR OLD.status = 'sent' AND NEW.status IN ('pending', 'acked', 'failed', 'expired')
	    OR OLD.status = 'pending' AND NEW.status = 'acked' AND OLD.attempt_count > 0
	    OR OLD.status = 'failed' AND NEW.status = 'acked' AND coalesce(OLD.error_message, '') LIKE 'no answer%'
	    AND OLD.updated_at > now() - interval '24 hours') THEN
		RAISE check_violation USING MESSAGE = format('command %s is %s, it can''t become %s',
		    OLD.id, OLD.status, NEW.status),
		    HINT = CASE WHEN NEW.status = 'cancelled' AND OLD.status = 'sent'
		    THEN 'It is with the device already.' ELSE 'Queue another one.' END;
	END IF;
	-- Who counts attempts sends commands and knows their answers. All others may only cancel.
	IF NEW.status <> 'cancelled' AND NOT has_column_privilege(
	    'telematics_schema.device_commands', 'attempt_count', 'UPDATE') THEN
		RAISE insufficient_privilege USING MESSAGE = format('role %I may not make command %s %s: it may only '
		    'cancel', current_user, OLD.id, NEW.status),
		    HINT = 'A command becomes that by what the gateway does with it.';
	END IF;
	NEW.updated_at := now();
	RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION telematics_commands_notify(imeis text[]) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF cardinality(imeis) > 100 THEN
		PERFORM pg_notify('telematics_commands', '*');
	ELSIF cardinality(imeis) > 0 THEN
		PERFORM pg_notify('telematics_commands', array_to_string(imeis, ','));
	END IF;
END
$$;

CREATE OR REPLACE FUNCTION telematics_commands_queued() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM telematics_schema.telematics_commands_notify(ARRAY(
	    SELECT DISTINCT imei FROM queued WHERE status = 'pending' LIMIT 101));
	RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION telematics_commands_changed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_hashjoin = on AS $$
BEGIN
	PERFORM telematics_schema.telematics_commands_notify(ARRAY(
	    SELECT imei FROM (SELECT n.imei, bool_or(n.status = 'pending') AS due
	        FROM after n JOIN before o USING (id)
	        WHERE (n.status = 'pending' AND (n.next_retry_at IS NULL OR n.next_retry_at <= now())
	            AND (o.status, o.next_retry_at) IS DISTINCT FROM (n.status, n.next_retry_at))
	        OR (o.status IN ('pending', 'sent') AND n.status IN ('failed', 'expired', 'cancelled'))
	        GROUP BY n.imei) AS d
	    WHERE due OR EXISTS (SELECT FROM telematics_schema.device_commands c
	        WHERE c.imei = d.imei AND c.status = 'pending')
	    LIMIT 101));
	RETURN NULL;
END
$$;

DO $$
DECLARE
	f text;
BEGIN
	FOREACH f IN ARRAY ARRAY['devices_collect()', 'devices_send()', 'devices_all()',
	    'make_partition(date)', 'delete_old(integer, integer)', 'upkeep(integer, integer)',
	    'set_command_max_length(integer)', 'command_check()', 'command_change()', 'commands_notify(text[])',
	    'commands_queued()', 'commands_changed()'] LOOP
		PERFORM telematics_pin(('telematics_' OPERATOR(pg_catalog.||) f)::regprocedure);
	END LOOP;
END
$$;

-- Nobody but their owner has any use for these.
REVOKE ALL ON FUNCTION telematics_pin(regprocedure) FROM PUBLIC;
REVOKE ALL ON FUNCTION telematics_command_check() FROM PUBLIC;
