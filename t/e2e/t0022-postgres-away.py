#!/usr/bin/env python3
"""PostgreSQL away while trackers press: memory stays bounded, nothing is acknowledged, and it recovers."""
import os
import select
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, proc, suite, wire
from lib.fleet import imeis

NOW = int(time.time() * 1000) - 10 ** 7
SANITIZED = os.environ.get("E2E_SANITIZED") == "1"


def test_flood(bench):
    """Trackers that stream without waiting are held back by TCP; what they get through is stored and ACKed."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    n = 12
    names = imeis(n)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_WORKERS=2, TELEM_WORKER_MEMORY_MB=16)
    pids = gw.workers()
    before = max(proc.resident_kb(pid) for pid in pids)
    cluster.stop()
    proc.wait_until(lambda: gw.readyz()[0] == 503, 10, "/readyz says 503")
    trackers = [bench.tracker(gw, i).login() for i in names]
    sent = {t.imei: 0 for t in trackers}
    rest = {t.imei: b"" for t in trackers}
    for tracker in trackers:
        tracker.sock.setblocking(False)
    frames = []   # the same for every tracker
    while max(sent.values()) < 2000:
        _, writable, _ = select.select([], [t.sock for t in trackers], [], 1)
        if not writable:
            break   # no socket has taken a byte for a second
        for tracker in trackers:
            if tracker.sock not in writable:
                continue
            i = sent[tracker.imei]
            if i == len(frames):
                frames.append(wire.frame(wire.CODEC_8E, [
                    wire.Record(NOW + i * 10, 54.5, 25.5, sats=7, io=[(1000, bytes(12000))])]))
            data = rest[tracker.imei] or frames[i]
            took = tracker.sock.send(data)
            rest[tracker.imei] = data[took:]
            sent[tracker.imei] += took == len(data)
    proc.check(not writable, "the gateway went on reading: %d frames of a tracker" % max(sent.values()))
    offered = sum(sent.values()) * 12080
    print("# %.1f MB taken from %d trackers, most of it by the kernel" % (offered / 1e6, n))
    after = max(proc.resident_kb(pid) for pid in pids)
    print("# a worker's own memory: %d kB before, %d kB under the flood" % (before, after))
    if not SANITIZED:
        proc.check(after < before + 16384 + 32768, "memory of a worker: %d kB" % after)
    proc.check(gw.metrics().get("telematics_buffer_bytes") <= 2 * 17 * 1048576, "buffers within the limit")
    proc.equal(gw.workers(), pids, "no worker died")
    wrong = gw.metrics().identity()
    proc.check(not wrong, "identity: %s" % wrong)
    cluster.start()
    # All that went out whole must be answered, unless its connection was closed for memory.
    answers = {}

    def collect(tracker):
        got = 0
        tracker.sock.setblocking(True)
        try:
            if rest[tracker.imei]:
                threading.Thread(target=quietly_send, args=(tracker, rest[tracker.imei]),
                                 daemon=True).start()
            for _ in range(sent[tracker.imei] + bool(rest[tracker.imei])):
                proc.equal(tracker.ack(90), 1, "ACK")
                got += 1
        except proc.Failure as failure:
            answers[tracker.imei] = (got, str(failure))
            return
        answers[tracker.imei] = (got, None)

    def quietly_send(tracker, data):
        try:
            tracker.sock.sendall(data)
        except OSError:
            pass
    threads = [threading.Thread(target=collect, args=(t,), daemon=True) for t in trackers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200 * proc.PATIENCE)
    acked = sum(a[0] for a in answers.values())
    closed = int(gw.metrics().get("telematics_closed_for_memory_total"))
    bad = {i: a for i, a in answers.items() if a[1] and "close" not in a[1] and "reset" not in a[1]}
    proc.check(not bad, "trackers without an answer: %s" % list(bad.items())[:3])
    proc.check(sum(1 for a in answers.values() if a[1]) <= closed, "closed without a reason: %s"
               % [a for a in answers.values() if a[1]][:3])
    stored = database.number("SELECT count(*) FROM device_positions")
    print("# %d frames acknowledged, %d connections closed for memory" % (acked, closed))
    proc.check(stored >= acked, "%d acknowledged, %d stored" % (acked, stored))
    gw.wait_ready(15)


def test_away(bench):
    """A fleet that gives up and comes back while PostgreSQL is away; one error a worker in the log; audit."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    names = imeis(16)
    database.add_devices(names)
    gw = bench.gateway(database)
    load = bench.fleet(gw, names, ack_timeout=1)
    load.wait_acked(proc.scaled(500, 100))
    cluster.stop()
    proc.wait_until(lambda: gw.readyz()[0] == 503, 10, "/readyz says 503")
    acked = load.acked()
    connects = load.connects()
    proc.wait_until(lambda: load.connects() > connects + 3 * len(names), 30, "everyone came back thrice")
    proc.check(load.acked() <= acked + 25 * len(names), "ACKs while the database was away")
    lines = [line for line in gw.log_text().splitlines() if "error" in line.lower()]
    proc.check(len(lines) < 30, "%d error lines in the log: %s" % (len(lines), lines[:5]))
    cluster.start()
    gw.wait_ready(15)
    load.wait_all_progress()
    load.stop()
    audit.audit(database, load)


suite.main(globals())
