-- The schema's version, and how many connections ordinary roles have together.
SELECT coalesce(max(version), 0),
	current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
FROM schema_migrations
