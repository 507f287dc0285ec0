#!/usr/bin/env python3
"""A drain closes connections at a pace: not all at once, but never slower than 500 a second."""
import os
import resource
import select
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

COUNT = 1000


def connect_all(bench, gw, count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 1000), hard))
    found = []
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", gw.port), 10 * proc.BUSY)
        bench.scope.later(sock.close)
        found.append(sock)
    proc.wait_until(lambda: gw.metrics()["telematics_tcp_connections_total"] >= count, 20,
                    "all are accepted")
    return found


def closings(socks, seconds):
    """Waits until all are closed; when each was, in seconds from now, in order."""
    began = time.monotonic()
    poll = select.epoll()
    left = {s.fileno(): s for s in socks}
    times = []
    for fd in left:
        poll.register(fd, select.EPOLLIN | select.EPOLLRDHUP)
    while left:
        now = time.monotonic() - began
        proc.check(now < seconds * proc.BUSY, "%d are open after %.1f s" % (len(left), now))
        for fd, _ in poll.poll(0.1):
            proc.equal(left[fd].recv(1), b"", "what a drained connection gets")
            poll.unregister(fd)
            left.pop(fd).close()
            times.append(time.monotonic() - began)
    return times


def check_pace(times):
    print("# %d closed from %.2f to %.2f s; half of them after %.2f s"
          % (len(times), times[0], times[-1], times[len(times) // 2]))
    proc.check(times[-1] <= 2 * proc.PATIENCE + 0.5, "the last one was closed after %.2f s" % times[-1])
    # 600 a second are 1.67 s for all: a third of that is far from at once, on any machine.
    proc.check(times[-1] - times[0] >= 0.5, "all were closed within %.2f s" % (times[-1] - times[0]))


def test_reload(bench):
    """1,000 connections of one worker, at a reload: within two seconds, but spread over them."""
    gw = bench.gateway(bench.database(), TELEM_WORKERS=1)
    socks = connect_all(bench, gw, COUNT)
    gw.hup()
    proc.wait_until(lambda: gw.logged("generation 1 drains"), 20, "the drain begins", every=0.005)
    check_pace(closings(socks, 10))
    gw.stop()


def test_stop(bench):
    """The same at SIGTERM; the gateway leaves with status 0 when all are closed."""
    gw = bench.gateway(bench.database(), TELEM_WORKERS=1)
    socks = connect_all(bench, gw, COUNT)
    gw.process.signal(signal.SIGTERM)
    check_pace(closings(socks, 10))
    proc.equal(gw.process.wait(10, "the gateway leaves"), 0, "exit status")


@suite.quick
def test_served_meanwhile(bench):
    """Whose turn hasn't come is served: frames are stored and acknowledged while others are closed."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database, TELEM_WORKERS=1)
    others = connect_all(bench, gw, COUNT)
    tracker = bench.tracker(gw, imei).login()
    now, acked = int(time.time() * 1000), 0
    gw.hup()
    proc.wait_until(lambda: gw.logged("draining: %d connections" % (COUNT + 1)), 20, "the drain begins",
                    every=0.005)
    try:
        while acked < 100000:
            acked += tracker.exchange(wire.frame(8, [wire.Record(now + acked, 54.5, 25.5, sats=7)]))
    except (proc.Failure, OSError):
        pass   # its turn has come
    closings(others, 10)
    print("# %d frames were acknowledged during the drain" % acked)
    proc.check(acked >= 1, "no frame was acknowledged during the drain")
    stored = database.number("SELECT count(*) FROM device_positions")
    proc.check(acked <= stored <= acked + 1, "acknowledged %d, stored %d" % (acked, stored))
    gw.stop()


def test_short_time(bench):
    """A drain with little time is as fast as it must be."""
    # As much faster than usual on a slow machine, with as much more room for its delays.
    gw = bench.gateway(bench.database(), TELEM_WORKERS=1, TELEM_DRAIN_TIMEOUT_MS=int(800 * proc.PATIENCE))
    socks = connect_all(bench, gw, int(COUNT * proc.PATIENCE))
    gw.hup()
    times = closings(socks, 10)
    print("# the last one was closed after %.2f s" % times[-1])
    proc.wait_until(lambda: gw.logged("has drained and left"), 10, "the old worker leaves in time")
    proc.check(not gw.logged("drain time is over"), "it ran out of time")
    gw.stop()


suite.main(globals())
