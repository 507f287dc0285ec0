#!/usr/bin/env python3
"""device_online and devices.last_ping follow what was committed, and never go backward."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

NOW = int(time.time() * 1000) - 10 ** 6
MS = "(extract(epoch from %s) * 1000)::bigint"


def at(i, sats=7, **more):
    return wire.Record(round(NOW + i * 1000), more.pop("lat", 54.0 + i / 1000), 25.5, sats=sats, **more)


def live(database, imei=None):
    row = database.rows("SELECT " + MS % "o.recorded_at" + ", o.latitude, " + MS % "o.last_record_at"
                        + ", o.io->>'1', o.valid, o.online FROM device_online o JOIN devices d"
                        " ON d.id = o.device_id WHERE d.imei = '%s'" % (imei or imeis(1)[0]))
    return row[0] if row else [None] * 6


def setup(bench, n=1):
    database = bench.database()
    database.add_devices(imeis(n))
    return database, bench.gateway(database)


@suite.quick
def test_follows(bench):
    """The row exists from the handshake on, and holds the newest fix and the newest elements within 1 s."""
    database, gw = setup(bench)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    proc.wait_until(lambda: live(database) and live(database)[5] == "t", 2, "online after the handshake")
    frame = wire.frame(wire.CODEC_16, [at(5, io=[(1, b"\x05")], alt=12, angle=34, speed=56, priority=1,
                                          event=1, generation=5), at(3), at(4)])
    proc.equal(tracker.exchange(frame), 3, "ACK")
    proc.wait_until(lambda: live(database)[0] == str(NOW + 5000), 2, "the live row follows")
    columns = ("recorded_at, record_hash, received_at, latitude, longitude, altitude, heading, satellites,"
               " speed, valid, priority, event_io_id, generation_type, codec, io::jsonb")
    proc.equal(database.query("SELECT %s FROM device_online" % columns),
               database.query("SELECT %s FROM device_positions ORDER BY recorded_at DESC LIMIT 1" % columns),
               "live row against the stored one")
    proc.equal(database.query("SELECT last_ping > now() - interval '1 min' FROM devices"), "t", "last_ping")
    proc.equal(database.query("SELECT session_id IS NOT NULL, connected_at <= now(), host(remote_addr),"
                              " gateway, worker IN (0, 1), last_seen_at >= connected_at,"
                              " updated_at > now() - interval '1 min' FROM device_online"),
               "t\tt\t127.0.0.1\te2e\tt\tt\tt", "session columns")
    tracker.reset()
    proc.wait_until(lambda: live(database)[5] == "f", 3, "offline after a reset")


def test_never_backward(bench):
    """Older records, also from another session, move nothing; a record without a fix moves the elements alone."""
    database, gw = setup(bench)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    tracker.exchange(wire.frame(8, [at(100, io=[(1, b"\x0a")])]))
    proc.wait_until(lambda: live(database)[0] == str(NOW + 100000), 2, "the live row follows")
    before = live(database)
    tracker.exchange(wire.frame(8, [at(50), at(60), at(70)]))
    tracker.close()
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    tracker.exchange(wire.frame(8, [at(90, io=[(1, b"\x0b")])]))
    # No fix, though newer: position and its time stay, elements move.
    tracker.exchange(wire.frame(8, [at(110, sats=0, io=[(1, b"\x0c")])]))
    proc.wait_until(lambda: live(database)[2] == str(NOW + 110000), 3, "the newest record is known")
    proc.equal(live(database), before[:2] + [str(NOW + 110000), "12", "t", "t"], "live row")
    # A fix, but older than the newest record: position moves, elements stay.
    tracker.exchange(wire.frame(8, [at(105, io=[(1, b"\x0d")])]))
    proc.wait_until(lambda: live(database)[0] == str(NOW + 105000), 3, "the newer fix")
    proc.equal(live(database)[2:4], [str(NOW + 110000), "12"], "newest record and its elements")
    # All zero, and out of range: no fixes.
    tracker.exchange(wire.frame(8, [wire.Record(NOW + 120000, 0, 0, sats=9),
                                    wire.Record(NOW + 121000, 910000000, 10, sats=9)]))
    proc.wait_until(lambda: live(database)[2] == str(NOW + 121000), 3, "the newest record is known")
    proc.equal(live(database)[0], str(NOW + 105000), "time of the last fix")


def test_fix_lost(bench):
    """Longitude and latitude both FFFFFFFF say "fix lost": not valid, whatever the satellites; the elements move alone."""
    database, gw = setup(bench)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    proc.equal(tracker.exchange(wire.frame(8, [at(0)])), 1, "ACK")
    proc.wait_until(lambda: live(database)[0] == str(NOW), 3, "the live row follows")
    for i, (codec, sats) in enumerate(((8, 1), (wire.CODEC_8E, 12), (wire.CODEC_16, 255)), 1):
        lost = wire.Record(NOW + i * 1000, -1, -1, sats=sats, io=[(1, bytes([i]))])
        proc.equal(tracker.exchange(wire.frame(codec, [lost])), 1, "ACK")
    proc.wait_until(lambda: live(database)[3] == "3", 3, "the elements move")
    proc.equal(live(database)[:2] + live(database)[4:5], [str(NOW), "54", "t"], "the last fix stays")
    proc.equal(database.rows("SELECT valid, satellites FROM device_positions ORDER BY recorded_at"),
               [["t", "7"], ["f", "1"], ["f", "12"], ["f", "255"]], "as they are stored")
    # One of the two alone is a place: 0.0000001 degrees from the equator, or from Greenwich.
    proc.equal(tracker.exchange(wire.frame(8, [wire.Record(NOW + 9000, -1, 255000000, sats=7)])), 1, "ACK")
    proc.wait_until(lambda: live(database)[0] == str(NOW + 9000), 3, "a fix beside the equator")


def test_locked(bench):
    """A devices row that another transaction holds is passed over and written when it is free."""
    database, gw = setup(bench, 3)
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("SELECT 1 FROM devices WHERE imei = '%s' FOR UPDATE" % imeis(1)[0])
    trackers = [bench.tracker(gw, i).login() for i in imeis(3)]
    for tracker in trackers:
        proc.equal(tracker.exchange(wire.frame(8, [at(1)])), 1, "ACK")
    pinged = "SELECT count(*) FROM devices WHERE last_ping IS NOT NULL"
    proc.wait_until(lambda: database.number(pinged) == 2, 4, "the free rows are touched")
    proc.wait_until(lambda: all(live(database, i) and live(database, i)[0] for i in imeis(3)), 4,
                    "all live positions, the locked device's too")
    proc.equal(trackers[0].exchange(wire.frame(8, [at(2)])), 1, "ACK while the row is held")
    lock.run("COMMIT")
    proc.wait_until(lambda: database.number(pinged) == 3, 5, "the row is touched when it is free")


def test_live_row_locked(bench):
    """A held row of device_online delays neither ACKs nor the other devices."""
    database, gw = setup(bench, 3)
    trackers = [bench.tracker(gw, i).login() for i in imeis(3)]
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_online") == 3, 4, "live rows")
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("SELECT 1 FROM device_online o JOIN devices d ON d.id = o.device_id"
             " WHERE imei = '%s' FOR UPDATE OF o" % imeis(1)[0])
    for tracker in trackers:
        proc.equal(tracker.exchange(wire.frame(8, [at(1)]), 5), 1, "ACK")
    lock.run("COMMIT")
    proc.wait_until(lambda: all(live(database, i)[0] == str(NOW + 1000) for i in imeis(3)), 5,
                    "all live rows in the end")


def test_at_most_once_a_second(bench):
    """A device that sends a hundred frames a second has its live row written about once a second."""
    database, gw = setup(bench)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    began = time.monotonic()
    sent = 0
    while time.monotonic() < began + 3:
        tracker.exchange(wire.frame(8, [at(sent / 1000)]))
        sent += 1
    proc.wait_until(lambda: live(database)[0] == str(NOW + sent - 1), 3, "the last one is shown")
    took = time.monotonic() - began
    written = gw.metrics()["telematics_live_updates_total"]
    proc.check(written <= took + 3, "%d updates in %.1f s for %d frames" % (written, took, sent))


suite.main(globals())
