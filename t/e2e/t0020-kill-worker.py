#!/usr/bin/env python3
"""Workers killed with kill -9 under load: nothing acknowledged is lost, nothing is stored twice."""
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, proc, suite, wire
from lib.fleet import imeis


def test_kill(bench):
    """Six kills in the middle of batches; the audit; live rows and offline marks of the dead are made good."""
    database = bench.database()
    names = imeis(24)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_WORKERS=3)
    watch = bench.watch(gw)
    load = bench.fleet(gw, names)
    rnd = random.Random(20)
    for _ in range(6):
        load.wait_acked(proc.scaled(1500, 300))
        victim = rnd.choice(gw.workers())
        os.kill(victim, signal.SIGKILL)
        proc.wait_until(lambda: victim not in gw.workers() and len(gw.workers()) >= 3, 10,
                        "a replacement is there")
    load.wait_all_progress()
    load.stop()
    watch.finish()
    acked, stored = audit.audit(database, load)
    print("# %d acknowledged, %d stored" % (acked, stored))
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_online WHERE online") == 0, 10,
                    "every device is offline")
    behind = ("SELECT count(*) FROM (SELECT device_id, max(recorded_at) AS newest,"
              " max(recorded_at) FILTER (WHERE valid) AS fix FROM device_positions GROUP BY 1) p"
              " JOIN device_online o USING (device_id) WHERE o.last_record_at IS DISTINCT FROM p.newest"
              " OR o.recorded_at IS DISTINCT FROM p.fix")
    proc.wait_until(lambda: database.number(behind) == 0, 10, "live rows hold the newest of each device")
    restarts = [v for k, v in gw.metrics().samples.items() if "worker_restarts" in k]
    proc.check(sum(restarts) >= 6, "restarts counted: %s" % restarts)
    proc.check(gw.logged(r"killed|signal 9|SIGKILL|died"), "the log speaks of the deaths")
    gw.stop()


def test_mid_transaction(bench):
    """A worker killed while its transaction waits: no ACK was given; the record comes again and stands once."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database, TELEM_WORKERS=1)
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_positions IN ACCESS EXCLUSIVE MODE")
    frame = wire.frame(8, [wire.Record(int(time.time() * 1000), 54.5, 25.5, sats=7)])
    tracker = bench.tracker(gw, imei).login()
    tracker.send(frame)
    proc.wait_until(lambda: database.number(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"), 20, "the batch waits for our lock")
    os.kill(gw.workers()[0], signal.SIGKILL)
    proc.wait_until(tracker.is_closed, 5, "the connection is gone without an ACK")
    began = time.monotonic()
    tracker = bench.tracker(gw, imei).login()   # queued meanwhile on the master's socket
    print("# accepted again %.0f ms after" % ((time.monotonic() - began) * 1000))
    tracker.send(frame)
    lock.run("COMMIT")
    proc.equal(tracker.ack(30), 1, "ACK by the replacement")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 1, "rows")
    proc.equal(gw.metrics().outcome("refused"), 1, "what was in flight in the dead one is refused")
    proc.check(not gw.metrics().identity(), "identity: %s" % gw.metrics().identity())


@suite.quick
def test_queued(bench):
    """Connections made while the only worker is dead or stopped wait for the next one; none is reset."""
    database = bench.database()
    names = imeis(30)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_WORKERS=1)
    for _ in range(3):
        os.kill(gw.workers()[0], signal.SIGSTOP)
        trackers = [bench.tracker(gw, i) for i in names]
        for tracker in trackers:
            tracker.send(wire.imei_packet(tracker.imei))
        os.kill(gw.workers()[0], signal.SIGKILL)
        proc.equal([t.read(1, 10) for t in trackers], [b"\x01"] * 30, "answers to all that waited")
        for tracker in trackers:
            tracker.close()


def test_sessions_of_the_dead(bench):
    """Devices of a killed worker that don't come back are marked offline by its replacement."""
    database = bench.database()
    names = imeis(10)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_WORKERS=2)
    trackers = [bench.tracker(gw, i).login() for i in names]
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_online WHERE online") == 10, 5,
                    "all are online")
    for pid in gw.workers():
        os.kill(pid, signal.SIGKILL)
    proc.wait_until(lambda: all(t.is_closed() for t in trackers), 5, "all connections are gone")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_online WHERE online") == 0, 10,
                    "all are offline")


suite.main(globals())
