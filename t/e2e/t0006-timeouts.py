#!/usr/bin/env python3
"""Connections that stay unfinished or silent end: handshake, frame and idle time-outs."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

RECORD = wire.Record(int(time.time() * 1000), 54.5, 25.5, sats=7)


def setup(bench, **keys):
    database = bench.database()
    database.add_devices(imeis(3))
    return bench.gateway(database, **keys)


def counted(gw, what):
    return gw.metrics()['telematics_timeouts_total{what="%s"}' % what]


def test_handshake(bench):
    """A connection that never tells its IMEI, or only half of it, is closed; pings don't prolong it."""
    gw = setup(bench, TELEM_HANDSHAKE_TIMEOUT_S=1)
    good = bench.tracker(gw, imeis(1)[0]).login()
    mute, half, pinging = (bench.tracker(gw, "?") for _ in range(3))
    half.send(wire.imei_packet(imeis(2)[1])[:9])
    began = time.monotonic()
    while time.monotonic() < began + 10 * proc.BUSY and not pinging.is_closed():
        try:
            pinging.send(wire.PING)
        except OSError:
            break
        time.sleep(0.1)   # the pace of the pings, not a wait
    for who, what in ((mute, "a mute one"), (half, "half an IMEI"), (pinging, "pings alone")):
        proc.wait_until(who.is_closed, 5, what + " is closed")
    proc.equal(counted(gw, "handshake"), 3, "time-outs counted")
    proc.equal(good.exchange(wire.frame(8, [RECORD])), 1, "the identified one is not touched")


def test_frame(bench):
    """A frame that stays incomplete closes; slow bytes within it don't prolong it."""
    gw = setup(bench, TELEM_FRAME_TIMEOUT_S=1)
    half, slow, idle = (bench.tracker(gw, i).login() for i in imeis(3))
    frame = wire.frame(wire.CODEC_8E, [RECORD] * 20)
    half.send(frame[:40])
    began = time.monotonic()
    sent = 0
    while time.monotonic() < began + 10 * proc.BUSY and not slow.is_closed():
        try:
            slow.send(frame[sent:sent + 1])
        except OSError:
            break
        sent += 1
        time.sleep(0.05)   # the pace of the slow bytes, not a wait
    proc.check(sent < len(frame), "the slow frame was allowed to end")
    proc.wait_until(half.is_closed, 5, "half a frame is closed")
    proc.wait_until(slow.is_closed, 5, "slow bytes are closed")
    proc.equal(counted(gw, "frame"), 2, "time-outs counted")
    proc.equal(idle.exchange(wire.frame(8, [RECORD])), 1, "one between frames is not touched")


def test_idle(bench):
    """A silent connection is closed after the idle time; pings keep it alive."""
    gw = setup(bench, TELEM_IDLE_TIMEOUT_S=4)
    silent, pinging = (bench.tracker(gw, i).login() for i in imeis(2))
    pings = 0
    while not silent.is_closed() and pings < 200:
        pinging.send(wire.PING)
        pings += 1
        time.sleep(0.2)   # the pace of the pings, not a wait
    proc.check(silent.is_closed(), "the silent one is closed")
    proc.check(not pinging.is_closed(), "the pinging one stays")
    proc.equal(counted(gw, "idle"), 1, "time-outs counted")
    proc.equal(pinging.exchange(wire.frame(8, [RECORD])), 1, "ACK")


def test_stream(bench):
    """Frames that are not answered, one behind the other and cut anywhere: each has its own time."""
    gw = setup(bench, TELEM_FRAME_TIMEOUT_S=3)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    said = b"".join(wire.message(wire.CODEC_12, 6, b"line %d" % i) for i in range(70))
    step = len(said) // 70 + 1
    for at in range(0, len(said), step):
        tracker.send(said[at:at + step])
        time.sleep(0.06)   # the pace of the stream, not a wait
    proc.equal(tracker.exchange(wire.frame(8, [RECORD])), 1, "ACK")
    proc.equal(counted(gw, "frame"), 0, "time-outs counted")


suite.main(globals())
