#!/usr/bin/env python3
"""A record sent twice is stored once, however it comes again, and is acknowledged each time."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

NOW = int(time.time() * 1000) - 10 ** 7


def some(n, io=((1, b"\x01"), (66, b"\x30\x39"), (240, b"\x00"))):
    return [wire.Record(NOW + i * 1000, 54.5 + i / 1000, 25.5, alt=i, angle=90, sats=7, speed=50,
                        event=1, io=io) for i in range(n)]


def setup(bench):
    database = bench.database()
    database.add_devices(imeis(2))
    return database, bench.gateway(database)


def rows(database):
    return database.number("SELECT count(*) FROM device_positions")


def test_again(bench):
    """Re-sent, on another connection, regrouped, reversed, in another codec, with elements in another order."""
    database, gw = setup(bench)
    imei = imeis(1)[0]
    records = some(20)
    tracker = bench.tracker(gw, imei).login()
    proc.equal(tracker.exchange(wire.frame(8, records)), 20, "ACK")
    proc.equal(tracker.exchange(wire.frame(8, records)), 20, "ACK of the same again")
    tracker.close()
    tracker = bench.tracker(gw, imei).login()
    proc.equal(tracker.exchange(wire.frame(8, records[3:17])), 14, "ACK of a part")
    proc.equal(tracker.exchange(wire.frame(8, records[::-1])), 20, "ACK, newest first")
    proc.equal(tracker.exchange(wire.frame(wire.CODEC_8E, records)), 20, "ACK in 8E")
    for record in records:
        record.generation = 7
    proc.equal(tracker.exchange(wire.frame(wire.CODEC_16, records)), 20, "ACK in 16")
    proc.equal(tracker.exchange(wire.frame(8, some(20, ((240, b"\x00"), (66, b"\x30\x39"), (1, b"\x01"))))),
               20, "ACK with the elements in another order")
    proc.equal(tracker.exchange(wire.frame(8, records[:4] + records[:4])), 8, "ACK of twice in a frame")
    proc.equal(rows(database), 20, "rows")
    proc.equal(database.query("SELECT DISTINCT codec, generation_type IS NULL FROM device_positions"),
               "8\tt", "the first copy stands")
    metrics = gw.metrics()
    proc.equal((metrics.outcome("stored"), metrics.outcome("duplicate")), (20, 122), "outcomes")
    # Another device with the same records has its own.
    proc.equal(bench.tracker(gw, imeis(2)[1]).login().exchange(wire.frame(8, records)), 20, "ACK")
    proc.equal(rows(database), 40, "rows of two devices")


def test_one_frame(bench):
    """Copies within one frame and one batch, of which the database has none yet."""
    database, gw = setup(bench)
    records = some(5)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    proc.equal(tracker.exchange(wire.frame(8, records * 3)), 15, "ACK")
    later = some(30)[10:20]
    tracker.send(b"".join(wire.frame(c, later) for c in (8, 142, 16)))
    proc.equal([tracker.ack() for _ in range(3)], [10] * 3, "ACKs")
    proc.equal(rows(database), 15, "rows")


def test_not_the_same(bench):
    """Records of the same instant that differ in anything are both stored."""
    database, gw = setup(bench)
    base = dict(ts=NOW, lat=54.5, lon=25.5, alt=1, angle=90, sats=7, speed=50, event=1,
                io=[(1, b"\x01"), (66, b"\x30\x39")])
    changes = [{}, {"lat": 54.6}, {"lon": 25.6}, {"alt": 2}, {"angle": 91}, {"sats": 8}, {"speed": 51},
               {"event": 2}, {"priority": 1}, {"io": [(1, b"\x02"), (66, b"\x30\x39")]},
               {"io": [(2, b"\x01"), (66, b"\x30\x39")]}, {"io": [(1, b"\x01")]},
               {"io": [(1, b"\x00\x01"), (66, b"\x30\x39")]}, {"io": []}, {"ts": NOW + 1}]
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    frame = wire.frame(wire.CODEC_8, [wire.Record(**dict(base, **c)) for c in changes])
    proc.equal(tracker.exchange(frame), len(changes), "ACK")
    proc.equal(rows(database), len(changes), "rows")


def test_return_of_a_fleet(bench):
    """Many devices repeat a backlog of which half is stored already, over all workers at once."""
    database = bench.database()
    n = proc.scaled(40, 8)
    database.add_devices(imeis(n))
    gw = bench.gateway(database)
    records = some(200)
    for imei in imeis(n):
        tracker = bench.tracker(gw, imei).login()
        tracker.exchange(wire.frame(8, records[:100]))
        tracker.close()
    proc.equal(rows(database), 100 * n, "rows of the first half")
    trackers = [bench.tracker(gw, imei).login() for imei in imeis(n)]
    for tracker in trackers:
        for i in range(0, 200, 20):
            tracker.send(wire.frame(8, records[i:i + 20]))
    for tracker in trackers:
        proc.equal([tracker.ack(60) for _ in range(10)], [20] * 10, "ACKs")
    proc.equal(rows(database), 200 * n, "rows")
    metrics = gw.metrics()
    proc.equal((metrics.outcome("stored"), metrics.outcome("duplicate")), (200 * n, 100 * n), "outcomes")


suite.main(globals())
