-- What each connection sets for itself, so that no role, database or reload decides it. A backend that waits for us
-- for ever holds keys that a retry then waits for (doc/write-path.md, Connections), so the server's side gets
-- time-outs too.
SET client_encoding = 'UTF8';
SET timezone = 'UTC';
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SET tcp_user_timeout = '15s';
-- A statement that takes longer is given up and sent in halves. A lock that somebody else holds stops the statement
-- that wants it, and not everybody behind it. Each statement is a transaction, so the last three are for accidents.
SET statement_timeout = '30s';
SET lock_timeout = '1s';
SET idle_in_transaction_session_timeout = '30s';
SET idle_session_timeout = 0;
-- As in session_setup: a role may be called omnitrack.
SELECT set_config('search_path', string_agg(quote_ident(s), ', ' ORDER BY n), false)
FROM unnest(current_schemas(false)) WITH ORDINALITY AS u (s, n)
WHERE s <> 'omnitrack'
HAVING count(*) > 0 AND NOT EXISTS (
	SELECT FROM pg_class WHERE relname = 'schema_migrations' AND relnamespace = to_regnamespace('omnitrack'));
SELECT set_config('transaction_timeout', '60s', false) WHERE current_setting('server_version_num')::integer >= 170000
