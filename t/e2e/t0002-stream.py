#!/usr/bin/env python3
"""TCP has no message boundaries: segments cut anywhere, glued, and many frames in flight."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

NOW = int(time.time() * 1000)


def setup(bench, devices=1):
    database = bench.database()
    database.add_devices(imeis(devices))
    return database, bench.gateway(database)


def some(start, n):
    return [wire.Record(NOW - 10 ** 7 + (start + i) * 1000, 54.5, 25.5, sats=7,
                        io=[(1, b"\x01"), (66, b"\x30\x39")]) for i in range(n)]


def rows(database):
    return database.number("SELECT count(*) FROM device_positions")


def test_split_frame(bench):
    """A frame cut at every byte is one frame, in each codec."""
    database, gw = setup(bench)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    made = 0
    for codec in wire.AVL_CODECS:
        length = len(wire.frame(codec, some(0, 1)))
        for at in range(1, length):
            frame = wire.frame(codec, some(made, 1))
            tracker.send_split(frame, at)
            proc.equal(tracker.ack(), 1, "ACK of codec %d cut at %d" % (codec, at))
            made += 1
    proc.equal(rows(database), made, "rows")


def test_split_handshake(bench):
    """An IMEI packet cut at every byte is one IMEI; so are bytes that come one by one."""
    database, gw = setup(bench)
    imei = imeis(1)[0]
    packet = wire.imei_packet(imei)
    for at in range(1, len(packet)):
        tracker = bench.tracker(gw, imei)
        tracker.send_split(packet, at)
        proc.equal(tracker.read(1), b"\x01", "answer to an IMEI cut at %d" % at)
        tracker.close()
    tracker = bench.tracker(gw, imei)
    for byte in packet + wire.PING + wire.frame(wire.CODEC_16, some(0, 2)) + wire.PING:
        tracker.send(bytes([byte]))
        tracker.taken()
    proc.equal(tracker.read(1), b"\x01", "answer")
    proc.equal(tracker.ack(), 2, "ACK")
    proc.equal(rows(database), 2, "rows")


@suite.quick
def test_glued(bench):
    """IMEI packet and four frames in one segment, nothing waited for, are answered in order."""
    database, gw = setup(bench)
    tracker = bench.tracker(gw, imeis(1)[0])
    frames = [wire.frame(c, some(10 * i, i + 1)) for i, c in enumerate((8, 142, 16, 8))]
    tracker.send(wire.imei_packet(tracker.imei) + b"".join(frames))
    proc.equal(tracker.read(1), b"\x01", "answer")
    proc.equal([tracker.ack() for _ in frames], [1, 2, 3, 4], "ACKs")
    proc.equal(rows(database), 10, "rows")


def test_in_flight(bench):
    """Two hundred frames sent without waiting are each answered, in order."""
    database, gw = setup(bench)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    counts = [1 + (i * 7) % 9 for i in range(200)]
    start = 0
    for i, n in enumerate(counts):
        tracker.send(wire.frame(wire.AVL_CODECS[i % 3], some(start, n)))
        start += n
    proc.equal([tracker.ack() for _ in counts], counts, "ACKs")
    proc.equal(rows(database), sum(counts), "rows")


def test_identical(bench):
    """A frame identical to one still waiting shares its answer; one that was answered gets its own."""
    database, gw = setup(bench)
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_positions IN ACCESS EXCLUSIVE MODE")
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    a, b, c = (wire.frame(wire.CODEC_8, some(s, n)) for s, n in ((0, 2), (10, 3), (20, 4)))
    tracker.send(a + a + b + a + c + b)
    tracker.taken()
    proc.wait_until(lambda: database.number(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"), 20, "the batch waits for our lock")
    lock.run("COMMIT")
    proc.equal([tracker.ack() for _ in range(3)], [2, 3, 4], "ACKs")
    # Were there an answer too many, it would come before this one.
    proc.equal(tracker.exchange(wire.frame(wire.CODEC_8, some(30, 5))), 5, "the next ACK")
    proc.equal(tracker.exchange(a), 2, "ACK of the frame sent again after its answer")
    proc.equal(rows(database), 14, "rows")
    proc.check(not gw.metrics().identity(), "identity: %s" % gw.metrics().identity())


def test_pings(bench):
    """Ping bytes before the IMEI, between frames and alone are consumed and not answered."""
    database, gw = setup(bench)
    tracker = bench.tracker(gw, imeis(1)[0])
    tracker.send(wire.PING * 30)
    tracker.login()
    tracker.send(wire.PING * 3)
    proc.equal(tracker.exchange(wire.PING + wire.frame(wire.CODEC_8, some(0, 1)) + wire.PING), 1, "ACK")
    tracker.send(wire.PING)
    proc.wait_until(lambda: gw.metrics().get("telematics_pings_total") == 36, 5, "36 pings counted")
    proc.check(tracker.silent(), "a ping was answered")


def test_second_imei(bench):
    """The same IMEI again is answered again; another one on the same connection closes it."""
    database, gw = setup(bench, 2)
    tracker = bench.tracker(gw, imeis(2)[0]).login()
    tracker.login()
    proc.equal(tracker.exchange(wire.frame(wire.CODEC_8, some(0, 1))), 1, "ACK")
    tracker.send(wire.imei_packet(imeis(2)[1]))
    tracker.expect_closed(5, "another IMEI")
    proc.equal(database.query("SELECT DISTINCT d.imei FROM device_positions p JOIN devices d"
                              " ON d.id = p.device_id"), imeis(2)[0], "owner of the records")


suite.main(globals())
