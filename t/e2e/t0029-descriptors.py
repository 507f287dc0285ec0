#!/usr/bin/env python3
"""Descriptors exhausted: accepting pauses without spinning, those who are in are served, it recovers."""
import os
import resource
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis


def test_exhausted(bench):
    """300 connections at a limit of 100 descriptors."""
    database = bench.database()
    names = imeis(300)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_WORKERS=1, limits={resource.RLIMIT_NOFILE: (100, 100)})
    first = bench.tracker(gw, names[0]).login()
    others = [bench.tracker(gw, i) for i in names[1:]]
    for tracker in others:
        tracker.send(wire.imei_packet(tracker.imei))
    proc.wait_until(lambda: gw.metrics()["telematics_accept_pauses_total"] > 0, 10, "accepting is paused")
    worker = gw.workers()[0]
    # The worker's processor time over two seconds of exhaustion.
    before, began = proc.cpu_seconds(worker), time.monotonic()
    now = int(time.time() * 1000)
    frames = 0
    while time.monotonic() < began + 2:
        proc.equal(first.exchange(wire.frame(8, [wire.Record(now + frames, 54.5, 25.5, sats=7)])), 1, "ACK")
        frames += 1
        time.sleep(0.1)   # the pace of the frames, not a wait
    spent = proc.cpu_seconds(worker) - before
    # A spin would take what it gets; sanitizers make all work dearer.
    proc.check(spent < (1.4 if os.environ.get("E2E_SANITIZED") == "1" else 0.7), "%.2f s of processor time in 2 s" % spent)
    served = sum(1 for t in others if not t.silent())
    proc.check(20 < served < 100, "%d were served under the limit of 100" % served)
    metrics = gw.metrics()
    print("# %d served, %d pauses, %.2f s of processor time" % (
        served, metrics["telematics_accept_pauses_total"], spent))
    proc.check(metrics["telematics_accept_pauses_total"] < 100, "pauses, not a spin")
    # Those who are in leave, so those who wait come in, until all have been served.
    waiting = list(others)

    def turn():
        for tracker in list(waiting):
            if not tracker.silent():
                proc.equal(tracker.read(1), b"\x01", "answer")
                tracker.close()
                waiting.remove(tracker)
        return not waiting
    proc.wait_until(turn, 40, "all are served in turn")
    proc.equal(gw.workers(), [worker], "the worker")
    proc.wait_until(lambda: gw.metrics()["telematics_accept_paused"] == 0, 10, "accepting goes on")
    lines = gw.log_text().count("descriptor") + gw.log_text().count("open files")
    proc.check(0 < lines < 30, "%d lines in the log" % lines)


suite.main(globals())
