#!/usr/bin/env python3
"""Connections that end while something of theirs is under way: none stays behind, none spins."""
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

NOW = int(time.time() * 1000)


def frame(i, **more):
    return wire.frame(wire.CODEC_8, [wire.Record(NOW - 10 ** 6 + i * 1000, 54.5, 25.5, sats=7, **more)])


def held(bench, table, **keys):
    """A gateway of one worker, and a session that keeps it from writing to the table."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database, TELEM_WORKERS=1, **keys)
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE" % table)
    return database, gw, lock, bench.tracker(gw, imeis(1)[0]).login()


def in_flight(gw, n):
    proc.wait_until(lambda: gw.metrics().in_flight() == n, 5, "%d records in flight" % n)


def none_left(gw):
    """All connections are gone, and the gateway sees no reason to wait for one."""
    def open_ones():
        return sum(v for k, v in gw.metrics().samples.items() if k.startswith("telematics_connections{"))
    proc.wait_until(lambda: open_ones() == 0, 8, "no connection is left")
    proc.check(not gw.metrics().identity(), "identity: %s" % gw.metrics().identity())
    began = time.monotonic()
    gw.stop()
    proc.check(not gw.logged("drain time is over"), "the drain waited for a connection that is gone")
    print("# stopped in %.1f s" % (time.monotonic() - began))


def idles(gw):
    """The worker takes next to no processor time over a second."""
    before = proc.cpu_seconds(gw.workers()[0])
    time.sleep(1)   # what is measured is this second
    spent = proc.cpu_seconds(gw.workers()[0]) - before
    proc.check(spent < 0.3, "the worker burnt %.2f s of a second" % spent)


def test_gone_between_acks(bench):
    """A tracker that went away after two frames: the second ACK can't be sent, and nothing stays."""
    database, gw, lock, tracker = held(bench, "device_positions")
    tracker.send(frame(0))
    in_flight(gw, 1)
    tracker.send(frame(1))
    in_flight(gw, 2)
    tracker.close()
    proc.wait_until(lambda: gw.metrics()['telematics_connections{state="closing"}'] == 1, 5,
                    "its end is seen")
    lock.run("COMMIT")
    none_left(gw)
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 2, "rows")


def test_unstorable_while_closing(bench):
    """A frame that not even the quarantine takes, of a connection half closed already: it is closed."""
    database, gw, lock, tracker = held(bench, "device_ingest_raw")
    lock.run("ALTER TABLE device_ingest_raw ADD CONSTRAINT never CHECK (reason <> 'count')")
    tracker.send(wire.frame(wire.CODEC_8, [wire.Record(NOW, 54.5, 25.5, sats=7)], count2=3))
    in_flight(gw, 1)
    tracker.sock.shutdown(socket.SHUT_WR)
    proc.wait_until(lambda: gw.metrics()['telematics_connections{state="closing"}'] == 1, 5,
                    "its end is seen")
    lock.run("COMMIT")
    tracker.expect_closed(5, "a frame that can't be stored")
    none_left(gw)


def test_half_closed_while_full(bench):
    """The end of a connection that has as many frames in flight as it may: waited for without a spin."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database, TELEM_WORKERS=1)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    # No lock: who has gone while the database refuses is let go.
    backend = database.number("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                              " AND application_name = 'telematics-gateway store'")
    os.kill(backend, signal.SIGSTOP)
    for i in range(20):
        tracker.send(frame(i))
    in_flight(gw, 16)
    tracker.sock.shutdown(socket.SHUT_WR)
    idles(gw)
    os.kill(backend, signal.SIGCONT)
    proc.equal([tracker.ack() for _ in range(20)], [1] * 20, "ACKs after the end")
    none_left(gw)


def test_reset_while_full(bench):
    """A reset of such a connection: it goes at once, without a spin."""
    database, gw, lock, tracker = held(bench, "device_positions")
    for i in range(20):
        tracker.send(frame(i))
    in_flight(gw, 16)
    tracker.reset()
    idles(gw)
    lock.run("COMMIT")
    none_left(gw)


suite.main(globals())
