#!/usr/bin/env python3
"""The schema omnitrack: where it may be made and where not, what is told of changes in it, groups that stay a tree."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import feed, postgres, proc, suite
from lib.fleet import imeis


def refused(words, run, *args, **more):
    try:
        run(*args, **more)
    except postgres.QueryError as error:
        proc.check(words in str(error), "it says %r: %s" % (words, error))
    else:
        raise proc.Failure("done: %s" % (args,))


def test_told(bench):
    """telematics_web carries the ids of what changed, once a statement, and never what a session is called to browsers."""
    database = bench.database()
    listener = feed.Listener(database, bench.scope, "telematics_web")

    def says(sql, *want):
        proc.equal(listener.payloads(sql), list(want), sql)
    says("INSERT INTO omnitrack.users (login) VALUES ('a'), ('b')", "user:1,2")
    says("UPDATE omnitrack.users SET disabled = true WHERE id = 2", "user:2")
    says("UPDATE omnitrack.users SET name = 'x' WHERE id = 3")
    says("INSERT INTO omnitrack.roles (user_id, group_id, role) VALUES (1, 1, 'viewer')", "user:1")
    says("UPDATE omnitrack.roles SET role = 'admin'", "user:1")
    says("INSERT INTO omnitrack.api_tokens (user_id, name, token_hash, expires_at) VALUES (1, 't', sha256('t'), now())", "user:1")
    says("UPDATE omnitrack.api_tokens SET last_used_at = now()")
    says("DELETE FROM omnitrack.api_tokens", "user:1")
    says("INSERT INTO omnitrack.groups (parent_id, name) VALUES (1, 'North')", "group:2")
    says("INSERT INTO omnitrack.web_sessions (sid, sess, expire) VALUES ('secret', '{\"userId\": 1, \"kind\": \"display\"}', now())")
    proc.equal(database.query("SELECT user_id, kind FROM omnitrack.web_sessions"), "1\tdisplay", "a session's user and kind")
    says("UPDATE omnitrack.web_sessions SET expire = now()")
    says("DELETE FROM omnitrack.users WHERE id = 1", "user:1", "session:1")
    a, b = imeis(2)
    says("INSERT INTO devices (imei) VALUES ('%s'), ('%s')" % (a, b), "device:1,2")
    says("UPDATE devices SET last_ping = now(), name = NULL")
    says("UPDATE devices SET name = 'Van', device_model = 'FMB920' WHERE id = 1", "device:1")
    proc.equal([sorted(p[7:].split(",")) for p in listener.payloads("UPDATE devices SET enabled = false")], [["1", "2"]],
               "both devices")
    says("INSERT INTO omnitrack.device_groups VALUES (1, 2)", "device:1")
    says("INSERT INTO omnitrack.device_details (device_id, notes) VALUES (1, 'x')", "device:1")
    says("UPDATE omnitrack.device_details SET notes = 'y'", "device:1")
    says("BEGIN; SAVEPOINT s; UPDATE devices SET name = 'a'; ROLLBACK TO s; UPDATE devices SET name = 'b' WHERE id = 2; COMMIT",
         "device:2")
    proc.equal(listener.payloads("DELETE FROM devices WHERE id = 1"), ["device:1"], "a deleted device")
    proc.equal(database.query("SELECT count(*) FROM omnitrack.device_details, omnitrack.device_groups"), "0", "what is left of it")
    many = "INSERT INTO devices (imei) SELECT (351000000000000 + n)::text FROM generate_series(1, 5000) n"
    says(many, "device:*")
    says("UPDATE devices SET name = imei", "device:*")
    says("TRUNCATE devices", "device:*")


def test_tree(bench):
    """A group is never within itself, whoever moves at the same time; the root stays; used groups stay."""
    database = bench.database()
    database.query("INSERT INTO omnitrack.groups (parent_id, name) VALUES (1, 'a'), (1, 'b'), (2, 'c')")
    move = "UPDATE omnitrack.groups SET parent_id = %s WHERE id = %s"
    for parent, group in ((2, 2), (4, 2), ("NULL", 2), (2, 1)):
        refused("group" if parent != "NULL" and group != 1 else "check", database.query, move % (parent, group))
    one, other = database.session(bench.scope), database.session(bench.scope)
    one.run("BEGIN; " + move % (3, 2))
    other.child.stdin.write("BEGIN; " + move % (2, 3) + "; COMMIT;\n")
    other.child.stdin.flush()
    proc.wait_until(lambda: database.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = %d"
                                            % other.pid) == 1, 10, "the second move waits")
    one.run("COMMIT")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND state LIKE 'idle%%'"
                                            % other.pid) == 1, 10, "it has ended")
    proc.equal(database.query("SELECT id, parent_id FROM omnitrack.groups WHERE id IN (2, 3) ORDER BY id"), "2\t3\n3\t1",
               "one of the two")
    refused("foreign key", database.query, "DELETE FROM omnitrack.groups WHERE id = 1")
    database.query("INSERT INTO omnitrack.device_groups VALUES (9, 4)")
    refused("foreign key", database.query, "DELETE FROM omnitrack.groups WHERE id = 4")
    refused("deep", database.query, "DO $$ BEGIN FOR i IN 5 .. 40 LOOP INSERT INTO omnitrack.groups (parent_id, name)"
            " VALUES (i - 1, i::text); END LOOP; END $$")
    refused("roles_admin_at_root", database.query, "INSERT INTO omnitrack.users (login) VALUES ('a'); INSERT INTO omnitrack.roles"
            " (user_id, group_id, role) VALUES (1, 4, 'admin')")


def test_foreign(bench):
    """Where the schema is taken, or may not be made, migrate stops there and says what to do."""
    database = bench.database(migrated=False)
    database.query("CREATE SCHEMA omnitrack AUTHORIZATION tg; CREATE TABLE omnitrack.invoices (); CREATE FUNCTION"
                   " omnitrack.f() RETURNS integer LANGUAGE sql RETURN 1; GRANT ALL ON SCHEMA omnitrack TO tg")
    code, out, err = bench.tgctl("migrate", url=database.url)
    proc.check(code == 1 and "function f" in err and "table invoices" in err and "RENAME" in err, "migrate: %s%s" % (out, err))
    proc.equal(database.query("SELECT max(version) FROM schema_migrations"), "10", "the schema's version")
    database.query("DROP TABLE omnitrack.invoices; DROP FUNCTION omnitrack.f(); ALTER SCHEMA omnitrack OWNER TO postgres;"
                   " REVOKE ALL ON SCHEMA omnitrack FROM tg")
    code, out, err = bench.tgctl("migrate", url=database.url)
    proc.check(code == 1 and "ALTER SCHEMA omnitrack OWNER TO tg" in err, "without rights on it: %s%s" % (out, err))
    database.query("DROP SCHEMA omnitrack; ALTER DATABASE %s OWNER TO postgres; GRANT ALL ON SCHEMA public TO tg" % database.name)
    code, out, err = bench.tgctl("migrate", url=database.url)
    proc.check(code == 1 and "CREATE SCHEMA omnitrack AUTHORIZATION tg" in err, "without rights on the database: %s" % err)
    database.query("CREATE SCHEMA omnitrack AUTHORIZATION tg")
    code, out, err = bench.tgctl("migrate", url=database.url)
    proc.equal(code, 0, "an empty schema that somebody made: %s" % err)


def test_owner_of_that_name(bench):
    """An owner, and a gateway's role, called omnitrack: all tables of the gateway are where they were, now and later."""
    cluster = bench.own_cluster()
    cluster.query("CREATE ROLE omnitrack LOGIN", "postgres")
    cluster.query("CREATE DATABASE fleet OWNER omnitrack TEMPLATE template0", "postgres")
    database = postgres.Database(cluster, "fleet")
    url = cluster.url("fleet", "omnitrack")
    for _ in range(2):
        code, out, err = bench.tgctl("migrate", url=url)
        proc.equal(code, 0, "migrate: %s%s" % (out, err))
    proc.equal(database.query("SELECT DISTINCT relnamespace::regnamespace FROM pg_class WHERE relname IN ('devices',"
                              " 'device_online', 'schema_migrations', 'device_sessions', 'device_rhythm')"), "public", "tables")
    proc.equal(database.query("SELECT DISTINCT pronamespace::regnamespace FROM pg_proc WHERE proname LIKE 'telematics\\_%'"),
               "public", "functions")
    imei = imeis(1)[0]
    proc.equal(bench.tgctl("device", "add", imei, url=url)[0], 0, "device add")
    gw = bench.gateway(url)
    bench.tracker(gw, imei).login()
    proc.wait_until(lambda: database.query("SELECT count(*) FROM public.device_online WHERE online") == "1", 20, "a live row")
    # A gateway whose tables are in a schema of that name since before there was a web application.
    cluster.query("CREATE DATABASE old OWNER omnitrack TEMPLATE template0", "postgres")
    old = postgres.Database(cluster, "old")
    old.query("CREATE SCHEMA omnitrack AUTHORIZATION omnitrack")
    code, out, err = bench.tgctl("migrate", url=cluster.url("old", "omnitrack"))
    proc.check(code == 0, "an empty schema of one's own name is the web application's: %s%s" % (out, err))
    old.query("DROP SCHEMA omnitrack CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA omnitrack AUTHORIZATION omnitrack;"
              " CREATE TABLE omnitrack.schema_migrations (version integer PRIMARY KEY, name text, applied_at timestamptz);"
              " ALTER TABLE omnitrack.schema_migrations OWNER TO omnitrack")
    code, out, err = bench.tgctl("migrate", url=cluster.url("old", "omnitrack"))
    proc.check(code == 1 and "table device_commands" in err and "RENAME" in err, "tables of the gateway there: %s%s" % (out, err))
    proc.equal(old.query("SELECT count(*) FROM pg_namespace WHERE nspname = 'public'"), "0", "nothing was made elsewhere")


suite.main(globals())
