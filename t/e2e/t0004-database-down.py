#!/usr/bin/env python3
"""While PostgreSQL is away a known tracker is served, and an unknown one is never refused for it."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis
from lib.tracker import Closed

NOW = int(time.time() * 1000)


def test_down(bench):
    """Known: 01, and its ACK when the database is back. Unknown: closed without an answer."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    known, unknown = imeis(2)
    database.add_devices([known])
    gw = bench.gateway(database)
    cluster.stop()
    proc.wait_until(lambda: gw.readyz()[0] == 503, 10, "/readyz says 503")
    proc.check(len(gw.readyz()[1].strip()) > 5, "/readyz gives a reason: %r" % gw.readyz()[1])
    proc.equal(gw.http("/healthz")[0], 200, "/healthz")
    proc.equal(gw.metrics()["telematics_database_up"], 0, "database up")
    tracker = bench.tracker(gw, known).login()
    tracker.send(wire.frame(wire.CODEC_8, [wire.Record(NOW, 54.5, 25.5, sats=7)]))
    for _ in range(3):
        other = bench.tracker(gw, unknown)
        other.send(wire.imei_packet(unknown))
        other.expect_closed(10, "an unknown IMEI")
    proc.check(gw.metrics()["telematics_imei_unanswered_total"] >= 3, "unanswered handshakes counted")
    # A worker that is killed meanwhile: its replacement still knows the device.
    for pid in gw.workers():
        os.kill(pid, 9)
    proc.wait_until(tracker.is_closed, 5, "the connection is gone with its worker")
    proc.wait_until(gw.all_accept, 10, "replacements accept without a database")
    tracker = bench.tracker(gw, known).login()
    tracker.send(wire.frame(wire.CODEC_8, [wire.Record(NOW, 54.5, 25.5, sats=7)]))
    proc.check(tracker.silent(), "an ACK came without a database")
    cluster.start()
    proc.equal(tracker.ack(20), 1, "ACK when the database is back")
    gw.wait_ready(10)

    def refused():
        # /readyz speaks of the batches; the other connection may take a moment longer.
        try:
            return bench.tracker(gw, unknown).handshake() == b"\x00"
        except Closed:
            return False
    proc.wait_until(refused, 5, "the unknown one is refused now")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 1, "rows")
    proc.equal(database.number("SELECT count(*) FROM rejected_devices WHERE imei = '%s'" % known), 0,
               "refusals of the known one")


def test_start_without(bench):
    """Started while PostgreSQL is down it accepts, answers nobody, and is ready when it comes."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    imei = imeis(1)[0]
    database.add_devices([imei])
    cluster.stop()
    gw = bench.gateway(database, start=False).start(ready=False)
    proc.equal(gw.readyz()[0], 503, "/readyz")
    tracker = bench.tracker(gw, imei)
    tracker.send(wire.imei_packet(imei))
    tracker.expect_closed(10, "an IMEI that nobody knows yet")
    cluster.start()
    gw.wait_ready(15)

    def accepted():
        return bench.tracker(gw, imei).handshake() == b"\x01"
    proc.wait_until(accepted, 5, "the device is accepted")


suite.main(globals())
