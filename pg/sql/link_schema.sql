-- The schema's version, how many connections ordinary roles have together, and the time in microseconds.
SELECT coalesce(max(version), 0),
	current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer,
	(extract(epoch FROM clock_timestamp()) * 1000000)::bigint
FROM schema_migrations
