-- How many of our columns the table schema_migrations has; no row if there is none. Other programs have tables of
-- this name as well. (to_regclass() would find one that was made after this statement began, whose columns it can't see.)
SELECT (
	SELECT count(*)
	FROM pg_attribute
	WHERE attrelid = c.oid AND attname IN ('version', 'name', 'applied_at') AND NOT attisdropped
) AS columns
FROM pg_class c
	JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relname = 'schema_migrations'
