-- A session of tgctl, whatever the role's or the database's own settings are: out.c reads the times.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET extra_float_digits = 1;
SET client_min_messages = 'warning';
-- Our tables are not in the schema omnitrack (migrations/0011_omnitrack.sql), though it may come first, or appear: PostgreSQL
-- looks into the schema of one's own name before all others, and a role may be called omnitrack. Where they are there
-- all the same, migrate says what to do.
SELECT set_config('search_path', string_agg(quote_ident(s), ', ' ORDER BY n), false)
FROM unnest(current_schemas(false)) WITH ORDINALITY AS u (s, n)
WHERE s <> 'omnitrack'
HAVING count(*) > 0 AND NOT EXISTS (
	SELECT FROM pg_class WHERE relname = 'schema_migrations' AND relnamespace = to_regnamespace('omnitrack'))
