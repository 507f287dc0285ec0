#!/usr/bin/env python3
"""Errors of the database's environment (no permission, read-only, cancelled): no ACK, no quarantine, retry."""
import collections
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, proc, suite, wire
from lib.fleet import imeis


def trouble(bench, begin, end, why, where=None):
    """`begin` makes it, `end` (in the database `where`) ends it, `why` is what PostgreSQL says."""
    database = bench.database()
    names = imeis(8)
    database.add_devices(names)
    gw = bench.gateway(database)
    load = bench.fleet(gw, names, ack_timeout=1)
    load.wait_acked(proc.scaled(300, 50))
    began = time.monotonic()
    database.query(begin % {"db": database.name})
    proc.wait_until(lambda: gw.readyz()[0] == 503, 10, "/readyz says 503")
    proc.wait_until(lambda: why in gw.readyz()[1], 10, "/readyz gives the reason: " + why)
    proc.equal(gw.metrics()["telematics_database_up"], 0, "database up")
    acked, connects = load.acked(), load.connects()
    failures = gw.metrics()["telematics_batch_failures_total"]
    proc.wait_until(lambda: load.connects() >= connects + 2 * len(names), 30, "trackers come back twice")
    proc.check(load.acked() <= acked + 25 * len(names), "ACKs in spite of it")
    proc.wait_until(lambda: gw.metrics()["telematics_batch_failures_total"] > failures, 10, "it is tried again")
    # Each worker says it of its batches, and of each other task, once; again a minute later at the earliest.
    said = collections.Counter(line.split(" ", 1)[1].split("refuses")[0]
                               for line in gw.log_text().splitlines() if why in line)
    proc.check(said and max(said.values()) <= 1 + (time.monotonic() - began) // 60, "lines in the log: %s" % said)
    database.cluster.query(end % {"db": database.name}, where or database.name)
    gw.wait_ready(10)
    load.wait_all_progress()
    load.stop()
    audit.audit(database, load)
    gw.stop()


def test_permission(bench):
    """INSERT revoked (a full disk looks the same to the gateway): logged once, and back by itself."""
    trouble(bench, "REVOKE INSERT ON device_positions FROM tg", "GRANT INSERT ON device_positions TO tg",
            "permission denied")


def test_read_only(bench):
    """A database that turns read-only, as a standby does after a failover."""
    trouble(bench, "ALTER DATABASE %(db)s SET default_transaction_read_only = on; SELECT"
            " pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tg'",
            "ALTER DATABASE %(db)s SET default_transaction_read_only = off; SELECT"
            " pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tg'", "read-only", "postgres")


def test_cancelled(bench):
    """A batch that is cancelled while it waits is tried again and acknowledged."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database)
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_positions IN ACCESS EXCLUSIVE MODE")
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    tracker.send(wire.frame(8, [wire.Record(int(time.time() * 1000), 54.5, 25.5, sats=7)]))
    waiting = ("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE datname ="
               " current_database() AND wait_event_type = 'Lock'")
    for _ in range(3):
        proc.wait_until(lambda: database.number(waiting) > 0, 20, "the batch waits, and is cancelled")
    proc.check(tracker.silent(), "no ACK yet")
    lock.run("COMMIT")
    proc.equal(tracker.ack(), 1, "ACK")
    proc.equal(database.query("SELECT (SELECT count(*) FROM device_positions),"
                              " (SELECT count(*) FROM device_ingest_raw)"), "1\t0", "rows")


suite.main(globals())
