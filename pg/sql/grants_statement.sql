-- The statement that grants the privileges $3 on the object $2, of the kind $1, to the role $4; NULL if there is no
-- such object. Kinds: database (this one), table, function by its signature; schema: the one of a table; sequence:
-- that of a table's id, if it needs a right of its own (an identity does not).
WITH t AS (
	SELECT c.oid, n.nspname, c.relname
	FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE $1::text IN ('table', 'schema', 'sequence') AND c.oid = to_regclass($2::text)
), f AS (
	SELECT n.nspname, p.proname, pg_get_function_identity_arguments(p.oid) AS args
	FROM pg_proc p
		JOIN pg_namespace n ON n.oid = p.pronamespace
	WHERE $1::text = 'function' AND p.oid = to_regprocedure($2::text)
)
SELECT format('GRANT %s ON ', $3::text)
	|| CASE $1::text
		WHEN 'database' THEN format('DATABASE %I', current_database())
		WHEN 'schema' THEN (SELECT format('SCHEMA %I', nspname) FROM t)
		WHEN 'table' THEN (SELECT format('%I.%I', nspname, relname) FROM t)
		WHEN 'sequence' THEN (
			SELECT 'SEQUENCE ' || pg_get_serial_sequence(format('%I.%I', nspname, relname), 'id')
			FROM t
				JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'id' AND a.attidentity = ''
		)
		WHEN 'function' THEN (SELECT format('FUNCTION %I.%I(%s)', nspname, proname, args) FROM f)
	END
	|| format(' TO %I;', $4::text) AS statement
