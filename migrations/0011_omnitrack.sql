-- The schema omnitrack: what the web application keeps beside the inventory. It belongs to that application alone:
-- the gateway reads nothing of it. Every name is written in full, so it doesn't matter what else is on a search_path,
-- nor that an owner may be called omnitrack too (PostgreSQL looks into the schema of one's own name first).
--
-- Who changed what is told on the channel telematics_web, once a statement, as KIND:ID,ID,... of at most 7,900 bytes,
-- or KIND:* for "many: look at all". Kinds, and whose ids they bring:
--
--   user     omnitrack.users: the user, roles or tokens changed
--   group    omnitrack.groups: the group changed, or its place in the tree
--   device   devices: name, model, IMEI, enabled; details; the group that it is in; made, deleted
--   session  omnitrack.web_sessions.id (never the sid, which would let one in): the session ended
--
-- Anybody who may connect may listen and notify: it is a hint to look, and never a fact.

DO $$
DECLARE
	foreigners text;
BEGIN
	IF to_regnamespace('omnitrack') IS NULL THEN
		IF NOT has_database_privilege(current_database(), 'CREATE') THEN
			RAISE insufficient_privilege USING MESSAGE = format(
			    'role %I may not create the schema omnitrack: it lacks CREATE on the database %I',
			    current_user, current_database()),
			    HINT = format('The owner of the database makes it: CREATE SCHEMA omnitrack AUTHORIZATION %I;',
			    current_user);
		END IF;
		CREATE SCHEMA omnitrack;
		RETURN;
	END IF;
	IF NOT has_schema_privilege('omnitrack', 'CREATE, USAGE') THEN
		RAISE insufficient_privilege USING MESSAGE = format(
		    'role %I may not create tables in the schema omnitrack', current_user),
		    HINT = format('Its owner gives it away: ALTER SCHEMA omnitrack OWNER TO %I;', current_user);
	END IF;
	SELECT string_agg(what, ', ' ORDER BY kind, what) INTO foreigners FROM (
		SELECT 1 AS kind, 'table ' || c.relname AS what FROM pg_catalog.pg_class c
		WHERE c.relnamespace = 'omnitrack'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
		UNION ALL
		SELECT 2, 'function ' || p.proname FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'omnitrack'::regnamespace
		UNION ALL
		SELECT 3, 'type ' || t.typname FROM pg_catalog.pg_type t
		WHERE t.typnamespace = 'omnitrack'::regnamespace AND t.typtype IN ('d', 'e', 'r')
		ORDER BY 1, 2 LIMIT 20) AS f;
	IF foreigners IS NOT NULL THEN
		RAISE EXCEPTION 'the schema omnitrack holds what is not ours: %', foreigners
		    USING HINT = 'The web application keeps its tables there. Rename the schema that is in its way (ALTER SCHEMA '
		    'omnitrack RENAME TO ...; and tell its users), or use another database. The list shows the first 20.';
	END IF;
END
$$;

CREATE TABLE omnitrack.users (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	login text NOT NULL CHECK (login <> '' AND length(login) <= 254 AND login !~ '[[:cntrl:]]'),
	name text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
	password text CHECK (password LIKE '$argon2id$%' AND length(password) <= 500),
	password_changed_at timestamptz,
	disabled boolean NOT NULL DEFAULT false,
	locale text CHECK (length(locale) <= 35),
	settings jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object' AND length(settings::text) <= 20000),
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	last_login_at timestamptz
);
CREATE UNIQUE INDEX users_login_key ON omnitrack.users (lower(login));
COMMENT ON TABLE omnitrack.users IS 'Who may sign in';
COMMENT ON COLUMN omnitrack.users.login IS 'E-mail address or name; one user whatever the case of its letters';
COMMENT ON COLUMN omnitrack.users.password IS 'PHC string of argon2id; NULL: none, only a one-time link lets the user in';
COMMENT ON COLUMN omnitrack.users.settings IS 'What the user has chosen in the pages: units, map, columns';

CREATE TABLE omnitrack.groups (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	parent_id bigint REFERENCES omnitrack.groups ON DELETE RESTRICT,
	name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	CHECK ((parent_id IS NULL) = (id = 1))
);
CREATE UNIQUE INDEX groups_name_key ON omnitrack.groups (parent_id, lower(name));
COMMENT ON TABLE omnitrack.groups IS 'Groups of devices: a tree whose root has the id 1';
INSERT INTO omnitrack.groups (parent_id, name) VALUES (NULL, 'All');

CREATE TABLE omnitrack.roles (
	user_id bigint NOT NULL REFERENCES omnitrack.users ON DELETE CASCADE,
	group_id bigint NOT NULL REFERENCES omnitrack.groups ON DELETE CASCADE,
	role text NOT NULL CHECK (role IN ('viewer', 'operator', 'installer', 'admin')),
	reads_commands boolean NOT NULL DEFAULT false,
	PRIMARY KEY (user_id, group_id),
	CONSTRAINT roles_admin_at_root CHECK (role <> 'admin' OR group_id = 1)
);
CREATE INDEX roles_group_idx ON omnitrack.roles (group_id);
COMMENT ON TABLE omnitrack.roles IS 'What a user may do in a group and in all below it; the highest role counts';
COMMENT ON COLUMN omnitrack.roles.reads_commands IS 'May read the texts of commands and answers, which can hold passwords';

CREATE TABLE omnitrack.device_groups (
	device_id bigint PRIMARY KEY,
	group_id bigint NOT NULL REFERENCES omnitrack.groups ON DELETE RESTRICT
);
CREATE INDEX device_groups_group_idx ON omnitrack.device_groups (group_id);
COMMENT ON TABLE omnitrack.device_groups IS 'The group of a device: at most one; without one only admins see it';

CREATE TABLE omnitrack.device_details (
	device_id bigint PRIMARY KEY,
	plate text CHECK (length(plate) <= 32),
	phone text CHECK (length(phone) <= 32),
	category text CHECK (length(category) <= 32),
	notes text CHECK (length(notes) <= 4000),
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE omnitrack.device_details IS 'What people know of a device beside its name: at most one row each';
COMMENT ON COLUMN omnitrack.device_details.phone IS 'Number of its SIM';
COMMENT ON COLUMN omnitrack.device_details.category IS 'Chooses its icon';

-- In the form of connect-pg-simple (sid, sess, expire). A session's data has userId and, for a wall display, kind
-- "display"; a trigger copies them, and notes when the row was last written.
CREATE TABLE omnitrack.web_sessions (
	sid varchar PRIMARY KEY,
	sess json NOT NULL,
	expire timestamptz NOT NULL,
	id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
	user_id bigint REFERENCES omnitrack.users ON DELETE CASCADE,
	kind text NOT NULL DEFAULT 'web' CHECK (kind IN ('web', 'display')),
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX web_sessions_expire_idx ON omnitrack.web_sessions (expire);
CREATE INDEX web_sessions_user_idx ON omnitrack.web_sessions (user_id);
COMMENT ON TABLE omnitrack.web_sessions IS 'Sessions of browsers, as connect-pg-simple keeps them';
COMMENT ON COLUMN omnitrack.web_sessions.id IS 'Names the session to users and in notifications; the sid is a secret';

CREATE TABLE omnitrack.links (
	token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
	kind text NOT NULL CHECK (kind IN ('setup', 'password', 'display', 'demo')),
	user_id bigint REFERENCES omnitrack.users ON DELETE CASCADE,
	created_by bigint REFERENCES omnitrack.users ON DELETE SET NULL,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	expires_at timestamptz NOT NULL,
	used_at timestamptz,
	CHECK (kind = 'setup' OR user_id IS NOT NULL)
);
COMMENT ON TABLE omnitrack.links IS 'One-time links: first administrator, a new password, signing in a display or the demo';
COMMENT ON COLUMN omnitrack.links.token_hash IS 'SHA-256 of the token, which stands nowhere';

CREATE TABLE omnitrack.api_tokens (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	user_id bigint NOT NULL REFERENCES omnitrack.users ON DELETE CASCADE,
	name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
	token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
	scopes text[] NOT NULL DEFAULT '{}',
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	expires_at timestamptz NOT NULL,
	last_used_at timestamptz
);
CREATE INDEX api_tokens_user_idx ON omnitrack.api_tokens (user_id);
COMMENT ON TABLE omnitrack.api_tokens IS 'Tokens for programs: they may what their user may, within their scopes';
COMMENT ON COLUMN omnitrack.api_tokens.token_hash IS 'SHA-256 of the token, which was shown once';

-- Nobody but the owner may change or delete a row, and nobody may say when it was written.
CREATE TABLE omnitrack.audit (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	user_id bigint,
	user_name text,
	address inet,
	action text NOT NULL,
	object_kind text,
	object_id text,
	request_id text,
	details jsonb
);
CREATE INDEX audit_at_idx ON omnitrack.audit (at, id);
CREATE INDEX audit_user_idx ON omnitrack.audit (user_id, id);
CREATE INDEX audit_object_idx ON omnitrack.audit (object_kind, object_id, id);
COMMENT ON TABLE omnitrack.audit IS 'Who signed in, changed, sent, exported; append only. Rows outlive users and objects';

CREATE TABLE omnitrack.command_templates (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
	description text NOT NULL DEFAULT '' CHECK (length(description) <= 2000),
	command_text text NOT NULL CHECK (command_text ~ '^[ -~]+$' COLLATE "C" AND length(command_text) <= 1000),
	parameters jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(parameters) = 'array'),
	codec smallint NOT NULL DEFAULT 12 CHECK (codec IN (12, 14)),
	dangerous boolean NOT NULL DEFAULT false,
	min_role text NOT NULL DEFAULT 'operator' CHECK (min_role IN ('operator', 'installer', 'admin')),
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX command_templates_name_key ON omnitrack.command_templates (lower(name));
COMMENT ON TABLE omnitrack.command_templates IS 'Commands that may be sent from the pages';
COMMENT ON COLUMN omnitrack.command_templates.command_text IS 'With {name} where a parameter goes';
COMMENT ON COLUMN omnitrack.command_templates.parameters IS
	'Array of objects {name, label, type (text, number, choice), pattern, min, max, choices}';
COMMENT ON COLUMN omnitrack.command_templates.dangerous IS 'One attempt, an expiry of ten minutes at most, typed confirmation';
COMMENT ON COLUMN omnitrack.command_templates.min_role IS 'The lowest role that may send it';

CREATE TABLE omnitrack.idempotency_keys (
	key text PRIMARY KEY CHECK (length(key) <= 300),
	request_hash bytea NOT NULL CHECK (length(request_hash) = 32),
	status smallint,
	response jsonb,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX idempotency_keys_created_idx ON omnitrack.idempotency_keys (created_at);
COMMENT ON TABLE omnitrack.idempotency_keys IS 'First answers to requests with an Idempotency-Key, as user:ID:KEY';
COMMENT ON COLUMN omnitrack.idempotency_keys.request_hash IS 'SHA-256 of the request: another one is no repetition';
COMMENT ON COLUMN omnitrack.idempotency_keys.status IS 'Of the answer; NULL: it is under way';

-- In the form of rate-limiter-flexible. It is empty after a crash of the server, and costs no commit its flush.
CREATE UNLOGGED TABLE omnitrack.login_attempts (
	key varchar(255) PRIMARY KEY,
	points integer NOT NULL DEFAULT 0,
	expire bigint
);
CREATE INDEX login_attempts_expire_idx ON omnitrack.login_attempts (expire);
COMMENT ON TABLE omnitrack.login_attempts IS 'Failed logins by address and name, as rate-limiter-flexible counts them';

-- Written by each web process every few seconds: UPDATE omnitrack.heartbeat SET beat_at = clock_timestamp(). While it
-- is younger than 15 s, the live feed is on (0012).
CREATE TABLE omnitrack.heartbeat (
	id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
	beat_at timestamptz NOT NULL,
	queue_limit real NOT NULL DEFAULT 0.5
) WITH (fillfactor = 10);
COMMENT ON TABLE omnitrack.heartbeat IS 'One row: when a web process last said that it listens';
COMMENT ON COLUMN omnitrack.heartbeat.queue_limit IS
	'The feed stops while the queue of notifications (pg_notification_queue_usage) is fuller than this; 1 is full';
INSERT INTO omnitrack.heartbeat (beat_at) VALUES ('-infinity');

-- ---- Triggers ----

CREATE FUNCTION omnitrack.tell(kind text, ids bigint[]) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	list CONSTANT text := kind || ':' || array_to_string(ids[:1000], ',');
BEGIN
	IF cardinality(ids) > 1000 OR length(list) > 7900 THEN
		PERFORM pg_notify('telematics_web', kind || ':*');
	ELSIF cardinality(ids) > 0 THEN
		PERFORM pg_notify('telematics_web', list);
	END IF;
END
$$;
COMMENT ON FUNCTION omnitrack.tell(text, bigint[]) IS 'Notifies telematics_web of changed ids of a kind';

-- Arguments: the kind, and the column that has the ids. The rows of the statement are in `changed`.
CREATE FUNCTION omnitrack.changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	ids bigint[];
BEGIN
	EXECUTE format('SELECT array_agg(DISTINCT %1$I) FROM changed WHERE %1$I IS NOT NULL', TG_ARGV[1]) INTO ids;
	PERFORM omnitrack.tell(TG_ARGV[0], ids);
	RETURN NULL;
END
$$;

DO $$
DECLARE
	t record;
	event text;
BEGIN
	FOR t IN SELECT * FROM (VALUES ('users', 'user', 'id'), ('roles', 'user', 'user_id'), ('api_tokens', 'user', 'user_id'),
	    ('groups', 'group', 'id'), ('device_groups', 'device', 'device_id'), ('device_details', 'device', 'device_id'),
	    ('web_sessions', 'session', 'id')) AS v (name, kind, col) LOOP
		FOREACH event IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE'] LOOP
			-- Sessions are written all the time; only their end is news. When tokens were used is none.
			CONTINUE WHEN event <> 'DELETE' AND t.name = 'web_sessions' OR event = 'UPDATE' AND t.name = 'api_tokens';
			EXECUTE format('CREATE TRIGGER tell_%s AFTER %s ON omnitrack.%I REFERENCING %s TABLE AS changed '
			    'FOR EACH STATEMENT EXECUTE FUNCTION omnitrack.changed(%L, %L)', lower(event), event, t.name,
			    CASE event WHEN 'DELETE' THEN 'OLD' ELSE 'NEW' END, t.kind, t.col);
		END LOOP;
	END LOOP;
END
$$;

CREATE FUNCTION omnitrack.touch() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	NEW.updated_at := clock_timestamp();
	RETURN NEW;
END
$$;
-- A login is no change of a user.
CREATE TRIGGER touch BEFORE UPDATE OF login, name, password, disabled, locale, settings ON omnitrack.users
	FOR EACH ROW EXECUTE FUNCTION omnitrack.touch();
CREATE TRIGGER touch BEFORE UPDATE ON omnitrack.groups FOR EACH ROW EXECUTE FUNCTION omnitrack.touch();
CREATE TRIGGER touch BEFORE UPDATE ON omnitrack.device_details FOR EACH ROW EXECUTE FUNCTION omnitrack.touch();
CREATE TRIGGER touch BEFORE UPDATE ON omnitrack.command_templates FOR EACH ROW EXECUTE FUNCTION omnitrack.touch();

CREATE FUNCTION omnitrack.session_written() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	NEW.user_id := (NEW.sess ->> 'userId')::bigint;
	NEW.kind := coalesce(NEW.sess ->> 'kind', 'web');
	NEW.seen_at := clock_timestamp();
	RETURN NEW;
END
$$;
CREATE TRIGGER written BEFORE INSERT OR UPDATE ON omnitrack.web_sessions
	FOR EACH ROW EXECUTE FUNCTION omnitrack.session_written();

-- Groups stay a tree, no deeper than 32. Whoever moves one holds the root, so that two moves can't make a ring together.
CREATE FUNCTION omnitrack.group_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	above bigint := NEW.parent_id;
	below integer;
	depth integer := 1;
BEGIN
	PERFORM FROM omnitrack.groups WHERE id = 1 FOR NO KEY UPDATE;
	WHILE above IS NOT NULL LOOP
		IF above = NEW.id THEN
			RAISE check_violation USING MESSAGE = format('group %s can''t be within itself', NEW.id),
			    CONSTRAINT = 'groups_tree';
		END IF;
		depth := depth + 1;
		SELECT parent_id INTO above FROM omnitrack.groups WHERE id = above;
	END LOOP;
	WITH RECURSIVE tree AS (
		SELECT NEW.id AS id, 0 AS level
		UNION ALL
		SELECT g.id, t.level + 1 FROM omnitrack.groups g JOIN tree t ON g.parent_id = t.id)
	SELECT max(level) INTO below FROM tree;
	IF depth + below > 32 THEN
		RAISE check_violation USING MESSAGE = 'groups are at most 32 deep', CONSTRAINT = 'groups_tree';
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER moved AFTER INSERT OR UPDATE OF parent_id ON omnitrack.groups
	FOR EACH ROW EXECUTE FUNCTION omnitrack.group_moved();

-- ---- The inventory ----

-- device: what telematics_web says of it. A row trigger collects, as in 0003: devices is updated many times a second, for
-- last_ping, and that must fire nothing.
CREATE FUNCTION omnitrack.device_collect() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	list CONSTANT text := coalesce(current_setting('omnitrack.changed', true), '');
BEGIN
	IF list = '*' THEN
		RETURN NULL;
	END IF;
	PERFORM set_config('omnitrack.changed', CASE WHEN length(list) > 7800 THEN '*'
	    WHEN list = '' THEN NEW.id::text ELSE list || ',' || NEW.id END, true);
	RETURN NULL;
END
$$;

CREATE FUNCTION omnitrack.device_send() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	list CONSTANT text := coalesce(current_setting('omnitrack.changed', true), '');
BEGIN
	IF list <> '' THEN
		PERFORM set_config('omnitrack.changed', '', true);
		PERFORM pg_notify('telematics_web', 'device:' || list);
	END IF;
	RETURN NULL;
END
$$;

-- What is kept beside devices goes with them: an id may be given anew.
CREATE FUNCTION omnitrack.device_gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		DELETE FROM omnitrack.device_details;
		DELETE FROM omnitrack.device_groups;
		PERFORM pg_notify('telematics_web', 'device:*');
		RETURN NULL;
	END IF;
	DELETE FROM omnitrack.device_details WHERE device_id IN (SELECT id FROM changed);
	DELETE FROM omnitrack.device_groups WHERE device_id IN (SELECT id FROM changed);
	PERFORM omnitrack.tell('device', ARRAY(SELECT id::bigint FROM changed));
	RETURN NULL;
END
$$;

CREATE TRIGGER omnitrack_insert AFTER INSERT ON devices REFERENCING NEW TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION omnitrack.changed('device', 'id');
CREATE TRIGGER omnitrack_delete AFTER DELETE ON devices REFERENCING OLD TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION omnitrack.device_gone();
CREATE TRIGGER omnitrack_truncate AFTER TRUNCATE ON devices
	FOR EACH STATEMENT EXECUTE FUNCTION omnitrack.device_gone();
CREATE TRIGGER omnitrack_update AFTER UPDATE OF id, imei, name, enabled, device_model ON devices
	FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id OR OLD.imei IS DISTINCT FROM NEW.imei
	    OR OLD.name IS DISTINCT FROM NEW.name OR OLD.enabled IS DISTINCT FROM NEW.enabled
	    OR OLD.device_model IS DISTINCT FROM NEW.device_model)
	EXECUTE FUNCTION omnitrack.device_collect();
CREATE TRIGGER omnitrack_send AFTER UPDATE OF id, imei, name, enabled, device_model ON devices
	FOR EACH STATEMENT EXECUTE FUNCTION omnitrack.device_send();

-- Nobody but their owner has any use for these: a trigger asks nobody's rights.
REVOKE ALL ON FUNCTION omnitrack.tell(text, bigint[]), omnitrack.changed(), omnitrack.touch(),
	omnitrack.session_written(), omnitrack.group_moved(), omnitrack.device_collect(), omnitrack.device_send(),
	omnitrack.device_gone() FROM PUBLIC;
