#!/usr/bin/env python3
"""TRUNCATE devices RESTART IDENTITY and an import in another order: no record lands in another device's history."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

NOW = int(time.time() * 1000) - 10 ** 6


def frame(first, n):
    return wire.frame(wire.CODEC_8, [wire.Record(NOW + (first + i) * 1000, 54.5, 25.5, sats=7) for i in range(n)])


def anew(bench, records, warm):
    database = bench.database()
    names = imeis(2)
    database.add_devices(names)
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, names[0]).login()
    if warm:
        proc.equal(tracker.exchange(frame(900, 1)), 1, "ACK")
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_positions IN ACCESS EXCLUSIVE MODE")
    tracker.send(frame(0, records))
    proc.wait_until(lambda: gw.metrics().in_flight() == records, 5, "the records are in flight")
    proc.wait_until(lambda: database.number(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"), 20, "their batch is under way")
    tracker.send(frame(500, 1))   # and one that waits for the next batch
    database.query("BEGIN; TRUNCATE devices RESTART IDENTITY;"
                   " INSERT INTO devices (imei) VALUES ('%s'), ('%s'); COMMIT" % (names[1], names[0]))
    lock.run("COMMIT")
    proc.wait_until(tracker.is_closed, 5, "the connection is closed without an ACK")
    mine = "SELECT count(*) FROM device_positions WHERE device_id = %d AND recorded_at < '%s'" % (
        database.number("SELECT id FROM devices WHERE imei = '%s'" % names[1]),
        time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime((NOW + 800000) / 1000)))
    proc.equal(database.number(mine), 0, "rows in the other device's history")
    tracker = proc.wait_until(lambda: bench.tracker(gw, names[0]).login(), 5, "the tracker is served again")
    proc.equal(tracker.exchange(frame(0, records)), records, "ACK")
    proc.equal(tracker.exchange(frame(500, 1)), 1, "ACK")
    proc.equal(database.number(mine), 0, "rows in the other device's history")
    proc.equal(database.number("SELECT count(*) FROM device_positions p JOIN devices d ON d.id = p.device_id"
                               " WHERE d.imei = '%s' AND recorded_at < '%s'" % (names[0], time.strftime(
                                   "%Y-%m-%d %H:%M:%SZ", time.gmtime((NOW + 800000) / 1000)))), records + 1, "its rows")
    proc.check(not gw.metrics().identity(), "identity: %s" % gw.metrics().identity())
    proc.equal(gw.readyz()[0], 200, "/readyz")


def test_insert(bench):
    """The first frame of a connection, which goes by INSERT."""
    anew(bench, 2, warm=False)


def test_copy(bench):
    """Later ones go by COPY."""
    anew(bench, 100, warm=True)


def test_others_go_on(bench):
    """A table that is written anew with the same ids (VACUUM FULL) costs nobody more than a moment."""
    database = bench.database()
    names = imeis(2)
    database.add_devices(names)
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, names[0]).login()
    for i in range(3):
        database.query("VACUUM FULL devices")
        proc.equal(tracker.exchange(frame(i * 20, 10), seconds=5), 10, "ACK")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 30, "rows")


suite.main(globals())
