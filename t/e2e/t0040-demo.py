#!/usr/bin/env python3
"""scripts/demo: shows positions arriving, leaves nothing behind, and keeps away from DATABASE_URL."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite


def demo(bench, **env):
    """The running part of the demo, on a database of the test."""
    return proc.Process([sys.executable, os.path.join(gateway.SOURCE, "scripts", "demo.py")],
                        os.path.join(bench.folder, "demo.out"), cwd="/", env=dict(
                            gateway.sanitizer_env(bench.folder), TOP_SRCDIR=gateway.SOURCE,
                            TOP_BUILDDIR=gateway.BUILD, PYTHONDONTWRITEBYTECODE="1", DEMO_TRACKERS="20",
                            DATABASE_URL="host=/nowhere dbname=production", **env))


def nothing_left(database):
    proc.equal(database.query("SELECT (SELECT count(*) FROM devices), (SELECT count(*) FROM device_online),"
                              " (SELECT count(*) FROM device_positions)"), "1\t0\t0", "what is left")


def test_ends_by_itself(bench):
    """DEMO_SECONDS ends it; positions were shown; its devices are gone from the database again."""
    database = bench.database()
    database.add_devices(["350000000000001"])
    process = demo(bench, DEMO_DATABASE_URL=database.url, DEMO_SECONDS="4")
    proc.equal(process.wait(60, "the demo ends"), 0, "exit status:\n" + process.output())
    proc.check("newest: " in process.output(), "positions were shown:\n" + process.output())
    nothing_left(database)


def test_interrupted(bench):
    """Ctrl-C ends it at any time, and no process stays."""
    database = bench.database()
    database.add_devices(["350000000000001"])
    process = demo(bench, DEMO_DATABASE_URL=database.url)
    proc.wait_until(lambda: "newest: " in process.output(), 60, "positions are shown")
    process.signal(signal.SIGINT)
    proc.equal(process.wait(60, "the demo ends"), 0, "exit status:\n" + process.output())
    nothing_left(database)
    names = [name for _, name in proc.leftovers() if "telematics-gateway" in name or "tgctl" in name]
    proc.equal(names, [], "processes that are left")


suite.main(globals())
