#!/usr/bin/env python3
"""A worker that hangs is killed and replaced, and what waited on its socket is served."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, proc, suite, wire
from lib.fleet import imeis


def test_hung(bench):
    """SIGSTOP one of three under load: replaced after its heartbeats are missed; the audit."""
    database = bench.database()
    names = imeis(60)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_WORKERS=3)
    load = bench.fleet(gw, names[:12], ack_timeout=3, delay=0.02)
    load.wait_acked(proc.scaled(300, 50))
    victim = gw.workers()[0]
    os.kill(victim, signal.SIGSTOP)
    # About a third of these land on its socket.
    waiting = [bench.tracker(gw, i) for i in names[12:]]
    for tracker in waiting:
        tracker.send(wire.imei_packet(tracker.imei))
    proc.equal([t.read(1, 25) for t in waiting], [b"\x01"] * 48, "answers to all that waited")
    proc.wait_until(lambda: victim not in gw.workers() and len(gw.workers()) == 3, 30,
                    "the hung one is replaced")
    load.wait_all_progress()
    load.stop()
    audit.audit(database, load)
    proc.check(gw.logged(r"hang|hung|heartbeat|stuck"), "the log says that it hung")
    wrong = gw.metrics().identity()
    proc.check(not wrong, "identity: %s" % wrong)
    gw.stop()


def test_all_hang(bench):
    """Even all workers at once: the master replaces them, and pages are served meanwhile."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database)
    before = set(gw.workers())
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    tracker = bench.tracker(gw, imeis(1)[0])
    tracker.send(wire.imei_packet(tracker.imei))
    proc.equal(gw.http("/healthz")[0], 200, "/healthz while all hang")
    proc.equal(tracker.read(1, 30), b"\x01", "answer after the replacement")
    proc.wait_until(lambda: not before & set(gw.workers()), 30, "all are replaced")
    gw.stop()


suite.main(globals())
