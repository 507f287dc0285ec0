-- Two of these at the same time fail on each other's rows of the catalogues: then the other one has made it.
DO $$
BEGIN
	SET LOCAL client_min_messages = 'error';
	CREATE TABLE IF NOT EXISTS schema_migrations (
		version integer PRIMARY KEY,
		name text,
		applied_at timestamptz DEFAULT now()
	);
EXCEPTION
WHEN unique_violation OR duplicate_table OR duplicate_object THEN
	NULL;
END
$$
