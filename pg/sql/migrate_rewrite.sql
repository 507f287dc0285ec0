-- What a migration writes anew: the history, while its io is jsonb. One row for each folder of tables: rows, by what
-- PostgreSQL knows of them; bytes of the copy; bytes that must be free until it is done, with the WAL where that lies in
-- the same folder; the folder, NULL where the session may not know it or the server is reached by network.
WITH RECURSIVE parts AS (
	SELECT c.oid
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
	WHERE a.attname = 'io' AND a.atttypid = 'jsonb'::regtype AND NOT c.relispartition AND c.relkind IN ('r', 'p')
		AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('device_positions'))
		AND c.relname ~ '^device_positions(_[0-9]{8})?$'
	UNION ALL
	SELECT i.inhrelid FROM parts p JOIN pg_inherits i ON i.inhparent = p.oid
),
sizes AS (
	SELECT pg_total_relation_size(c.oid) AS bytes, pg_relation_size(c.oid) AS heap_bytes, c.reltuples, c.relpages,
		nullif(c.reltablespace, 0) AS tablespace
	FROM parts p JOIN pg_class c ON c.oid = p.oid
	WHERE c.relkind = 'r'
),
folders AS (
	SELECT coalesce(s.tablespace, d.dattablespace) AS tablespace, sum(s.bytes)::bigint AS bytes,
		sum(CASE WHEN s.relpages > 0 AND s.reltuples >= 0
			THEN s.reltuples / s.relpages * (s.heap_bytes / current_setting('block_size')::integer)
			ELSE s.heap_bytes / 300 END)::bigint AS rows
	FROM sizes s JOIN pg_database d ON d.datname = current_database()
	GROUP BY 1
)
SELECT rows, bytes,
	bytes + CASE WHEN location = '' THEN least(sum(bytes) OVER (), pg_size_bytes(current_setting('max_wal_size')))
		ELSE 0 END::bigint AS needed,
	CASE WHEN inet_server_addr() IS NULL
		THEN coalesce(nullif(location, ''), (SELECT setting FROM pg_settings WHERE name = 'data_directory')) END AS folder
FROM folders, pg_tablespace_location(tablespace) AS location
ORDER BY location
