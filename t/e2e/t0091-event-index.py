#!/usr/bin/env python3
"""The index of events comes to partitions that are in use, survives interruptions, and is used."""
import glob
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite

MISSING = """SELECT count(*) FROM pg_inherits i WHERE i.inhparent = 'device_positions'::regclass AND NOT EXISTS (
    SELECT FROM pg_inherits a JOIN pg_index x ON x.indexrelid = a.inhrelid
    WHERE a.inhparent = 'device_positions_event_idx'::regclass AND x.indrelid = i.inhrelid AND x.indisvalid)"""


def old_database(bench):
    """A database of schema 5 with partitions and rows, as an installation has it before it is upgraded."""
    database = bench.database(migrated=False)
    for path in sorted(glob.glob(os.path.join(gateway.SOURCE, "migrations", "000[1-5]_*.sql"))):
        with open(path) as f:
            database.query("SET ROLE tg; BEGIN; %s; COMMIT" % f.read())
    database.query("SET ROLE tg; CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text,"
                   " applied_at timestamptz DEFAULT now());"
                   " INSERT INTO schema_migrations SELECT i, 'old' FROM generate_series(1, 5) AS i;"
                   " SELECT telematics_make_partition((now() AT TIME ZONE 'UTC')::date - i) FROM generate_series(0, 4) AS i")
    insert(database, "generate_series(1, 2000)")
    return database


def insert(database, series, apart="2 minutes"):
    database.query("INSERT INTO device_positions SELECT 1, now() - i * interval '" + apart + "', (random() * 1e15)::bigint,"
                   " clock_timestamp(), 54, 25, 0, 50, CASE WHEN i % 10 = 0 THEN 239 ELSE 0 END, 0, 9, 0, 8, NULL, true,"
                   " '{\"239\": 1}' FROM " + series + " AS i")


def test_under_load(bench):
    """tgctl migrate gives every partition its index while rows come in; none of them waits for long."""
    database = old_database(bench)
    stop, waits = threading.Event(), []

    def write():
        while not stop.is_set():
            begun = time.monotonic()
            insert(database, "generate_series(1, 20)")
            waits.append(time.monotonic() - begun)
    writer = threading.Thread(target=write)
    writer.start()
    code, out, err = bench.tgctl("migrate", url=database.url)
    stop.set()
    writer.join()
    proc.equal(code, 0, "tgctl migrate: %s%s" % (out, err))
    proc.equal(database.number(MISSING), 0, "partitions without the index")
    proc.equal(database.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'device_positions_event_idx'::regclass"),
               [["t"]], "the index of the whole table is valid")
    proc.check(len(waits) > 3 and max(waits) < 8, "the longest of %d inserts took %.1f s" % (len(waits), max(waits)))
    before = database.number("SELECT count(*) FROM pg_class WHERE relkind IN ('i', 'I')")
    proc.equal(bench.tgctl("migrate", url=database.url)[0], 0, "again")
    proc.equal(database.number("SELECT count(*) FROM pg_class WHERE relkind IN ('i', 'I')"), before, "indexes")
    plan = "\n".join(r[0] for r in database.rows(
        "EXPLAIN SELECT * FROM device_events WHERE received_at > now() - interval '1 minute' AND severity = 'alarm'"))
    proc.check("event_idx" in plan or "received_at_idx" in plan, "a question by arrival uses it: %s" % plan)


def test_leftover(bench):
    """An index that an interrupted build left behind goes; one that is whole is attached, not made again."""
    database = old_database(bench)
    # A history that a migration writes anew gets its indexes anew as well: not this one.
    database.query("UPDATE schema_migrations SET name = 'old'; ALTER TABLE device_positions ALTER io TYPE json")
    part = database.rows("SELECT 'device_positions_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')")[0][0]
    other = database.rows("SELECT 'device_positions_' || to_char(now() AT TIME ZONE 'UTC' - interval '1 day', 'YYYYMMDD')")[0][0]
    database.query("SET ROLE tg; CREATE INDEX %s_event_idx ON %s (received_at) WHERE event_io_id <> 0;"
                   " CREATE INDEX %s_event_idx ON %s (received_at) WHERE event_io_id <> 0" % (part, part, other, other))
    database.query("UPDATE pg_index SET indisvalid = false WHERE indexrelid = '%s_event_idx'::regclass" % part)
    whole = database.number("SELECT '%s_event_idx'::regclass::oid" % other)
    broken = database.number("SELECT '%s_event_idx'::regclass::oid" % part)
    code, out, err = bench.tgctl("migrate", url=database.url)
    proc.equal(code, 0, "tgctl migrate: %s%s" % (out, err))
    proc.equal(database.number(MISSING), 0, "partitions without the index")
    proc.equal(database.number("SELECT '%s_event_idx'::regclass::oid" % other), whole, "the whole one")
    proc.check(database.number("SELECT '%s_event_idx'::regclass::oid" % part) != broken, "the broken one was made again")


def test_killed(bench):
    """A migrate that is killed in the middle is finished by the next; two at once end well."""
    database = old_database(bench)
    binary = os.path.join(os.environ["TOP_BUILDDIR"], "tgctl")
    env = dict(os.environ, DATABASE_URL=database.url)
    for seconds in (0.3, 0.8, 1.3):
        process = subprocess.Popen([binary, "migrate"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        process.kill()
        process.wait()
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(bench.tgctl("migrate", url=database.url))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    proc.equal([c[0] for c in codes], [0, 0], "exit statuses: %s" % codes)
    proc.equal(database.number(MISSING), 0, "partitions without the index")


def test_new_day(bench):
    """A partition that the upkeep makes has it from the beginning, also a day whose rows move over in several steps."""
    database = bench.database()
    days = ["device_positions_" + day[0] for day in database.rows(
        "SELECT to_char((now() AT TIME ZONE 'UTC')::date + i, 'YYYYMMDD') FROM generate_series(0, 1) AS i")]
    database.query("DROP TABLE " + ", ".join(days))
    # The first of them is today's: of so many rows in the default partition it takes several steps.
    insert(database, "generate_series(1, 10000)", "1 ms")
    moves = 0
    while database.query("SELECT telematics_upkeep(0, 0)") == "t":
        moves += database.number("SELECT count(day) FROM telematics_locks WHERE name = 'upkeep'")
    proc.check(moves > 2, "%d steps on a day's way" % moves)
    proc.equal(database.rows("SELECT i::regclass::text FROM unnest('{%s}'::regclass[]) AS i JOIN pg_inherits ON i = inhrelid"
                             " ORDER BY 1" % ",".join(days)), [[d] for d in days], "the days")
    proc.equal(database.number(MISSING), 0, "partitions without the index")
    proc.equal(database.number("SELECT count(*) FROM device_events WHERE received_at > now() - interval '1 hour'"), 1000, "events")


suite.main(globals())
