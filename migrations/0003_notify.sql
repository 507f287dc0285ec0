-- Notifications for the gateway.
--
-- telematics_devices: the IMEIs whose row changed, separated by commas, or * for "many: load all".
-- One notification a statement, whatever the number of rows, because NOTIFY takes a lock for the
-- whole database at commit. A row trigger collects in a setting local to the transaction, a
-- statement trigger sends; both name the columns that matter, so that an UPDATE of any other
-- column (last_ping, many times a second) fires nothing at all.

CREATE FUNCTION telematics_devices_collect() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	list text := coalesce(current_setting('telematics.changed', true), '');
	imei text;
BEGIN
	IF list = '*' THEN
		RETURN NULL;
	END IF;
	-- OLD is null in an INSERT, NEW in a DELETE. Only what can be a tracker's IMEI is of interest.
	FOREACH imei IN ARRAY ARRAY[OLD.imei::text, NEW.imei::text] LOOP
		CONTINUE WHEN imei IS NULL OR imei !~ '^[0-9]{15}$';
		CONTINUE WHEN strpos(list, imei) > 0;
		list := CASE WHEN list = '' THEN imei ELSE list || ',' || imei END;
	END LOOP;
	-- 100 IMEIs; the payload of a notification ends at 8000 bytes.
	IF length(list) > 100 * 16 - 1 THEN
		list := '*';
	END IF;
	PERFORM set_config('telematics.changed', list, true);
	RETURN NULL;
END
$$;

CREATE FUNCTION telematics_devices_send() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	list text := coalesce(current_setting('telematics.changed', true), '');
BEGIN
	IF list <> '' THEN
		PERFORM set_config('telematics.changed', '', true);
		PERFORM pg_notify('telematics_devices', list);
	END IF;
	RETURN NULL;
END
$$;

CREATE FUNCTION telematics_devices_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('telematics_devices', '*');
	RETURN NULL;
END
$$;

CREATE TRIGGER telematics_insert_delete AFTER INSERT OR DELETE ON devices
	FOR EACH ROW EXECUTE FUNCTION telematics_devices_collect();
CREATE TRIGGER telematics_update AFTER UPDATE OF imei, enabled, device_model ON devices
	FOR EACH ROW WHEN (OLD.imei IS DISTINCT FROM NEW.imei
	    OR OLD.enabled IS DISTINCT FROM NEW.enabled
	    OR OLD.device_model IS DISTINCT FROM NEW.device_model)
	EXECUTE FUNCTION telematics_devices_collect();
CREATE TRIGGER telematics_send
	AFTER INSERT OR DELETE OR UPDATE OF imei, enabled, device_model ON devices
	FOR EACH STATEMENT EXECUTE FUNCTION telematics_devices_send();
CREATE TRIGGER telematics_truncate AFTER TRUNCATE ON devices
	FOR EACH STATEMENT EXECUTE FUNCTION telematics_devices_all();
CREATE TRIGGER telematics_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON device_models
	FOR EACH STATEMENT EXECUTE FUNCTION telematics_devices_all();

-- telematics_commands: a command was queued for this IMEI.
CREATE FUNCTION telematics_command_queued() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('telematics_commands', NEW.imei);
	RETURN NULL;
END
$$;

CREATE TRIGGER telematics_queued AFTER INSERT ON device_commands
	FOR EACH ROW EXECUTE FUNCTION telematics_command_queued();
