#!/usr/bin/env python3
"""PostgreSQL stopped at once, under load, and started again: nothing acknowledged is lost."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, proc, suite
from lib.fleet import imeis


def test_crash(bench):
    """Three crashes in the middle of batches, PostgreSQL's recovery each time, and the audit."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    names = imeis(24)
    database.add_devices(names)
    gw = bench.gateway(database)
    watch = bench.watch(gw)
    pids = gw.workers()
    load = bench.fleet(gw, names)
    for how in (signal.SIGQUIT, signal.SIGINT, signal.SIGQUIT):
        load.wait_acked(proc.scaled(1500, 300))
        cluster.stop(how)
        proc.wait_until(lambda: gw.readyz()[0] == 503, 10, "/readyz says 503")
        cluster.start()
        gw.wait_ready(15)
    load.wait_all_progress()
    load.stop()
    watch.finish()
    acked, stored = audit.audit(database, load)
    print("# %d acknowledged, %d stored" % (acked, stored))
    proc.equal(gw.workers(), pids, "the workers lived through it")
    gw.stop()


def test_lost_connections(bench):
    """Backends terminated and queries cancelled again and again: retried, and the audit."""
    database = bench.database()
    names = imeis(12)
    database.add_devices(names)
    gw = bench.gateway(database)
    load = bench.fleet(gw, names)
    for i in range(12):
        load.wait_acked(proc.scaled(200, 50))
        database.query("SELECT pg_%s_backend(pid) FROM pg_stat_activity WHERE usename = 'tg'"
                       % ("cancel" if i % 2 else "terminate"))
    load.wait_all_progress()
    load.stop()
    audit.audit(database, load)
    gw.stop()


suite.main(globals())
