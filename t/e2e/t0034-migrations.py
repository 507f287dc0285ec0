#!/usr/bin/env python3
"""`tgctl migrate`: on an empty database, on one with a devices table, twice, twice at once, by a plain role."""
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

TABLES = ("device_commands device_ingest_raw device_messages device_models device_online device_positions"
          " devices rejected_devices schema_migrations").split()


def migrate(bench, database, want=0):
    code, out, err = bench.tgctl("migrate", url=database.url)
    proc.equal(code, want, "tgctl migrate: %s%s" % (out, err))
    return out + err


@suite.quick
def test_empty(bench):
    """An empty database gets every table; a second run changes nothing."""
    database = bench.database(migrated=False)
    migrate(bench, database)
    have = {r[0] for r in database.rows("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
                                        " AND relnamespace = 'public'::regnamespace")}
    proc.equal([t for t in TABLES if t not in have], [], "tables that are missing")
    before = database.rows("SELECT version, applied_at FROM schema_migrations ORDER BY 1")
    migrate(bench, database)
    proc.equal(database.rows("SELECT version, applied_at FROM schema_migrations ORDER BY 1"), before,
               "migrations applied")


def test_at_once(bench):
    """Four runs at the same time end well; each migration is applied once."""
    database = bench.database(migrated=False)
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(bench.tgctl("migrate", url=database.url)))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    proc.equal([c[0] for c in codes], [0] * 4, "exit statuses of %s" % codes)


def test_others_may_create(bench):
    """Who else may put functions into the schema is named, and nobody else is; it goes on."""
    database = bench.database(migrated=False)
    database.query("REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE guest_%s; GRANT CREATE ON SCHEMA public TO"
                   " guest_%s, tg" % (database.name, database.name))
    code, out, err = bench.tgctl("migrate", url=database.url)
    proc.equal(code, 0, "exit status (%s)" % err)
    proc.check("warning: guest_%s may create functions in the schema public" % database.name in err, "said: %s" % err)
    proc.equal(err.count("may create functions"), 1, "roles named")
    database.query("REVOKE CREATE ON SCHEMA public FROM guest_%s" % database.name)
    proc.check("may create" not in bench.tgctl("migrate", url=database.url)[2], "nobody may any more")
    database.query("GRANT CREATE ON SCHEMA public TO PUBLIC")
    proc.check("warning: PUBLIC may create" in bench.tgctl("migrate", url=database.url)[2], "everybody may")


def test_existing(bench):
    """OmniTrack's devices table keeps its rows and columns and gets what is missing; the gateway serves it."""
    database = bench.database(migrated=False)
    database.query("SET ROLE tg; CREATE TABLE devices (id serial PRIMARY KEY, imei varchar(20), plate text);"
                   " INSERT INTO devices (imei, plate) VALUES ('%s', 'ABC 123'), ('%s', 'DEF 456')"
                   % tuple(imeis(2)))
    migrate(bench, database)
    proc.equal(database.rows("SELECT id, imei, plate, enabled, device_model IS NULL, last_ping IS NULL"
                             " FROM devices ORDER BY id"),
               [["1", imeis(1)[0], "ABC 123", "t", "t", "t"], ["2", imeis(2)[1], "DEF 456", "t", "t", "t"]],
               "devices")
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    proc.equal(tracker.exchange(wire.frame(8, [wire.Record(1700000000000, 54.5, 25.5, sats=7)])), 1, "ACK")
    proc.equal(bench.tracker(gw, "350000000000009").handshake(), b"\x00", "an unknown IMEI")
    database.query("INSERT INTO devices (imei, plate) VALUES ('350000000000009', 'new')")
    proc.wait_until(lambda: bench.tracker(gw, "350000000000009").handshake() == b"\x01", 2,
                    "a new row takes effect")


def test_refused(bench):
    """Duplicate IMEIs or an id that is no integer stop it, with the list and what to do; nothing is changed."""
    database = bench.database(migrated=False)
    database.query("SET ROLE tg; CREATE TABLE devices (id int, imei text);"
                   " INSERT INTO devices VALUES (1, '350000000000001'), (2, '350000000000001'), (3, '35')")
    said = migrate(bench, database, want=1)
    proc.check("350000000000001" in said, "the duplicates are listed: %s" % said)
    proc.equal(database.number("SELECT count(*) FROM pg_attribute WHERE attrelid = 'devices'::regclass"
                               " AND attnum > 0"), 2, "columns of devices")
    database.query("DROP TABLE devices; SET ROLE tg; CREATE TABLE devices (id uuid, imei text)")
    said = migrate(bench, database, want=1)
    proc.check("uuid" in said and "id" in said, "the type is named: %s" % said)
    database.query("DROP TABLE devices")
    migrate(bench, database)


def test_plain_role(bench):
    """The gateway works with a role that owns nothing and has no more than these tables."""
    database = bench.database()
    database.cluster.query("CREATE ROLE plain LOGIN", "postgres")
    database.query("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO plain;"
                   " GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO plain")
    database.add_devices(imeis(2))
    database.query("INSERT INTO device_models (device_model) VALUES ('FMB920')")
    gw = bench.gateway(database.cluster.url(database.name, "plain"))
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    proc.equal(tracker.exchange(wire.frame(8, [wire.Record(1700000000000, 54.5, 25.5, sats=7)])), 1, "ACK")
    proc.equal(tracker.exchange(wire.frame(8, [wire.Record(1700000000000)], count2=2)), 1, "ACK")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_online WHERE recorded_at IS NOT"
                                            " NULL") == 1, 5, "the live row")
    proc.equal(bench.tracker(gw, "350000000000009").handshake(), b"\x00", "an unknown IMEI")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM rejected_devices") == 1, 5, "the ledger")
    errors = [line for line in gw.log_text().splitlines() if "permission denied" in line]
    proc.equal(errors, [], "refusals for want of permission")


suite.main(globals())
