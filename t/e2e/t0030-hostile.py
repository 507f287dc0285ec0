#!/usr/bin/env python3
"""Random bytes, slow lorises and port scans: closed by limits and time-outs, and no harm to the fleet."""
import os
import random
import resource
import struct
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, proc, suite, wire
from lib.fleet import imeis


def test_hostile(bench):
    """All of them at once beside a fleet at work: the audit, the same workers, bounded memory."""
    database = bench.database()
    names = imeis(12)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_HANDSHAKE_TIMEOUT_S=1, TELEM_FRAME_TIMEOUT_S=1,
                       TELEM_INGEST_RAW="off")
    pids = gw.workers()
    load = bench.fleet(gw, names[:8], delay=0.02)
    watch = bench.watch(gw)
    rnd = random.Random(30)
    lorises = [bench.tracker(gw, "?") for _ in range(40)]
    over = threading.Event()

    def slow():
        """Each loris sends a byte now and then, for as long as it may."""
        while not over.wait(0.15):
            for loris in lorises:
                try:
                    loris.send(b"\0")
                except OSError:
                    pass
    thread = threading.Thread(target=slow, daemon=True)
    thread.start()
    bench.scope.later(lambda: (over.set(), thread.join(10)))
    for i in range(proc.scaled(300, 60)):
        tracker = bench.tracker(gw, "?")   # port scan: nothing at all
        tracker.reset() if i % 2 else tracker.close()
        tracker = bench.tracker(gw, "?")   # noise instead of an IMEI
        quietly(tracker, bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, 300))))
        tracker.close()
        tracker = bench.tracker(gw, names[8 + i % 4]).login()   # noise after one, a header at times
        noise = bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, 3000)))
        if i % 3:
            noise = struct.pack(">II", 0, rnd.randrange(1, 20000)) + noise
        quietly(tracker, noise)
        tracker.reset() if i % 5 == 0 else tracker.close()
    proc.wait_until(lambda: all(l.is_closed() for l in lorises), 20, "every slow loris is closed")
    load.wait_all_progress()
    load.stop()
    watch.finish()
    proc.equal(gw.workers(), pids, "workers")
    # Noise may have a good CRC by chance once in 65536 frames: none with this seed.
    audit.audit(database, load)
    proc.wait_until(lambda: all(gw.metrics()['telematics_connections{state="%s"}' % s] == 0
                                for s in ("handshake", "active", "closing")), 20,
                    "no connection is left")
    gw.stop()


def quietly(tracker, data):
    try:
        tracker.send(data)
    except OSError:
        pass


def test_header_alone(bench):
    """A declared length is no memory: thousands of headers of 64 KiB cost next to nothing."""
    database = bench.database()
    n = proc.scaled(1500, 300)
    names = imeis(n)
    database.add_devices(names)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < n + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, n + 1000), hard))
    gw = bench.gateway(database, TELEM_WORKERS=1)
    before = proc.resident_kb(gw.workers()[0])
    trackers = [bench.tracker(gw, i) for i in names]
    for tracker in trackers:
        tracker.send(wire.imei_packet(tracker.imei) + b"\0\0\0\0\0\x01\0\0\x0c")
    for tracker in trackers:
        proc.equal(tracker.read(1), b"\x01", "answer")
        tracker.taken() if tracker is trackers[-1] else None
    grown = proc.resident_kb(gw.workers()[0]) - before
    print("# %d connections with a header each: %d kB" % (n, grown))
    if os.environ.get("E2E_SANITIZED") != "1":
        proc.check(grown < n * 4 + 4096, "memory grew by %d kB" % grown)


suite.main(globals())
