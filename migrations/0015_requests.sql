-- What the web application asks the gateway for, and is told of commands.
--
-- telematics_command_status: id:status of commands that were queued or whose status changed, separated by commas, one
-- notification a statement of at most 7,900 bytes; what doesn't fit is left out, and ",*" stands at the end: look at
-- all. Transactions that store what trackers sent notify nobody (a notifying one waits for all others at its commit): for an
-- answer to a command the gateway calls telematics_command_status_tell() a moment later.
--
-- A frame in quarantine is marked by telematics_raw_request(): 'decode' or 'drop'. The gateway is told on telematics_raw, does
-- it, and books what became of it in request_result ("dropped", "decoded: 3 stored, 1 were there already", or why not);
-- request is NULL again then. A frame that is dropped or decoded has decoded_at, so it is no quarantine any more, and goes
-- with TELEM_RAW_RETENTION_DAYS.

CREATE FUNCTION telematics_command_status_send(list text[]) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	most CONSTANT integer := 7900 - 2; -- ",*" has room
	all_of CONSTANT text := array_to_string(list, ',');
BEGIN
	IF cardinality(list) = 0 THEN
		RETURN;
	END IF;
	PERFORM pg_notify('telematics_command_status', CASE WHEN length(all_of) <= most AND cardinality(list) < 1000 THEN all_of
	    ELSE regexp_replace(left(all_of, most), ',[^,]*$', '') || ',*' END);
END
$$;

-- The rows of the statement are in `after`, and for an UPDATE in `before`.
CREATE FUNCTION telematics_command_status_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_hashjoin = on AS $$
BEGIN
	IF current_setting('telematics.storing', true) = 'on' THEN
		RETURN NULL;
	ELSIF TG_OP = 'INSERT' THEN
		PERFORM telematics_schema.telematics_command_status_send(ARRAY(
		    SELECT id || ':' || status FROM after LIMIT 1000));
	ELSE
		PERFORM telematics_schema.telematics_command_status_send(ARRAY(
		    SELECT n.id || ':' || n.status FROM after n JOIN before o ON o.id = n.id
		    WHERE o.status <> n.status OR o.attempt_count <> n.attempt_count LIMIT 1000));
	END IF;
	RETURN NULL;
END
$$;

CREATE FUNCTION telematics_command_status_tell(ids bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM telematics_schema.telematics_command_status_send(ARRAY(
	    SELECT id || ':' || status FROM telematics_schema.device_commands WHERE id = ANY (ids) LIMIT 1000));
END
$$;
COMMENT ON FUNCTION telematics_command_status_tell(bigint[]) IS
	'For the gateway: notifies telematics_command_status of commands whose answers it has stored';

CREATE TRIGGER telematics_status_insert AFTER INSERT ON device_commands REFERENCING NEW TABLE AS after
	FOR EACH STATEMENT EXECUTE FUNCTION telematics_command_status_changed();
CREATE TRIGGER telematics_status_update AFTER UPDATE ON device_commands
	REFERENCING OLD TABLE AS before NEW TABLE AS after
	FOR EACH STATEMENT EXECUTE FUNCTION telematics_command_status_changed();

ALTER TABLE device_ingest_raw
	ADD COLUMN request text CONSTRAINT device_ingest_raw_request_check CHECK (request IN ('decode', 'drop')),
	ADD COLUMN requested_at timestamptz,
	ADD COLUMN requested_by text,
	ADD COLUMN request_result text;
CREATE INDEX device_ingest_raw_request_idx ON device_ingest_raw (id) WHERE request IS NOT NULL;
COMMENT ON COLUMN device_ingest_raw.request IS 'What the gateway is to do with it: decode or drop; NULL: nothing, or done';
COMMENT ON COLUMN device_ingest_raw.requested_by IS 'Who asked';
COMMENT ON COLUMN device_ingest_raw.request_result IS 'What became of the last request';

-- Marks frames of the quarantine; the answer is how many. What is decoded, and debug copies, are none.
CREATE FUNCTION telematics_raw_request(ids bigint[], what text, who text) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	marked integer;
BEGIN
	IF what IS NULL OR what NOT IN ('decode', 'drop') THEN
		RAISE invalid_parameter_value USING MESSAGE = 'a frame is marked decode or drop';
	END IF;
	IF cardinality(ids) > 10000 THEN
		RAISE invalid_parameter_value USING MESSAGE = 'at most 10000 frames are marked at once';
	END IF;
	UPDATE telematics_schema.device_ingest_raw
	SET request = what, requested_at = clock_timestamp(), requested_by = left(who, 200), request_result = NULL
	WHERE id = ANY (ids) AND reason <> 'raw' AND decoded_at IS NULL;
	GET DIAGNOSTICS marked = ROW_COUNT;
	IF marked > 0 THEN
		PERFORM pg_notify('telematics_raw', '');
	END IF;
	RETURN marked;
END
$$;
COMMENT ON FUNCTION telematics_raw_request(bigint[], text, text) IS
	'For the web application: has the gateway decode or drop frames of the quarantine';

DO $$
DECLARE
	f text;
BEGIN
	FOREACH f IN ARRAY ARRAY['command_status_send(text[])', 'command_status_changed()', 'command_status_tell(bigint[])',
	    'raw_request(bigint[], text, text)'] LOOP
		PERFORM telematics_pin(('telematics_' OPERATOR(pg_catalog.||) f)::regprocedure);
	END LOOP;
	-- Each is for one role: tgctl grants.
	FOREACH f IN ARRAY ARRAY['command_status_send(text[])', 'command_status_changed()', 'command_status_tell(bigint[])',
	    'raw_request(bigint[], text, text)'] LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC',
		    ('telematics_' OPERATOR(pg_catalog.||) f)::regprocedure);
	END LOOP;
END
$$;
