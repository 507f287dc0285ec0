#!/usr/bin/env python3
"""One session an IMEI: the newest wins over all workers and gateways, and its live row with it."""
import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

NOW = int(time.time() * 1000) - 10 ** 6


def frame(i):
    return wire.frame(wire.CODEC_8, [wire.Record(NOW + i * 1000, 54.5, 25.5, sats=7)])


def live(database, columns):
    return database.query("SELECT %s FROM device_online" % columns)


def moved_to(database, i):
    return live(database, "(extract(epoch from last_record_at) * 1000)::bigint") == str(NOW + i * 1000)


@suite.quick
def test_newest_wins(bench):
    """Each new connection of an IMEI closes the older one within 1 s, whichever worker holds it."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database, TELEM_WORKERS=3)
    workers = set()
    old = bench.tracker(gw, imei).login()
    proc.equal(old.exchange(frame(0)), 1, "ACK")
    for i in range(1, 9):
        new = bench.tracker(gw, imei).login()
        proc.wait_until(old.is_closed, 1, "the older connection is closed")
        proc.equal(new.exchange(frame(i)), 1, "ACK of the newer")
        proc.wait_until(lambda: moved_to(database, i), 4, "the live row follows", every=0.1)
        online, worker = live(database, "online, worker").split("\t")
        proc.equal(online, "t", "online after a takeover")
        workers.add(worker)
        old = new
    proc.check(len(workers) > 1, "several workers took part: %s" % workers)
    proc.equal(gw.metrics()["telematics_session_takeovers_total"], 8, "takeovers counted")
    proc.equal(live(database, "host(remote_addr), gateway, disconnected_at IS NULL OR connected_at"
                              " >= disconnected_at - interval '2 s'"), "127.0.0.1\te2e\tt", "live row")
    old.close()
    proc.wait_until(lambda: live(database, "online, disconnected_at IS NOT NULL") == "f\tt", 3,
                    "offline after the last goodbye")


def test_nothing_lost(bench):
    """A frame in flight on the older connection is stored although the newer one took over."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database)
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_positions IN ACCESS EXCLUSIVE MODE")
    old = bench.tracker(gw, imei).login()
    old.send(frame(1))
    proc.wait_until(lambda: gw.metrics().in_flight() == 1, 5, "the record is in flight")
    proc.wait_until(lambda: database.number(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"), 20, "its batch is under way")
    new = bench.tracker(gw, imei).login()
    new.send(frame(2))
    lock.run("COMMIT")
    proc.equal(new.ack(), 1, "ACK of the newer")
    proc.wait_until(lambda: not old.silent(), 3, "the older connection is answered or closed")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 2, "rows")


def test_two_gateways(bench):
    """Of two gateways on one database the newer session's writes stand; the older's goodbye is void."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    one = bench.gateway(database, TELEM_GATEWAY_ID="one")
    two = bench.gateway(database, TELEM_GATEWAY_ID="two")
    first = bench.tracker(one, imei).login()
    proc.equal(first.exchange(frame(1)), 1, "ACK of the first")
    proc.wait_until(lambda: moved_to(database, 1), 4, "the live row follows")
    second = bench.tracker(two, imei).login()
    proc.equal(second.exchange(frame(2)), 1, "ACK of the second")
    proc.wait_until(lambda: moved_to(database, 2), 4, "the live row follows")
    first.close()
    proc.wait_until(lambda: one.metrics()['telematics_connections{state="active"}'] == 0, 5,
                    "gateway one has noticed")
    one.stop()   # its drain writes all that it had to write
    proc.equal(live(database, "online, gateway"), "t\ttwo", "live row")
    second.close()
    proc.wait_until(lambda: live(database, "online") == "f", 3, "offline after the last goodbye")


def test_flapping(bench):
    """An IMEI that flaps between two addresses is named in the log."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database)
    kept = []
    for i in range(12):
        sock = socket.socket()
        sock.bind(("127.0.0.%d" % (1 + i % 2), 0))
        sock.settimeout(10)
        sock.connect(("127.0.0.1", gw.port))
        bench.scope.later(sock.close)
        sock.sendall(wire.imei_packet(imei))
        proc.equal(sock.recv(1), b"\x01", "answer")
        kept.append(sock)
    proc.wait_until(lambda: gw.logged(r"flap.*%s|%s.*flap" % (imei, imei)), 3, "the log speaks of it")


def test_database_stuck(bench):
    """The older connection goes within a second also while its frame can't be stored."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database)
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_positions IN ACCESS EXCLUSIVE MODE")
    old = bench.tracker(gw, imei).login()
    old.send(frame(1))
    proc.wait_until(lambda: gw.metrics().in_flight() == 1, 5, "the record is in flight")
    new = bench.tracker(gw, imei).login()
    proc.wait_until(old.is_closed, 1.5, "the older connection is closed")
    new.send(frame(1))
    lock.run("COMMIT")
    proc.equal(new.ack(), 1, "ACK of the newer")


suite.main(globals())
