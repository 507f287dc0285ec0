-- Who else may put a function into the schema where the tables go: it could be called instead of PostgreSQL's own, with
-- the rights of whoever migrates or serves. One row per role, {schema, role} as SQL writes them; PUBLIC alone if it is
-- everybody.
SELECT pg_catalog.quote_ident(n.nspname), CASE WHEN e.everybody THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END
FROM pg_catalog.pg_namespace n
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pg_catalog.aclexplode(n.nspacl) a
	WHERE a.grantee OPERATOR(pg_catalog.=) 0 AND a.privilege_type OPERATOR(pg_catalog.=) 'CREATE') AS everybody) e
LEFT JOIN pg_catalog.pg_roles r ON NOT e.everybody AND NOT r.rolsuper
	AND r.rolname OPERATOR(pg_catalog.<>) CURRENT_USER
	AND pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE')
	AND r.rolname OPERATOR(pg_catalog.<>) 'pg_database_owner'
WHERE n.nspname OPERATOR(pg_catalog.=) pg_catalog.current_schema()
	AND (e.everybody OR r.oid IS NOT NULL)
ORDER BY 2 LIMIT 20
