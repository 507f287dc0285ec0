-- May everybody connect to this database? One row if so: the statement that ends it, whether this role may run it (the
-- owner alone can), and which roles would lose access, other than $1, as they connect by that alone.
SELECT format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC;', d.datname) AS statement,
	pg_has_role(d.datdba, 'USAGE') AS owner,
	coalesce(
		(
			SELECT string_agg(r.rolname, ', ' ORDER BY r.rolname)
			FROM pg_roles r
			WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> $1::text
				AND NOT pg_has_role(r.oid, d.datdba, 'USAGE')
				AND NOT EXISTS (
					SELECT FROM aclexplode(d.datacl) a
					WHERE a.privilege_type = 'CONNECT' AND a.grantee <> 0 AND pg_has_role(r.oid, a.grantee, 'USAGE')
				)
		),
		'') AS loses
FROM pg_database d
WHERE d.datname = current_database()
	AND EXISTS (
		SELECT FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
		WHERE a.privilege_type = 'CONNECT' AND a.grantee = 0
	)
