#!/usr/bin/env python3
"""The master killed with kill -9: its workers finish and leave, the port is free, a new one starts."""
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, proc, suite, wire
from lib.fleet import imeis


def port_is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)   # closed connections don't count
        s.bind(("127.0.0.1", port))
        return True


def test_finish(bench):
    """What was in flight is committed and acknowledged; then the workers leave and free the port."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database, TELEM_GATEWAY_PORT=proc.free_port(), TELEM_DRAIN_TIMEOUT_MS=20000)
    pids = gw.workers()
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_positions IN ACCESS EXCLUSIVE MODE")
    tracker = bench.tracker(gw, imei).login()
    tracker.send(wire.frame(8, [wire.Record(int(time.time() * 1000), 54.5, 25.5, sats=7)]))
    proc.wait_until(lambda: gw.metrics().in_flight() == 1, 5, "the record is in flight")
    os.kill(gw.process.pid, signal.SIGKILL)
    gw.process.wait(5, "the master is dead")
    proc.check(tracker.silent(), "not answered yet")
    lock.run("COMMIT")
    proc.equal(tracker.ack(), 1, "ACK without a master")
    proc.wait_until(lambda: not any(proc.alive(p) for p in pids), 25, "the workers have left")
    proc.wait_until(lambda: port_is_free(gw.port), 5, "the port is free")
    gw.start()
    proc.equal(bench.tracker(gw, imei).handshake(), b"\x01", "answer of the next one")


def test_under_load(bench):
    """Killed under load, started again as init would: the audit."""
    database = bench.database()
    names = imeis(12)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_GATEWAY_PORT=proc.free_port())
    load = bench.fleet(gw, names)
    for _ in range(2):
        load.wait_acked(proc.scaled(600, 100))
        pids = gw.workers()
        os.kill(gw.process.pid, signal.SIGKILL)
        gw.process.wait(5, "the master is dead")
        proc.wait_until(lambda: not any(proc.alive(p) for p in pids), 25, "the workers have left")
        gw.start()
    load.wait_all_progress()
    load.stop()
    audit.audit(database, load)
    gw.stop()
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_online WHERE online") == 0, 5,
                    "nobody stays online")


suite.main(globals())
