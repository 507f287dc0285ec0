#!/usr/bin/env python3
"""A registry that was full has room again when devices were deleted, without a restart."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis


def frame():
    return wire.frame(wire.CODEC_8E, [wire.Record(int(time.time() * 1000), 54.5, 25.5, sats=9)])


def served(bench, gw, imei):
    def once():
        return bench.tracker(gw, imei).login().exchange(frame()) == 1
    proc.wait_until(once, 15, "%s is served" % imei, every=0.3)


def test_full(bench):
    """1,000 devices, 500 deleted, 10 added; then 100 more deleted behind the back of all triggers."""
    database = bench.database()
    names = imeis(1000)
    more = imeis(120, first=350000001000000)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_MAX_DEVICES=1000)
    load = bench.fleet(gw, names[990:], delay=0.05)
    load.wait_all_progress()
    # One that is online when it goes: its session ends, and its place may be another's then.
    online = bench.tracker(gw, names[0]).login()
    proc.equal(online.exchange(frame()), 1, "ACK")
    database.query("DELETE FROM devices WHERE imei < '%s'" % names[500])
    online.expect_closed(5, "its device was deleted")
    database.add_devices(more[:10])
    for imei in more[:10]:
        served(bench, gw, imei)
    database.add_devices(more[10:])
    database.add_devices(imeis(380, first=350000002000000))
    for imei in more[10:15]:
        served(bench, gw, imei)
    # Full of devices that the database has no more.
    database.query("SET session_replication_role = replica; DELETE FROM devices WHERE imei LIKE '350000002%%'")
    late = imeis(10, first=350000003000000)
    database.add_devices(late)
    for imei in late:
        served(bench, gw, imei)
    rows = database.rows("SELECT d.imei, count(*) FROM devices d JOIN device_positions p ON p.device_id = d.id"
                         " WHERE d.imei >= '350000001000000' GROUP BY 1 ORDER BY 1")
    proc.equal([r[0] for r in rows], more[:15] + late, "devices with positions of their own")
    load.wait_all_progress()
    load.stop()
    proc.check(database.number("SELECT count(*) FROM devices d JOIN device_positions p ON p.device_id = d.id"
                               " WHERE d.imei < '350000001000000'") >= load.acked(), "what was acknowledged is stored")
    gw.stop()


suite.main(globals())
