#!/usr/bin/env python3
"""`io` of the history becomes json: rows of before keep what they say, under load too, with gateways of both kinds.

E2E_OLDER is the build folder of a gateway from before that migration; the case that needs it says so where it isn't set.
"""
import glob
import json
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite, wire
from lib.audit import audit
from lib.fleet import imeis

OLDER = os.environ.get("E2E_OLDER")
ROWS = ("SELECT device_id, recorded_at, record_hash, received_at, latitude, longitude, heading, speed, event_io_id, altitude,"
        " satellites, priority, codec, generation_type, valid, io::jsonb FROM device_positions ORDER BY 1, 2, 3")
KINDS = ("SELECT DISTINCT format_type(a.atttypid, NULL) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
         " AND a.attname = 'io' WHERE c.relname LIKE 'device\\_positions%' AND c.relkind IN ('r', 'p')")
TODAY = "SELECT to_char((now() AT TIME ZONE 'UTC')::date + %d, 'YYYYMMDD')"
SEGMENT = 1 << 30


def older(bench, rows=500):
    """A database of before with rows of some days, one of them in no partition of its own."""
    database = bench.older_database("_io_json")
    database.add_devices(imeis(3))
    database.query("SET ROLE tg; DO $$ BEGIN WHILE telematics_upkeep(0, 0) LOOP NULL; END LOOP; END $$")
    database.query("INSERT INTO device_positions SELECT 1 + i %% 3, now() - i * interval '17 minutes', i, now(), 54, 25, 0, 50,"
                   " CASE WHEN i %% 10 = 0 THEN 239 ELSE 0 END, 0, 9, 0, 142, NULL, true,"
                   " jsonb_build_object('240', i %% 2, '66', 12000 + i, '78', '00ff0102030405aa', '331', '')"
                   " FROM generate_series(1, %d) AS i" % rows)
    database.query("INSERT INTO device_positions SELECT 1, '1970-01-01', 1, now(), 54, 25, 0, 50, 0, 0, 9, 0, 16, 5, true, '{}'")
    return database


def migrate(bench, database, *args, want=0):
    code, out, err = bench.tgctl("migrate", *args, url=database.url)
    proc.equal(code, want, "tgctl migrate: %s%s" % (out, err))
    return out + err


@suite.quick
def test_rows_kept(bench):
    """Each row says what it said; the view of events keeps its rights and what others made of it; a half-made day goes on."""
    database = older(bench)
    database.query("CREATE ROLE reader_%s LOGIN; GRANT SELECT ON device_events TO reader_%s; CREATE VIEW mine AS SELECT kind"
                   " FROM device_events" % (database.name, database.name))
    # The table of a day that isn't attached yet, and the trigger that leads to it.
    day = database.query(TODAY % 2)
    database.query("SET ROLE tg; DROP TABLE device_positions_%s; CREATE TABLE device_positions_%s (LIKE device_positions"
                   " INCLUDING ALL, CONSTRAINT device_positions_%s_day CHECK (recorded_at >= '%s Z' AND recorded_at <"
                   " '%s Z'::timestamptz + interval '24 hours')); UPDATE telematics_locks SET day = '%s', block = 0"
                   " WHERE name = 'upkeep'" % ((day,) * 6))
    before = database.rows(ROWS)
    proc.equal(database.query(KINDS), "jsonb", "io before")
    said = migrate(bench, database)
    proc.check("written anew" in said, "said: %s" % said)
    proc.equal(database.query(KINDS), "json", "io")
    proc.equal(database.rows(ROWS), before, "rows")
    proc.equal(database.query("SELECT count(*) FROM device_events", "reader_" + database.name), "50", "events")
    proc.equal(database.query("SELECT count(*) FROM mine"), "50", "a view of the view")
    proc.equal(database.query("SELECT count(*) FROM pg_inherits WHERE inhrelid = 'device_positions_%s'::regclass" % day), "1",
               "the day is attached")
    proc.equal(database.query("SELECT moving_gaps > 0 AND standing_gaps > 0 FROM telematics_rhythm(1)"), "t", "the rhythm")
    proc.equal(database.rows("SELECT e.name, e.value FROM device_positions p, telematics_io(p.io, 'FMB920') AS e"
                             " WHERE record_hash = 1 AND id = 66"), [["external_voltage", "12.001"]], "in words")
    proc.equal(format_of(database, "device_online"), "jsonb", "io of the live row")
    proc.check("written anew" not in migrate(bench, database), "again, there is nothing to do")


def format_of(database, table):
    return database.query("SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = '%s'::regclass"
                          " AND attname = 'io'" % table)


def test_in_the_way(bench):
    """A view of somebody else's that reads io stops it, with its name and what to do; nothing is changed."""
    database = older(bench)
    database.query("CREATE VIEW fuel AS SELECT device_id, io ->> '66' AS v FROM device_positions")
    said = migrate(bench, database, want=1)
    proc.check("view fuel" in said and "Drop what is in the way" in said, "said: %s" % said)
    proc.equal(database.query(KINDS), "jsonb", "io")
    proc.equal(database.query("SELECT count(*) FROM device_events"), "50", "events")
    database.query("DROP VIEW fuel")
    migrate(bench, database)
    proc.equal(database.query(KINDS), "json", "io")


def plain(database, then=""):
    database.query("SET ROLE tg; DROP VIEW device_events; CREATE TABLE heap (LIKE device_positions INCLUDING ALL);"
                   " INSERT INTO heap SELECT * FROM device_positions; DROP TABLE device_positions;"
                   " ALTER TABLE heap RENAME TO device_positions; %s SELECT telematics_make_views()" % then)


def test_other_tables(bench):
    """The same where the operator made the history a plain table, or a hypertable of TimescaleDB."""
    database = older(bench)
    plain(database)
    before = database.rows(ROWS)
    migrate(bench, database)
    proc.equal((database.rows(ROWS), database.query(KINDS)), (before, "json"), "a plain table")
    if database.number("SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'") == 0:
        print("# not tested: the extension timescaledb is not installed here")
        return
    database = older(bench)
    database.query("CREATE EXTENSION timescaledb")
    plain(database, "SELECT create_hypertable('device_positions', 'recorded_at', chunk_time_interval => interval '1 day',"
          " migrate_data => true);")
    before = database.rows(ROWS)
    migrate(bench, database)
    proc.equal((database.rows(ROWS), format_of(database, "device_positions")), (before, "json"), "a hypertable")


def grow(database, segments):
    """The default partition gets so many GB of empty blocks, which lie on no disk. Returns a function that undoes it."""
    path = database.query("SELECT setting || '/' || pg_relation_filepath('device_positions_default') FROM pg_settings"
                          " WHERE name = 'data_directory'")
    database.query("CHECKPOINT")
    owner, size = os.stat(path), os.path.getsize(path)
    os.truncate(path, SEGMENT)
    for i in range(1, segments + 1):
        with open("%s.%d" % (path, i), "wb") as f:
            f.truncate(SEGMENT if i < segments else 8192)
            os.chown(f.name, owner.st_uid, owner.st_gid)
            os.chmod(f.name, 0o600)

    def undo():
        for name in glob.glob(glob.escape(path) + ".[0-9]*"):
            os.unlink(name)
        os.truncate(path, size)
    return undo


def test_asks_first(bench):
    """It says what it takes; above 1 GB it wants --yes; without room on the disk it does nothing."""
    database = older(bench)
    undo = grow(database, 1)
    for args, want in ((("--dry-run",), 0), ((), 1)):
        said = migrate(bench, database, *args, want=want)
        proc.check("1.0 GB more" in said and " s, in which trackers wait" in said, "said: %s" % said)
        proc.equal("give --yes" in said, want == 1, "asked: %s" % said)
        proc.equal(database.query(KINDS), "jsonb", "io")
    undo()
    there = os.statvfs(database.cluster.data)
    missing = there.f_bavail * there.f_frsize // SEGMENT + 3
    if missing > 20000:
        print("# not tested: the disk has too much room")
        return
    undo = grow(database, missing)
    # Who may not see where the server keeps its tables can't look at the disk.
    database.query("GRANT pg_read_all_settings TO tg")
    said = migrate(bench, database, "--yes", want=1)
    proc.check("GB free" in said and "nothing was changed" in said, "said: %s" % said)
    proc.equal(database.query(KINDS), "jsonb", "io")
    undo()
    out = bench.tgctl("migrate", "--json", "--yes", url=database.url)[1]
    told = json.loads(out)["rewrite"]
    proc.check(told["rows"] > 0 and told["bytes"] > 0 and told["seconds"] > 0, "told: %s" % told)
    proc.equal(database.query(KINDS), "json", "io")


def test_statements_of_before(bench):
    """What a gateway of before sends: its COPY is refused whole, for its content; its INSERT stores the rows."""
    database = bench.database()
    io = b"\x01" + b'{"239":1}'
    fields = [struct.pack(">q", 1), struct.pack(">q", 0), struct.pack(">q", 7), struct.pack(">q", 0), struct.pack(">d", 54),
              struct.pack(">d", 25), struct.pack(">h", 0), struct.pack(">i", 0), struct.pack(">h", 9), struct.pack(">i", 0),
              b"\x01", struct.pack(">h", 0), struct.pack(">i", 0), struct.pack(">h", 8), None, io]
    path = os.path.join(bench.folder, "tuples")
    with open(path, "wb") as f:
        f.write(b"PGCOPY\n\xff\r\n\0" + bytes(8) + struct.pack(">h", len(fields)))
        f.write(b"".join(struct.pack(">i", -1 if v is None else len(v)) + (v or b"") for v in fields))
        f.write(b"\xff\xff")
    columns = ("(device_id, recorded_at, record_hash, received_at, latitude, longitude, altitude, heading, satellites, speed,"
               " valid, priority, event_io_id, codec, generation_type, io)")
    session = database.session(bench.scope)
    try:
        session.run("\\copy device_positions %s FROM '%s' (FORMAT binary)" % (columns, path))
        raise proc.Failure("the COPY was taken")
    except proc.Failure as error:
        proc.check("invalid input syntax for type json" in str(error), "the COPY: %s" % error)
    session.run("INSERT INTO device_positions %s SELECT * FROM unnest(ARRAY[1]::bigint[], ARRAY[now()]::timestamptz[],"
                " '{1}'::bigint[], ARRAY[now()]::timestamptz[], '{54}'::float8[], '{25}'::float8[], '{0}'::smallint[],"
                " '{0}'::integer[], '{9}'::smallint[], '{0}'::integer[], '{t}'::boolean[], '{0}'::smallint[], '{0}'::integer[],"
                " '{8}'::smallint[], '{NULL}'::smallint[], ARRAY['{\"239\": 1}']::jsonb[]) ON CONFLICT DO NOTHING" % columns)
    proc.equal(database.rows("SELECT io ->> '239' FROM device_positions"), [["1"]], "rows")


def test_both_gateways(bench):
    """An older gateway under load runs on across the migration; a new one joins it, then takes over: exactly once."""
    if not OLDER:
        print("# not tested: E2E_OLDER names no build of an older gateway")
        return
    database = older(bench, rows=100000)
    names = imeis(30)
    database.add_devices(names[3:])
    database.query("TRUNCATE device_positions")
    gw = bench.gateway(database, program=os.path.join(OLDER, "telematics-gateway"), TELEM_GATEWAY_ID="older")
    fleet = bench.fleet(gw, names, sizes=(1, 5, 25))
    fleet.wait_acked(3000)
    migrate(bench, database)
    proc.equal(database.query(KINDS), "json", "io")
    fleet.wait_all_progress()
    fleet.wait_acked(3000)
    proc.equal(gw.metrics()['telematics_records_total{outcome="quarantined"}'], 0, "quarantined by the older")
    # A worker of the older one is replaced, and moves the live rows of the dead one.
    os.kill(gw.workers()[0], 9)
    fleet.wait_all_progress()
    newer = bench.gateway(database, TELEM_GATEWAY_ID="newer")
    fleet.gateways = [newer]
    os.kill(gw.workers()[0], 9)
    fleet.wait_acked(3000)
    gw.stop()
    fleet.wait_all_progress()
    fleet.wait_acked(3000)
    proc.check(newer.metrics()['telematics_records_total{outcome="stored"}'] > 0, "stored by the newer")
    fleet.stop()
    newer.stop()
    acked, stored = audit(database, fleet)
    print("# %d acknowledged, %d stored" % (acked, stored))
    for gone in (gw, newer):
        proc.check(not gone.logged("content"), "the log: %s" % gone.log_text()[-2000:])


suite.main(globals())
