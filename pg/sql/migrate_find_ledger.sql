-- How many of our columns the table schema_migrations has; no row if there is none. Other programs have tables of
-- this name as well.
SELECT (
	SELECT count(*)
	FROM pg_attribute
	WHERE attrelid = t AND attname IN ('version', 'name', 'applied_at') AND NOT attisdropped
) AS columns
FROM to_regclass(format('%I.schema_migrations', current_schema())) AS t
WHERE t IS NOT NULL
