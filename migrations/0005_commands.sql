-- Commands: what may be queued, which states may follow each other, who is told.
--
-- Everybody with SQL may queue a command, so the rules stand here and not in a program: the text is
-- checked where it enters, a change of status that the life of a command doesn't know is refused,
-- and a device never has two commands in flight, whoever sends them.

ALTER TABLE device_commands ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN device_commands.updated_at IS 'When the status last changed';
COMMENT ON COLUMN device_commands.next_retry_at IS
	'pending: not before this time; sent: when it is given up for unanswered';
COMMENT ON COLUMN device_commands.sent_at IS 'Start of the latest attempt';
COMMENT ON COLUMN device_commands.codec12_response_hex IS 'The answer, byte by byte';
COMMENT ON COLUMN device_commands.response_text IS 'The answer, if all of it is text';

-- What was queued before there were rules, and is no command.
UPDATE device_commands SET status = 'failed', next_retry_at = NULL,
	error_message = 'no command: an IMEI has 15 digits, a text is printable ASCII'
	WHERE status IN ('pending', 'sent')
	AND (imei !~ '^[0-9]{15}$' OR command_text !~ '^[ -~]+$' COLLATE "C");

-- One in flight per device, over all gateways. Where something else left several as sent, the
-- oldest goes first and the others wait for their turn.
UPDATE device_commands c SET status = 'pending' WHERE status = 'sent' AND EXISTS (
	SELECT FROM device_commands o WHERE o.imei = c.imei AND o.status = 'sent' AND o.id < c.id);
CREATE UNIQUE INDEX device_commands_in_flight_idx ON device_commands (imei) WHERE status = 'sent';
CREATE INDEX device_commands_expiry_idx ON device_commands (expires_at)
	WHERE status = 'pending' AND expires_at IS NOT NULL;

-- What is configured in the gateway and must be known here. Written by the gateway at its start.
CREATE TABLE telematics_settings (
	name text PRIMARY KEY,
	value text NOT NULL
);
COMMENT ON TABLE telematics_settings IS 'Settings of the gateway that SQL must know';
INSERT INTO telematics_settings VALUES ('command_max_length', '160');

-- Called by the gateway with its TELEM_COMMAND_MAX_LENGTH.
CREATE FUNCTION telematics_set_command_max_length(characters integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	-- Who counts attempts sends commands; who may only cancel them does not.
	IF NOT has_column_privilege(session_user, 'device_commands', 'attempt_count', 'UPDATE') THEN
		RAISE insufficient_privilege USING MESSAGE = format(
		    'role %I may not set the length of commands', session_user),
		    HINT = 'GRANT UPDATE ON device_commands TO the role.';
	END IF;
	UPDATE telematics_settings SET value = characters::text
	    WHERE name = 'command_max_length' AND value <> characters::text;
END
$$;

-- Errors never hold the text: it may be a password.
CREATE FUNCTION telematics_command_check() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	most integer;
	place integer;
BEGIN
	IF NEW.imei !~ '^[0-9]{15}$' THEN
		RAISE check_violation USING MESSAGE = format('command for "%s": an IMEI has 15 digits', NEW.imei);
	END IF;
	SELECT value::integer INTO most FROM telematics_settings WHERE name = 'command_max_length';
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

CREATE FUNCTION telematics_command_change() RETURNS trigger LANGUAGE plpgsql AS $$
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
	IF NOT (OLD.status = 'pending' AND NEW.status IN ('sent', 'failed', 'expired', 'cancelled')
	    OR OLD.status = 'sent' AND NEW.status IN ('pending', 'acked', 'failed', 'expired')) THEN
		RAISE check_violation USING MESSAGE = format('command %s is %s, it can''t become %s',
		    OLD.id, OLD.status, NEW.status),
		    HINT = CASE WHEN NEW.status = 'cancelled' AND OLD.status = 'sent'
		    THEN 'It is with the device already.' ELSE 'Queue another one.' END;
	END IF;
	NEW.updated_at := now();
	RETURN NEW;
END
$$;

CREATE TRIGGER telematics_check BEFORE INSERT OR UPDATE OF imei, command_text ON device_commands
	FOR EACH ROW EXECUTE FUNCTION telematics_command_check();
CREATE TRIGGER telematics_change BEFORE UPDATE ON device_commands
	FOR EACH ROW EXECUTE FUNCTION telematics_command_change();

-- telematics_commands: IMEIs that have a command to be sent now, with commas, or * for "many: look
-- at all". One notification a statement, as NOTIFY takes a lock for the whole database at commit.
DROP TRIGGER telematics_queued ON device_commands;
DROP FUNCTION telematics_command_queued();

CREATE FUNCTION telematics_commands_notify(imeis text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF cardinality(imeis) > 100 THEN
		PERFORM pg_notify('telematics_commands', '*');
	ELSIF cardinality(imeis) > 0 THEN
		PERFORM pg_notify('telematics_commands', array_to_string(imeis, ','));
	END IF;
END
$$;

CREATE FUNCTION telematics_commands_queued() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM telematics_commands_notify(ARRAY(
	    SELECT DISTINCT imei FROM queued WHERE status = 'pending' LIMIT 101));
	RETURN NULL;
END
$$;

-- A command is due again, or one that held back the next of its device is over. (Answers are not
-- among these: who takes one knows that the next may go.)
CREATE FUNCTION telematics_commands_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM telematics_commands_notify(ARRAY(
	    SELECT imei FROM (SELECT n.imei, bool_or(n.status = 'pending') AS due
	        FROM after n JOIN before o USING (id)
	        WHERE (n.status = 'pending' AND (n.next_retry_at IS NULL OR n.next_retry_at <= now())
	            AND (o.status, o.next_retry_at) IS DISTINCT FROM (n.status, n.next_retry_at))
	        OR (o.status IN ('pending', 'sent') AND n.status IN ('failed', 'expired', 'cancelled'))
	        GROUP BY n.imei) AS d
	    WHERE due OR EXISTS (SELECT FROM device_commands c
	        WHERE c.imei = d.imei AND c.status = 'pending')
	    LIMIT 101));
	RETURN NULL;
END
$$;

CREATE TRIGGER telematics_queued AFTER INSERT ON device_commands
	REFERENCING NEW TABLE AS queued
	FOR EACH STATEMENT EXECUTE FUNCTION telematics_commands_queued();
CREATE TRIGGER telematics_changed AFTER UPDATE ON device_commands
	REFERENCING OLD TABLE AS before NEW TABLE AS after
	FOR EACH STATEMENT EXECUTE FUNCTION telematics_commands_changed();

-- They find tables and each other whatever the caller's search_path is. The gateway forbids hash joins
-- in its session; here they join all rows of a statement.
DO $$
DECLARE
	f regprocedure;
BEGIN
	FOREACH f IN ARRAY ARRAY['telematics_set_command_max_length(integer)',
	    'telematics_command_check()', 'telematics_commands_queued()',
	    'telematics_commands_changed()']::regprocedure[] LOOP
		EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', f, current_schema());
	END LOOP;
	ALTER FUNCTION telematics_commands_changed() SET enable_hashjoin = on;
END
$$;
