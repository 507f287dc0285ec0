#!/usr/bin/env python3
"""SIGTERM and SIGINT: drain and stop, in bounded time, with exit status 0."""
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, proc, suite, wire
from lib.fleet import imeis


def held(bench, **keys):
    """A gateway with one record in flight that a lock keeps from being committed."""
    database = bench.database()
    database.add_devices(imeis(2))
    gw = bench.gateway(database, **keys)
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_positions IN ACCESS EXCLUSIVE MODE")
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    tracker.send(wire.frame(8, [wire.Record(int(time.time() * 1000), 54.5, 25.5, sats=7)]))
    proc.wait_until(lambda: gw.metrics().in_flight() == 1, 5, "the record is in flight")
    return database, gw, lock, tracker


def refused(gw):
    try:
        socket.create_connection(("127.0.0.1", gw.port), 2).close()
    except ConnectionRefusedError:
        return True
    return False


@suite.quick
def test_drain(bench):
    """In flight: committed, acknowledged, closed; then the end with status 0 and nobody online."""
    database, gw, lock, tracker = held(bench, TELEM_DRAIN_TIMEOUT_MS=30000)
    idle = bench.tracker(gw, imeis(2)[1]).login()
    gw.process.signal(signal.SIGTERM)
    proc.wait_until(idle.is_closed, 10, "an idle connection is closed")
    proc.check(tracker.silent(), "not answered yet")
    lock.run("COMMIT")
    proc.equal(tracker.ack(), 1, "ACK while draining")
    tracker.expect_closed(10, "after its ACK")
    proc.equal(gw.process.wait(10, "the gateway ends"), 0, "exit status")
    proc.check(refused(gw), "new connections are refused after the end")
    proc.equal(database.query("SELECT bool_or(online), count(*) FROM device_online"), "f\t2", "live rows")
    proc.equal(database.query("SELECT last_record_at IS NOT NULL FROM device_online o JOIN devices d"
                              " ON d.id = o.device_id WHERE imei = '%s'" % imeis(1)[0]), "t",
               "the live row has the last record")


def test_bounded(bench):
    """What can't be committed within TELEM_DRAIN_TIMEOUT_MS is given up without an ACK."""
    database, gw, lock, tracker = held(bench, TELEM_DRAIN_TIMEOUT_MS=1000)
    began = time.monotonic()
    gw.process.signal(signal.SIGTERM)
    proc.equal(gw.process.wait(15, "the gateway ends"), 0, "exit status")
    proc.check(time.monotonic() - began >= 0.9, "it gave up before its time")
    tracker.expect_closed(5, "without an ACK")
    lock.run("COMMIT")


def test_second_signal(bench):
    """A second SIGTERM stops at once; SIGINT does as SIGTERM does."""
    for number in (signal.SIGTERM, signal.SIGINT):
        database, gw, lock, tracker = held(bench, TELEM_DRAIN_TIMEOUT_MS=60000)
        gw.process.signal(number)
        proc.wait_until(lambda: refused(gw) or gw.logged("drain|stopping"), 10, "it drains")
        proc.check(not gw.process.exited(), "it waits for the batch")
        began = time.monotonic()
        gw.process.signal(number)
        proc.equal(gw.process.wait(10, "the gateway ends"), 0, "exit status")
        print("# ended %.2f s after the second signal" % (time.monotonic() - began))
        tracker.expect_closed(5, "without an ACK")
        lock.run("COMMIT")


def test_under_load(bench):
    """Stopped and started under load three times: the audit."""
    database = bench.database()
    names = imeis(16)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_GATEWAY_PORT=proc.free_port())
    load = bench.fleet(gw, names)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        load.wait_acked(proc.scaled(800, 100))
        gw.stop(number=number)
        gw.start()
    load.wait_all_progress()
    load.stop()
    audit.audit(database, load)


suite.main(globals())
