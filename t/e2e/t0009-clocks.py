#!/usr/bin/env python3
"""Trackers with a wrong clock: 1970, 2004, 2080, beyond any date. All are ACKed; no live row freezes."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

NOW = int(time.time() * 1000)
DAY = 86400 * 1000
CLOCKS = {"1970": 0, "2004": 1072915200000, "2009": 1262303999999, "in two days": NOW + 2 * DAY,
          "2080": 3471292800000, "year 290000": 9088996780800000}


def fixed(ts, lat=54.5, **more):
    return wire.Record(ts, lat, 25.5, sats=7, **more)


def live(database):
    row = database.query("SELECT (extract(epoch from recorded_at) * 1000)::bigint, latitude,"
                         " (extract(epoch from last_record_at) * 1000)::bigint FROM device_online")
    return row.split("\t")


@suite.quick
def test_clocks(bench):
    """Each is stored as sent and moves nothing; the next record with a right clock does."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    proc.equal(tracker.exchange(wire.frame(8, [fixed(NOW - 60000, 54.1)])), 1, "ACK")
    proc.wait_until(lambda: live(database)[0] == str(NOW - 60000), 4, "the live row follows")
    for what, ts in CLOCKS.items():
        proc.equal(tracker.exchange(wire.frame(8, [fixed(ts, 10.0)])), 1, "ACK of " + what)
    proc.equal(tracker.exchange(wire.frame(8, [fixed(ts, 11.0) for ts in CLOCKS.values()])), 6, "ACK")
    stored = database.rows("SELECT (extract(epoch from recorded_at) * 1000)::bigint, count(*)"
                           " FROM device_positions GROUP BY 1 ORDER BY 1")
    want = sorted(list(CLOCKS.values()) + [NOW - 60000])
    proc.equal([int(r[0]) for r in stored], want, "timestamps stored as sent")
    proc.equal(tracker.exchange(wire.frame(8, [fixed(NOW - 30000, 54.2)])), 1, "ACK")
    proc.wait_until(lambda: live(database)[0] == str(NOW - 30000), 4, "the live row follows")
    proc.equal(live(database), [str(NOW - 30000), "54.2", str(NOW - 30000)], "live row")
    proc.equal(database.number("SELECT count(*) FROM device_positions_default"), 10,
               "rows of other times lie in the default partition")


def test_impossible(bench):
    """A time that no column can hold: the frame is quarantined and ACKed, others go on."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    for i, ts in enumerate((9224318016000000, 1 << 62, (1 << 63) + 5, (1 << 64) - 1)):
        frame = wire.frame(wire.CODEC_8E, [fixed(ts)])
        proc.equal(tracker.exchange(frame), 1, "ACK of time %d" % ts)
        proc.equal(tracker.exchange(wire.frame(8, [fixed(NOW - i * 1000)])), 1, "ACK of a good one")
    proc.equal(database.query("SELECT reason, count(*) FROM device_ingest_raw GROUP BY 1"),
               "content\t4", "quarantine")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 4, "rows")
    proc.check(not gw.metrics().identity(), "identity: %s" % gw.metrics().identity())
    proc.equal(gw.readyz()[0], 200, "/readyz")


suite.main(globals())
