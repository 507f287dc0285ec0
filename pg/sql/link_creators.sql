-- Who else may put a function into the schema of our tables: it could be called instead of PostgreSQL's own, with our
-- rights. The schema as SQL writes it, and the roles, at most 20; PUBLIC alone if it is everybody, NULL if nobody. Whom
-- the schema or the tables belong to may do anything to us anyway.
SELECT pg_catalog.quote_ident(n.nspname), CASE WHEN e.everybody THEN 'PUBLIC' ELSE (
	SELECT pg_catalog.string_agg(c.role, ', ')
	FROM (SELECT pg_catalog.quote_ident(r.rolname) AS role
		FROM pg_catalog.pg_roles r
		WHERE NOT r.rolsuper AND r.rolname OPERATOR(pg_catalog.<>) CURRENT_USER
			AND pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE')
			AND NOT pg_catalog.pg_has_role(r.oid, n.nspowner, 'USAGE')
			AND NOT pg_catalog.pg_has_role(r.oid, t.relowner, 'USAGE')
		ORDER BY 1 LIMIT 20) c) END
FROM pg_catalog.pg_class t
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.relnamespace
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pg_catalog.aclexplode(n.nspacl) a
	WHERE a.grantee OPERATOR(pg_catalog.=) 0 AND a.privilege_type OPERATOR(pg_catalog.=) 'CREATE') AS everybody) e
WHERE t.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass('device_positions')
