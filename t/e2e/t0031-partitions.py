#!/usr/bin/env python3
"""Partitions: made ahead by the migration and by the running gateway, filled from the default one, dropped by age."""
import datetime
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

DAY = 86400 * 1000


def day(offset):
    """Name of the partition of today + offset, by UTC."""
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=offset)
    return "device_positions_" + now.strftime("%Y%m%d")


def partitions(database):
    return {r[0] for r in database.rows(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'device_positions'::regclass")}


def record(ts, i=0):
    return wire.Record(ts + i, 54.5, 25.5, sats=7)


@suite.quick
def test_made(bench):
    """`tgctl migrate` makes 35 days back, 7 ahead and the default one, by UTC days whatever the server's zone."""
    database = bench.database()
    want = {day(i) for i in range(-35, 8)} | {"device_positions_default"}
    missing = want - partitions(database)
    # At midnight the newest may be a day off.
    proc.check(len(missing) <= 1, "missing: %s" % sorted(missing))
    proc.equal(database.query(
        "SELECT pg_get_expr(relpartbound, oid) ~ 'FROM .*' AND (SELECT count(*) FROM pg_class c WHERE"
        " c.relname ~ '^device_positions_2' AND c.relkind = 'r') >= 43 FROM pg_class"
        " WHERE relname = '%s'" % day(0)), "t", "partitions are ranges")
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    bound = database.query("SET timezone = 'UTC'; SELECT pg_get_expr(relpartbound, oid) FROM pg_class"
                           " WHERE relname = '%s'" % day(0))
    proc.check("'%s 00:00:00+00'" % stamp in bound, "bound of today: %s" % bound)


def test_moved(bench):
    """Days that are missing are made while trackers send; rows that lay in the default one move over."""
    database = bench.database()
    database.add_devices(imeis(1))
    lost = [day(i) for i in (-3, 0, 5)]
    database.query(";".join("DROP TABLE " + name for name in lost))
    now = int(time.time() * 1000)
    stamps = [now - 3 * DAY, now, now + 5 * DAY]
    database.query(";".join(
        "INSERT INTO device_positions (device_id, recorded_at, record_hash, received_at, latitude,"
        " longitude, heading, speed, event_io_id, altitude, satellites, priority, codec, valid, io)"
        " SELECT 1, to_timestamp(%d / 1000.0) + n * interval '1 ms', n, now(), 1, 2, 0, 0, 0, 0, 5, 0, 8,"
        " true, '{}' FROM generate_series(1, 300) n" % ts for ts in stamps))
    proc.equal(database.number("SELECT count(*) FROM device_positions_default"), 900, "rows in the default")
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    n = 0

    def done():
        nonlocal n
        proc.equal(tracker.exchange(wire.frame(8, [record(now, -n), record(now - 3 * DAY, -n)])), 2, "ACK")
        n += 1
        return set(lost) <= partitions(database)
    proc.wait_until(done, 30, "the missing partitions are made")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 900 + 2 * n, "rows")
    proc.equal(database.number("SELECT count(*) FROM device_positions_default"), 0, "rows in the default")
    proc.equal(database.number("SELECT count(*) FROM device_ingest_raw"), 0, "frames in quarantine")


def test_retention(bench):
    """Old days are dropped whole, old rows of the default one by arrival, raw rows only when done with."""
    database = bench.database()
    old, kept = day(-100), day(-39)
    for name, age in ((old, 100), (kept, 39)):
        database.query("SET timezone = 'UTC'; CREATE TABLE %s PARTITION OF device_positions FOR VALUES FROM"
                       " (current_date - %d) TO (current_date - %d); ALTER TABLE %s OWNER TO tg"
                       % (name, age, age - 1, name))
    row = ("INSERT INTO device_positions (device_id, recorded_at, record_hash, received_at, latitude,"
           " longitude, heading, speed, event_io_id, altitude, satellites, priority, codec, valid, io)"
           " VALUES (%d, %s, 1, now() - interval '%d days', 1, 2, 0, 0, 0, 0, 5, 0, 8, true, '{}')")
    database.query(";".join((row % (1, "now() - interval '100 days'", 100),
                             row % (2, "'2004-01-01'", 50), row % (3, "'2004-01-01'", 5))))
    raw = ("INSERT INTO device_ingest_raw (imei, reason, frame, frame_hash, received_at, last_seen_at,"
           " decoded_at) VALUES ('%s', '%s', '', %d, now() - interval '%d days', now() - interval"
           " '%d days', %s)")
    database.query(";".join((raw % ("old, decoded", "crc", 1, 60, 60, "now() - interval '50 days'"),
                             raw % ("old, not decoded", "crc", 2, 60, 60, "NULL"),
                             raw % ("old debug copy", "raw", 3, 60, 60, "NULL"),
                             raw % ("young, decoded", "crc", 4, 5, 5, "now()"))))
    bench.gateway(database, TELEM_RETENTION_DAYS=40, TELEM_RAW_RETENTION_DAYS=30)
    proc.wait_until(lambda: old not in partitions(database), 20, "the old day is dropped")
    proc.wait_until(lambda: database.query("SELECT string_agg(device_id::text, ',') FROM device_positions")
                    == "3", 20, "the old rows of the default partition are gone")
    proc.wait_until(lambda: database.query("SELECT string_agg(imei, ', ' ORDER BY imei) FROM"
                                           " device_ingest_raw") == "old, not decoded, young, decoded", 20,
                    "raw rows that are done with are gone")
    proc.check(kept in partitions(database), "a day within the retention is kept")


def test_kept(bench):
    """Without a retention nothing old is dropped."""
    database = bench.database()
    old = day(-400)
    database.query("SET timezone = 'UTC'; CREATE TABLE %s PARTITION OF device_positions FOR VALUES FROM"
                   " (current_date - 400) TO (current_date - 399)" % old)
    missing = day(3)
    database.query("DROP TABLE " + missing)
    bench.gateway(database)
    proc.wait_until(lambda: missing in partitions(database), 20, "the upkeep has been at work")
    proc.check(old in partitions(database), "the old day is there")


suite.main(globals())
