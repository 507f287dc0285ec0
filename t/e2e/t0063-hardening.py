#!/usr/bin/env python3
"""What workers give up: new privileges, and system calls that they never need; and that all works so."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, gateway, proc, suite, wire
from lib.fleet import imeis


def status(pid, name):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith(name + ":"):
                return line.split()[1]
    return None


def filtered():
    """What "Seccomp:" of a worker should say: builds with sanitizers have no filter."""
    with open(gateway.DAEMON, "rb") as f:
        sanitized = b"__asan_init" in f.read()
    return "0" if sanitized or os.uname().machine not in ("x86_64", "aarch64") else "2"


@suite.quick
def test_workers(bench):
    """NoNewPrivs and Seccomp of every worker, and of those that come after; TELEM_SECCOMP turns it off."""
    database = bench.database()
    gw = bench.gateway(database)
    for pid in gw.workers():
        proc.equal(status(pid, "NoNewPrivs"), "1", "NoNewPrivs of a worker")
        proc.equal(status(pid, "Seccomp"), filtered(), "Seccomp of a worker")
    before = set(gw.workers())
    os.kill(min(before), signal.SIGKILL)
    proc.wait_until(lambda: len(set(gw.workers()) - before) == 1 and gw.all_accept(), 20, "a replacement")
    for pid in gw.workers():
        proc.equal(status(pid, "Seccomp"), filtered(), "Seccomp of a worker")
    gw.write_conf(TELEM_SECCOMP="false")
    before = set(gw.workers())
    gw.hup()
    proc.wait_until(lambda: gw.workers() and not before & set(gw.workers()) and gw.all_accept(), 20,
                    "the next generation")
    for pid in gw.workers():
        proc.equal(status(pid, "NoNewPrivs"), "1", "NoNewPrivs of a worker")
        proc.equal(status(pid, "Seccomp"), "0", "Seccomp of a worker")
    gw.stop()


def test_all_works(bench):
    """Under load: the database comes and goes, its name is looked up, the log is opened again."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    names = imeis(8)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_LOG_LEVEL="debug",
                       TELEM_LOG_FILE=os.path.join(bench.folder, "gateway.log"), start=False)
    gw.log = gw.keys["TELEM_LOG_FILE"]
    open(gw.log, "a").close()
    gw.start()
    load = bench.fleet(gw, names)
    load.wait_acked(proc.scaled(300, 50))
    cluster.stop()
    proc.wait_until(lambda: gw.readyz()[0] == 503, 20, "the database is away")
    cluster.start()
    load.wait_acked(proc.scaled(300, 50))
    os.rename(gw.log, gw.log + ".1")
    gw.send_signal(signal.SIGUSR1)
    proc.wait_until(lambda: os.path.exists(gw.log), 10, "the log is opened again")
    load.wait_all_progress()
    load.stop()
    audit.audit(database, load)
    gw.stop()


def test_name_lookup(bench):
    """A database whose name must be looked up (and isn't there) is no end of a worker."""
    gw = bench.gateway("postgresql://tg@no-such-host.invalid/x?connect_timeout=2", start=False)
    gw.start(ready=False)
    pids = gw.workers()
    proc.wait_until(lambda: "no-such-host.invalid" in gw.readyz()[1] or "translate" in gw.readyz()[1], 30,
                    "/readyz says why")
    proc.equal(gw.workers(), pids, "workers")
    tracker = bench.tracker(gw, imeis(1)[0])
    tracker.send(wire.imei_packet(imeis(1)[0]))
    tracker.expect_closed(20, "an IMEI that can't be asked about")
    gw.stop()


suite.main(globals())
