-- In the transaction of migrate_begin. Another migrate may have been faster, which is not worth a notice.
SET LOCAL client_min_messages = 'error';
CREATE TABLE IF NOT EXISTS schema_migrations (
	version integer PRIMARY KEY,
	name text,
	applied_at timestamptz DEFAULT now()
);
COMMIT;
