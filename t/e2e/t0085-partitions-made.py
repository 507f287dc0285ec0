#!/usr/bin/env python3
"""A partition is made over a default one that is large: nobody waits for it, whatever is killed between its steps, and
no record is lost, refused or stored twice. Upkeep goes on under locks that strangers hold, and where the history is no
partitioned table of ours.
"""
import datetime
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import pages, postgres, proc, suite, wire
from lib.fleet import imeis
from lib.tracker import Closed

ROWS = proc.scaled(200000)   # of the new day and of others; 3000000 with E2E_SCALE=15
POSITION = ("INSERT INTO device_positions (device_id, recorded_at, record_hash, received_at, latitude, longitude,"
            " heading, speed, event_io_id, altitude, satellites, priority, codec, valid, io) ")
VALUES = "SELECT %s, %s, %s, now(), 1, 2, 0, 0, 0, 0, 5, 0, 8, true, '{}'"
BEING_MADE = "SELECT day IS NOT NULL FROM telematics_locks WHERE name = 'upkeep'"


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d")


def fill(database, rows):
    """So many rows of today and of other days in the default partition. Both lie mixed."""
    database.query("DROP TABLE device_positions_%s" % today())
    database.query(POSITION + VALUES % (
        "n % 997 + 100", "CASE n % 2 WHEN 0 THEN timestamptz '2001-01-01' ELSE date_trunc('day', now(), 'UTC') END"
        " + n * interval '1 ms'", "n") + " FROM generate_series(1, %d) n" % (2 * rows))
    database.query("ANALYZE device_positions_default")
    proc.equal(database.number("SELECT count(*) FROM device_positions_default"), 2 * rows, "rows in the default one")


def made(database):
    return database.number("SELECT count(*) FROM pg_inherits WHERE inhrelid = to_regclass('device_positions_%s')"
                           % today()) == 1


def check_history(database, day, others):
    proc.equal(database.rows("SELECT tableoid::regclass::text, count(*) FROM device_positions GROUP BY 1 ORDER BY 1"),
               [["device_positions_" + today(), str(day)], ["device_positions_default", str(others)]], "where rows lie")
    proc.equal(database.number("SELECT count(*) FROM pg_constraint WHERE conname ~ '^telematics_[0-9]'"), 0, "CHECKs left")
    proc.equal(database.number("SELECT count(*) FROM pg_trigger WHERE tgname ~ '^telematics_[0-9]'"), 0, "triggers left")
    proc.equal(database.query(BEING_MADE), "f", "a day is being made")


@suite.quick
def test_steps(bench):
    """Each step may be cut off, and writers between two of them are served: a record is stored once, wherever it was."""
    database = bench.database()
    rows = 20000
    fill(database, rows)
    upkeep, writer = database.session(bench.scope, user="tg"), database.session(bench.scope, user="tg")
    stored = 0
    seen = set()
    for step in range(1000):
        # What a kill before the COMMIT leaves.
        upkeep.run("BEGIN; SELECT telematics_upkeep(0, 0); ROLLBACK")
        proc.equal(writer.run(POSITION + VALUES % (7, "date_trunc('day', now(), 'UTC') + %d * interval '1 ms'" % step,
                                                   5) + " ON CONFLICT DO NOTHING RETURNING 1;"
                              " SELECT 0")[-1], "0", "a new row of the day")
        stored += 1
        # The first and the last row again, moved or not.
        for n in (1, 2 * rows - 1):
            writer.run(POSITION + VALUES % ("%d %% 997 + 100" % n, "date_trunc('day', now(), 'UTC') + %d * interval '1 ms'" % n,
                                            n) + " ON CONFLICT DO NOTHING")
        writer.run(POSITION + VALUES % (8, "timestamptz '2001-01-01' + %d * interval '1 ms'" % step, 5))
        seen.add(database.query("SELECT concat(to_regclass('device_positions_%s') IS NOT NULL, (SELECT convalidated FROM"
                                " pg_constraint WHERE conname = 'telematics_%s'), (SELECT count(*) > 0 FROM pg_inherits WHERE"
                                " inhrelid = to_regclass('device_positions_%s')))" % ((today(),) * 3)))
        upkeep.run("SELECT telematics_upkeep(0, 0)")
        if made(database):
            break
    proc.equal(seen, {"ff", "tf", "tff", "ttf"}, "states: table, CHECK, partition")
    check_history(database, rows + stored, rows + stored)


class Pace(threading.Thread):
    """A tracker that sends a record at a time, each of them twice; and how long the slowest took."""

    def __init__(self, bench, gateway, imei, shift):
        super().__init__(daemon=True)
        self.bench, self.gateway, self.imei, self.shift = bench, gateway, imei, shift
        self.over = threading.Event()
        self.sent = self.acked = self.resets = 0
        self.slowest = 0.0
        self.failure = None
        self.stamps = set()
        self.start()

    def run(self):
        tracker = None
        again = []
        try:
            while not self.over.is_set():
                try:
                    tracker = tracker or self.bench.tracker(self.gateway, self.imei).login()
                    ts = again[0] if again else self.shift + int(time.time() * 1000)
                    self.stamps.add(ts)
                    again = again or [ts]
                    began = time.monotonic()
                    proc.equal(tracker.exchange(wire.frame(8, [wire.Record(ts, 54.5, 25.5, sats=7)]), 20), 1, "ACK")
                    self.slowest = max(self.slowest, time.monotonic() - began)
                    self.acked += 1
                    # Now and then one that was acknowledged comes again.
                    again = [random.choice(list(self.stamps))] if random.random() < 0.2 else []
                    time.sleep(0.005)
                except (Closed, OSError):
                    self.resets += 1
                    tracker = None
                    time.sleep(0.05)
        except Exception as error:   # pylint: disable=broad-except
            self.failure = error

    def finish(self):
        self.over.set()
        self.join(60)
        proc.check(self.failure is None, "%s: %s" % (self.imei, self.failure))
        return self


def upkeep_backend(database):
    return database.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'telematics-gateway upkeep'"
                          " AND datname = current_database()")


def make_under_load(bench, kills):
    database = bench.database()
    names = imeis(3)
    database.add_devices(names)
    fill(database, ROWS)
    gw = bench.gateway(database, TELEM_WORKERS=1)
    threads = [Pace(bench, gw, names[0], 0), Pace(bench, gw, names[1], -86400000),
               Pace(bench, gw, names[2], 86400000 * 400)]
    killed = 0
    # Until all kills are done the day isn't attached, which needs this lock; no step before does.
    holder = database.session(bench.scope)
    holder.run("BEGIN")
    if kills:
        holder.run("LOCK TABLE ONLY device_positions IN SHARE UPDATE EXCLUSIVE MODE")
    deadline = time.monotonic() + 120 * proc.BUSY
    while not made(database):
        proc.check(time.monotonic() < deadline, "the partition is never made: %s"
                   % database.rows("SELECT * FROM telematics_locks"))
        pid = upkeep_backend(database)
        if killed < kills and database.query(BEING_MADE) == "t":
            killed += 1
            if killed % 2:
                for worker in gw.workers():
                    os.kill(worker, signal.SIGKILL)
            elif pid:
                database.query("SELECT pg_terminate_backend(%s)" % pid.split()[0])
            if killed == kills:
                holder.run("COMMIT")
        time.sleep(0.1 if killed == kills else 0.02)
    for thread in threads:
        thread.finish()
    proc.equal(killed, kills, "kills")
    proc.equal(database.number("SELECT count(*) FROM device_ingest_raw"), 0, "frames in quarantine")
    proc.check(all(t.acked > 20 for t in threads), "acknowledged: %s" % [t.acked for t in threads])
    check_all = database.number("SELECT count(*) FROM device_positions WHERE device_id > 99")
    proc.equal(check_all, 2 * ROWS, "rows that lay there")
    for number, thread in enumerate(threads):
        proc.equal(database.number("SELECT count(*) FROM device_positions WHERE device_id = (SELECT id FROM devices"
                                   " WHERE imei = '%s')" % names[number]), len(thread.stamps), "rows of tracker %d" % number)
    proc.equal(database.number("SELECT count(*) FROM device_positions_default WHERE recorded_at >="
                               " date_trunc('day', now(), 'UTC') AND recorded_at < date_trunc('day', now(), 'UTC')"
                               " + interval '1 day'"), 0, "rows of today in the default one")
    return threads


def test_large(bench):
    """Trackers whose records are of that day, of others and of the default partition wait for nothing; live rows go on."""
    threads = make_under_load(bench, 0)
    print("# slowest ACK: %s s, frames: %s" % ([round(t.slowest, 3) for t in threads], [t.acked for t in threads]))
    proc.equal([t.resets for t in threads], [0] * 3, "connections that ended")
    # 0.2 s is what a step may take; the rest is what this machine adds.
    slowest = max(t.slowest for t in threads)
    proc.check(slowest < 0.5 * proc.BUSY, "the slowest ACK took %.3f s" % slowest)


def test_killed(bench):
    """Workers and the upkeep's own connection are killed meanwhile."""
    make_under_load(bench, 4)


def test_writers_wait_little(bench):
    """While a reader holds the tables, attempts to attach hold writers for 0.2 s at most, and one succeeds afterwards."""
    database = bench.database()
    rows = 20000
    fill(database, rows)
    reader, writer = database.session(bench.scope), database.session(bench.scope)
    upkeep = database.session(bench.scope, user="tg")
    reader.run("BEGIN; LOCK TABLE device_positions_default IN ACCESS SHARE MODE")
    slowest, stop = [0.0], threading.Event()

    def write():
        n = 0
        while not stop.is_set():
            began = time.monotonic()
            writer.run(POSITION + VALUES % (7, "date_trunc('day', now(), 'UTC') + %d * interval '1 ms'" % n, 5))
            slowest[0] = max(slowest[0], time.monotonic() - began)
            n += 1
        stop.rows = n
    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    for _ in range(20):
        upkeep.run("UPDATE telematics_locks SET blocked_until = NULL")
        upkeep.run("SELECT telematics_upkeep(0, 0)")
    proc.check(not made(database), "made although a reader holds the default partition")
    reader.run("COMMIT")

    def done():
        upkeep.run("UPDATE telematics_locks SET blocked_until = NULL")
        upkeep.run("SELECT telematics_upkeep(0, 0)")
        return made(database)
    proc.wait_until(done, 60, "the partition is made")
    stop.set()
    thread.join(60)
    check_history(database, rows + stop.rows, rows)
    proc.check(slowest[0] < 0.25 * proc.BUSY, "the slowest write took %.3f s" % slowest[0])


@suite.quick
def test_strangers_locks(bench):
    """Advisory locks, which any role may take, stop nothing; two sessions never do the upkeep at once."""
    database = bench.database()
    stranger = database.session(bench.scope)
    stranger.run("SELECT pg_advisory_lock(1952803941, n) FROM generate_series(0, 9) n; SELECT pg_advisory_lock(1952803941)")
    database.query("DROP TABLE device_positions_%s" % today())
    database.query("INSERT INTO rejected_devices SELECT n, 'unknown', now(), now(), 1 FROM generate_series(1, 10050) n")
    first = database.session(bench.scope, user="tg")
    proc.equal(first.run("BEGIN; SELECT telematics_upkeep(0, 0)"), ["t"], "a step")
    proc.equal(database.query("SELECT telematics_upkeep(0, 0)", user="tg"), "f", "a second session")
    first.run("ROLLBACK")
    gw = bench.gateway(database)
    proc.wait_until(lambda: made(database), 20, "the partition is made")
    bench.tracker(gw, imeis(1)[0]).handshake()
    proc.wait_until(lambda: database.number("SELECT count(*) FROM rejected_devices") == 10000, 20, "the ledger is trimmed")
    code, out, err = bench.tgctl("migrate", url=database.url)
    proc.equal(code, 0, "migrate: %s%s" % (out, err))
    database.cluster.query("CREATE ROLE nobody_%s LOGIN" % database.name, "postgres")
    for sql in ("SELECT FROM telematics_locks FOR UPDATE", "SELECT telematics_take_lock('upkeep')", "BEGIN; LOCK schema_migrations"):
        try:
            database.query(sql, user="nobody_" + database.name)
            raise proc.Failure("a stranger may: %s" % sql)
        except postgres.QueryError as error:
            proc.check("permission denied" in str(error), "%s: %s" % (sql, error))


def replace_history(bench, database, before_commit=""):
    """The operator makes the history one table, by the words of doc/scaling.md; rows of before and the view are there."""
    blocks = [b.text for b in pages.all_pages()["doc/scaling.md"].blocks if "device_positions_before" in b.text]
    proc.equal(len(blocks), 2, "blocks about it in doc/scaling.md")
    database.query(POSITION + VALUES % (9, "now()", 9) + "; UPDATE device_positions SET event_io_id = 239")
    owner = database.session(bench.scope, user="tg")
    owner.run("".join(blocks).replace("COMMIT", before_commit + "COMMIT"))
    proc.equal(database.rows("SELECT device_id, name FROM device_events"), [["9", "ignition"]], "events")
    proc.equal(database.number("SELECT count(*) FROM pg_index WHERE indrelid = 'device_positions'::regclass"
                               " AND pg_get_expr(indpred, indrelid) = '(event_io_id <> 0)'"), 1, "the index of events")
    database.query("DELETE FROM device_positions")


def use_history(bench, database, kind):
    """Records are stored, old ones go, status and migrate end well."""
    database.add_devices(imeis(1))
    now = int(time.time() * 1000)
    database.query(POSITION + (VALUES % (1, "now() - interval '90 days'", 1)).replace("now(), 1, 2", "now() - interval '90 days', 1, 2"))
    gw = bench.gateway(database, TELEM_RETENTION_DAYS=40)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    frame = wire.frame(8, [wire.Record(now, 54.5, 25.5, sats=7)])
    proc.equal((tracker.exchange(frame), tracker.exchange(frame)), (1, 1), "ACKs")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_positions") == 1, 30, "the old row is gone")
    code, out, err = bench.tgctl("status", "--json", url=database.url, env={"METRICS_PORT": gw.keys["METRICS_PORT"]})
    proc.equal(code, 0, "status: %s%s" % (out, err))
    proc.check('"history":"%s"' % kind in out.replace(" ", ""), "status: %s" % out)
    code, out, err = bench.tgctl("migrate", url=database.url)
    proc.equal((code, "warning" in err), (0, False), "migrate: %s%s" % (out, err))
    proc.equal(database.number("SELECT count(*) FROM pg_class WHERE relname ~ '^device_positions_[0-9]{8}$'"), 0, "partitions")
    proc.check(not gw.logged("not made"), "the log: %s" % gw.log_text()[-2000:])


@suite.quick
def test_plain_table(bench):
    """Where the history is one plain table, no partition is made or missed, and old rows go by arrival."""
    database = bench.database()
    replace_history(bench, database)
    use_history(bench, database, "table")


def test_hypertable(bench):
    """Where the operator has made it a hypertable, its chunks go by TimescaleDB's own function."""
    database = bench.database()
    if database.number("SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'") == 0:
        print("# not tested: the extension timescaledb is not installed here")
        return
    database.query("CREATE EXTENSION timescaledb")
    replace_history(bench, database, "SELECT create_hypertable('device_positions', 'recorded_at',"
                    " chunk_time_interval => interval '1 day');")
    use_history(bench, database, "hypertable")


suite.main(globals())
