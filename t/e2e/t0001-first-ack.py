#!/usr/bin/env python3
"""A tracker's first frame: stored as documented, committed, and only then acknowledged."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite, wire
from lib.fleet import imeis

VECTORS = os.path.join(gateway.SOURCE, "t", "vectors", "documented.json")
CODECS = {"8": 8, "8E": 142, "16": 16}


def stored(database, imei):
    return [wire.parse_row(line) for line in database.query(wire.ROW_SQL % imei).split("\n") if line]


def documented_row(record, codec):
    """The row that a vector's decoded record must become."""
    io = {str(i): int(v, 16) if n in (1, 2, 4) and not (codec == 142 and i in VARIABLE) else v
          for i, n, v in record["io"]}
    valid = record["sats"] > 0 and (record["lon"] != 0 or record["lat"] != 0)
    return (record["ts"], record["lat"], record["lon"], record["alt"], record["angle"], record["sats"],
            record["speed"], valid, record["priority"], record["event_id"],
            record["generation"] if codec == 16 else None, codec, json.dumps(io, sort_keys=True))


VARIABLE = {256, 325, 385}   # variable-length elements in the documented frames


@suite.quick
def test_documented(bench):
    """Every documented AVL frame is acknowledged in full and stored column by column as documented."""
    with open(VECTORS) as f:
        vectors = [v for v in json.load(f) if v["transport"] == "tcp" and v["codec"] in CODECS]
    proc.check(len(vectors) >= 9, "documented frames found: %d" % len(vectors))
    database = bench.database()
    names = imeis(len(vectors))
    database.add_devices(names)
    gw = bench.gateway(database)
    for imei, vector in zip(names, vectors):
        decoded = vector["decoded"]
        tracker = bench.tracker(gw, imei).login()
        count = tracker.exchange(bytes.fromhex(vector["hex"]))
        proc.equal(count, len(decoded["records"]), "ACK of " + vector["name"])
        want = [documented_row(r, CODECS[vector["codec"]]) for r in decoded["records"]]
        key = lambda row: (row[0], row[12])
        proc.equal(sorted(stored(database, imei), key=key), sorted(want, key=key), vector["name"])
    gw.stop()


def test_widest(bench):
    """The largest and smallest values the wire can carry are stored as they are, in each codec."""
    database = bench.database()
    database.add_devices(imeis(3))
    gw = bench.gateway(database)
    now = int(time.time() * 1000)
    for imei, codec in zip(imeis(3), wire.AVL_CODECS):
        top = 255 if codec == wire.CODEC_8 else 65535
        io = [(1, b"\xff"), (2, b"\xff\xff"), (3, b"\xff" * 4), (top, b"\xff" * 8)]
        if codec == wire.CODEC_8E:
            io += [(500, b""), (501, b"abc"), (502, bytes(range(256)) * 3)]
        records = [
            wire.Record(now, lat=900000000, lon=1800000000, alt=32767, angle=65535, sats=255,
                        speed=65535, priority=255, event=top, generation=255, io=io),
            wire.Record(now + 1, lat=-900000000, lon=-1800000000, alt=-32768, sats=1),
            wire.Record(now + 2, lat=900000001, lon=0, sats=9),
            wire.Record(now + 3, lat=-2147483648, lon=2147483647, sats=9),
            wire.Record(now + 4, lat=0, lon=1, sats=9),
            wire.Record(now + 5, lat=0, lon=0, sats=9),
            wire.Record(now + 6, lat=1, lon=1, sats=0)]
        tracker = bench.tracker(gw, imei).login()
        proc.equal(tracker.exchange(wire.frame(codec, records)), 7, "ACK")
        proc.equal(stored(database, imei), [r.columns(codec) for r in records], "codec %d" % codec)
    proc.equal(database.query("SELECT count(*), count(record_hash), min(received_at) <= now(),"
                              " max(received_at) - min(received_at) < '1 min',"
                              " min(received_at) > now() - interval '5 min' FROM device_positions"),
               "21\t21\tt\tt\tt", "received_at is the gateway's clock")


def test_full_frame(bench):
    """255 records in a frame are one ACK; a frame of no records is answered with 0."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database)
    now = int(time.time() * 1000)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    records = [wire.Record(now - i * 1000, 54.5, 25.5, sats=9) for i in range(255)]
    proc.equal(tracker.exchange(wire.frame(wire.CODEC_8, records)), 255, "ACK")
    proc.equal(tracker.exchange(wire.frame(wire.CODEC_8, [])), 0, "ACK of an empty frame")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 255, "rows")


@suite.quick
def test_ack_after_commit(bench):
    """No ACK while the transaction can't end; it comes as soon as it can."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database)
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_positions IN ACCESS EXCLUSIVE MODE")
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    now = int(time.time() * 1000)
    tracker.send(wire.frame(wire.CODEC_8E, [wire.Record(now, 54.5, 25.5, sats=9)]))
    proc.wait_until(lambda: database.number(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"), 20, "the batch waits for our lock")
    proc.equal(gw.metrics().in_flight(), 1, "records in flight")
    proc.check(tracker.silent(), "an ACK came before COMMIT")
    lock.run("COMMIT")
    proc.equal(tracker.ack(), 1, "ACK after the lock is gone")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 1, "rows")
    proc.equal(gw.metrics().in_flight(), 0, "records in flight")


suite.main(globals())
