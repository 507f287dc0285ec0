#!/usr/bin/env python3
"""The schema's own behaviour, without a gateway: notifications, upkeep against locks, what migrate refuses."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite
from lib.fleet import imeis
from lib.postgres import QueryError

POSITION = ("INSERT INTO device_positions (device_id, recorded_at, record_hash, received_at, latitude,"
            " longitude, heading, speed, event_io_id, altitude, satellites, priority, codec, valid, io)"
            " VALUES (%d, %s, 1, now(), 1, 2, 0, 0, 0, 0, 5, 0, 8, true, '{}')")
PARTITIONS = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'device_positions'::regclass"


def heard(session, sql, channel="telematics_devices"):
    """What the statement made the session hear."""
    lines = session.run(sql) + session.run("SELECT 1")
    return re.findall(r'notification "%s" with payload "([^"]*)"' % channel, "\n".join(lines))


def test_notify(bench):
    """One notification a statement, with the IMEIs or *; none for last_ping or for no change."""
    database = bench.database()
    a, b, c = imeis(3)
    session = database.session(bench.scope)
    session.run("LISTEN telematics_devices")

    def says(sql, *want):
        proc.equal(heard(session, sql), list(want), sql)
    says("INSERT INTO devices (imei) VALUES ('%s'), ('%s')" % (a, b), a + "," + b)
    says("UPDATE devices SET last_ping = now(), name = 'x'")
    says("UPDATE devices SET enabled = true, device_model = NULL")
    says("UPDATE devices SET enabled = false WHERE imei = '%s'" % a, a)
    says("UPDATE devices SET device_model = 'FMB920' WHERE imei = '%s'" % a, a)
    says("UPDATE devices SET imei = '%s' WHERE imei = '%s'" % (c, b), b + "," + c)
    says("INSERT INTO devices (imei) VALUES ('%s') ON CONFLICT (imei) DO NOTHING" % a)
    says("DELETE FROM devices WHERE imei = '%s'" % c, c)
    says("BEGIN; UPDATE devices SET enabled = true; ROLLBACK")
    says("BEGIN; SAVEPOINT s; UPDATE devices SET enabled = true; ROLLBACK TO s;"
         " INSERT INTO devices (imei) VALUES ('%s'); COMMIT" % b, b)
    many = "INSERT INTO devices (imei) SELECT (351000000000000 + %d + n)::text FROM generate_series(1, %d) n"
    proc.equal(len(heard(session, many % (0, 100))[0].split(",")), 100, "IMEIs of 100 rows")
    says(many % (1000, 101), "*")
    says("INSERT INTO device_models (device_model) VALUES ('FMB920')", "*")
    says("UPDATE device_models SET codec_16 = false", "*")
    says("TRUNCATE devices", "*")
    session.run("LISTEN telematics_commands")
    proc.equal(heard(session, "INSERT INTO device_commands (imei, command_text) VALUES ('%s', 'getinfo')" % a,
                     "telematics_commands"), [a], "a command queued")


def test_upkeep_blocked(bench):
    """A reader that holds the table keeps a day from being made, but neither writers nor the other steps."""
    database = bench.database()
    today = database.query("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')")
    database.query("DROP TABLE device_positions_%s; INSERT INTO device_ingest_raw (imei, reason, frame,"
                   " frame_hash, received_at, last_seen_at) SELECT 'x', 'raw', '', n, '2020-01-01',"
                   " '2020-01-01' FROM generate_series(1, 5500) n" % today)
    database.query(POSITION % (1, "now()"))
    reader = database.session(bench.scope)
    reader.run("BEGIN; SELECT count(*) FROM device_positions")
    worker = database.session(bench.scope, user="tg")
    steps = 0
    while worker.run("SELECT telematics_upkeep(0, 30)")[-1] == "t":
        steps += 1
        proc.check(steps < 100, "the upkeep comes to an end")
    proc.equal(database.number("SELECT count(*) FROM device_ingest_raw"), 0, "old debug copies")
    proc.equal(database.query("SELECT to_regclass('device_positions_%s') IS NULL" % today), "t", "no partition yet")
    # Each attempt ended by itself while the reader still held its lock, and left none of its own behind.
    database.query(POSITION % (2, "now()"))
    proc.equal(database.number("SELECT count(*) FROM pg_locks WHERE pid = %d AND relation IS NOT NULL"
                               % worker.pid), 0, "locks that the attempts left behind")
    reader.run("COMMIT")
    worker.run("UPDATE telematics_locks SET blocked_until = NULL")
    proc.equal(worker.run("SELECT telematics_upkeep(0, 30)")[-1], "t", "the day is made now")
    proc.equal(database.rows("SELECT tableoid::regclass, count(*) FROM device_positions GROUP BY 1"),
               [["device_positions_" + today, "2"]], "where the rows are")


def test_short_retention(bench):
    """A retention below 35 days drops what is older and does not make it again."""
    database = bench.database()
    session = database.session(bench.scope, user="tg")

    def rest():
        steps = 0
        while session.run("SELECT telematics_upkeep(10, 30)")[-1] == "t":
            steps += 1
            proc.check(steps < 100, "the upkeep comes to an end")
        return steps
    proc.check(rest() > 0, "something was dropped")
    # 10 days, today, 7 days, the default one; at midnight one more or less.
    proc.check(abs(database.number(PARTITIONS) - 19) <= 1, "partitions: %s" % database.query(PARTITIONS))
    proc.check(rest() <= 2, "it has come to rest")


def test_obstacles(bench):
    """A table that is in the way of one day keeps no other day from being made; nobody else may do the upkeep."""
    database = bench.database()
    days = [database.query("SELECT to_char((now() AT TIME ZONE 'UTC')::date + %d, 'YYYYMMDD')" % i)
            for i in (2, 3)]
    database.query("DROP TABLE device_positions_%s; DROP TABLE device_positions_%s" % tuple(days))
    database.query("CREATE TABLE device_positions_%s (note text)" % days[0])
    session = database.session(bench.scope, user="tg")
    while session.run("SELECT telematics_upkeep(0, 0)")[-1] == "t":
        pass
    proc.equal(database.query("SELECT to_regclass('device_positions_%s') IS NOT NULL" % days[1]), "t", "the other day")
    database.cluster.query("CREATE ROLE stranger LOGIN", "postgres")
    try:
        database.query("SELECT telematics_upkeep(1, 1)", user="stranger")
        raise proc.Failure("a stranger may do the upkeep")
    except QueryError as error:
        proc.check("stranger" in str(error), "who was refused: %s" % error)


def test_dry_run_and_newer(bench):
    """--dry-run changes nothing; a newer schema is left alone; a foreign schema_migrations is told."""
    database = bench.database(migrated=False)
    code, out, err = bench.tgctl("migrate", "--dry-run", url=database.url)
    proc.check(code == 0 and "0001" in out, "dry run: %d %s%s" % (code, out, err))
    proc.equal(database.number("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"), 0,
               "relations after it")
    database.query("SET ROLE tg; CREATE TABLE schema_migrations (version varchar)")
    code, out, err = bench.tgctl("migrate", url=database.url)
    proc.check(code == 1 and "another program" in err, "a foreign ledger: %d %s%s" % (code, out, err))
    database.query("DROP TABLE schema_migrations")
    proc.equal(bench.tgctl("migrate", url=database.url)[0], 0, "migrate")
    database.query("INSERT INTO schema_migrations (version, name) VALUES (9999, 'later')")
    code, out, err = bench.tgctl("migrate", url=database.url)
    proc.check(code == 0 and "newer" in err, "a newer schema: %d %s%s" % (code, out, err))


def test_existing_kept(bench):
    """enabled NULL becomes true; an id without default gets numbers behind those in use; imei becomes unique."""
    database = bench.database(migrated=False)
    database.query("SET ROLE tg; CREATE TABLE devices (id int PRIMARY KEY, imei varchar(15), enabled boolean);"
                   " INSERT INTO devices VALUES (41, '%s', NULL), (7, '%s', false), (8, NULL, NULL)"
                   % tuple(imeis(2)))
    proc.equal(bench.tgctl("migrate", url=database.url)[0], 0, "migrate")
    database.query("INSERT INTO devices (imei) VALUES ('350000000000009') ON CONFLICT (imei) DO NOTHING", user="tg")
    proc.equal(database.rows("SELECT id, enabled FROM devices ORDER BY id"),
               [["7", "f"], ["8", "t"], ["41", "t"], ["42", "t"]], "devices")
    try:
        database.query("INSERT INTO devices (imei) VALUES ('350000000000009')")
        raise proc.Failure("an IMEI can be there twice")
    except QueryError as error:
        proc.check("unique" in str(error), "why not: %s" % error)


def test_schema_of_its_own(bench):
    """Beside another program's tables it lives in a schema of its own, and shares their devices."""
    database = bench.database(migrated=False)
    database.query("CREATE SCHEMA tele AUTHORIZATION tg; SET ROLE tg; CREATE TABLE schema_migrations (version"
                   " varchar); CREATE TABLE devices (id serial PRIMARY KEY, imei text);"
                   " INSERT INTO devices (imei) VALUES ('350000000000001')")
    url = database.url + " options=-csearch_path=tele,public"
    for _ in range(2):
        code, out, err = bench.tgctl("migrate", url=url)
        proc.equal(code, 0, "migrate: %s%s" % (out, err))
    database.query("DROP TABLE tele.device_positions_" + database.query(
        "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')"))
    proc.equal(database.query("SELECT tele.telematics_upkeep(0, 0)"), "t", "a step of the upkeep")
    proc.equal(database.query("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind IN"
                              " ('r', 'p') AND relnamespace = 'public'::regnamespace"), "devices schema_migrations",
               "tables in public")
    proc.equal(database.query("SELECT count(*) >= 44 FROM pg_inherits WHERE inhparent ="
                              " 'tele.device_positions'::regclass"), "t", "partitions")
    code, out, err = bench.tgctl("device", "list", url=url)
    proc.check(code == 0 and "350000000000001" in out, "the devices: %d %s%s" % (code, out, err))


suite.main(globals())
