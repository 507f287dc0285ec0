#!/usr/bin/env python3
"""SIGHUP: a new generation takes over under load; a bad configuration changes nothing."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, proc, suite, wire
from lib.fleet import imeis


def reload_and_wait(gw):
    before = set(gw.workers())
    gw.hup()
    proc.wait_until(lambda: gw.workers() and not before & set(gw.workers()), 30,
                    "the old generation is gone")
    proc.wait_until(gw.all_accept, 20, "the new one accepts")


def test_under_load(bench):
    """Four reloads: each tracker sees at most one clean close each; no connection is refused; audit."""
    database = bench.database()
    names = imeis(20)
    database.add_devices(names)
    gw = bench.gateway(database)
    watch = bench.watch(gw)
    load = bench.fleet(gw, names)
    for _ in range(4):
        load.wait_acked(proc.scaled(800, 200))
        reload_and_wait(gw)
    load.wait_all_progress()
    load.stop()
    watch.finish()
    audit.audit(database, load)
    most = max(u.connects for u in load.units)
    proc.check(most <= 5, "connections of one tracker over four reloads: %d" % most)
    proc.equal(gw.metrics().outcome("refused"), 0, "records refused")
    proc.equal(database.number("SELECT count(*) FROM device_positions"),
               gw.metrics().outcome("stored"), "rows and the counter, over four generations")
    gw.stop()


@suite.quick
def test_bad_configuration(bench):
    """A wrong line is named by file and number, and everything goes on as before."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database)
    pids = gw.workers()
    tracker = bench.tracker(gw, imei).login()
    with open(gw.conf_path) as f:
        good = f.read()
    now = int(time.time() * 1000)
    lines = good.count("\n")
    for n, bad in enumerate(("TELEM_NO_SUCH_KEY=1", "TELEM_IDLE_TIMEOUT_S=0", "TELEM_LOG_LEVEL=loud",
                             "TELEM_DRAIN_TIMEOUT_MS=abc", "no equals sign")):
        with open(gw.conf_path, "w") as f:
            f.write(good + bad + "\n")
        gw.hup()
        proc.wait_until(lambda: gw.log_text().count("%s:%d: " % (gw.conf_path, lines + 1)) == n + 1, 5,
                        "the log names the line of: " + bad)
        proc.equal(tracker.exchange(wire.frame(8, [wire.Record(now - n, 54.5, 25.5, sats=7)])), 1, "ACK")
    proc.equal(gw.workers(), pids, "workers")
    failed = [(k, v) for k, v in gw.metrics().samples.items() if "reload" in k]
    with open(gw.conf_path, "w") as f:
        f.write(good)
    reload_and_wait(gw)
    passed = [(k, v) for k, v in gw.metrics().samples.items() if "reload" in k]
    proc.check(failed != passed, "the result of a reload is in the metrics: %s" % passed)


def test_takes_effect(bench):
    """A reload brings new values into force; what needs a restart is said and left as it is."""
    database = bench.database()
    gw = bench.gateway(database)
    imei = imeis(1)[0]
    proc.equal(bench.tracker(gw, imei).handshake(), b"\x00", "answer before")
    gw.write_conf(TELEM_GATEWAY_ALLOW_UNKNOWN_IMEI="true")
    reload_and_wait(gw)
    proc.equal(bench.tracker(gw, imei).handshake(), b"\x01", "answer after")
    gw.write_conf(TELEM_MAX_DEVICES="20000")
    reload_and_wait(gw)
    proc.wait_until(lambda: gw.logged(r"TELEM_MAX_DEVICES"), 5, "the log names the key that needs a restart")


def test_in_flight(bench):
    """The old generation ends what is in flight: commit, acknowledge, close."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database, TELEM_DRAIN_TIMEOUT_MS=30000)
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_positions IN ACCESS EXCLUSIVE MODE")
    tracker = bench.tracker(gw, imei).login()
    now = int(time.time() * 1000)
    tracker.send(wire.frame(8, [wire.Record(now, 54.5, 25.5, sats=7)]))
    proc.wait_until(lambda: gw.metrics().in_flight() == 1, 5, "the record is in flight")
    before = set(gw.workers())
    gw.hup()
    proc.wait_until(lambda: len(set(gw.workers()) - before) == 2, 20, "the new generation runs")
    proc.check(tracker.silent(), "not answered yet")
    lock.run("COMMIT")
    proc.equal(tracker.ack(), 1, "ACK of the old generation")
    tracker.expect_closed(10, "after its last ACK")
    proc.wait_until(lambda: not before & set(gw.workers()), 20, "the old generation is gone")


def test_many_signals(bench):
    """Reloads asked for faster than they can be done are folded; it ends well."""
    database = bench.database()
    names = imeis(6)
    database.add_devices(names)
    gw = bench.gateway(database)
    load = bench.fleet(gw, names)
    for _ in range(30):
        gw.hup()
        load.wait_acked(5)
    before = set(gw.workers())
    gw.hup()
    proc.wait_until(lambda: gw.workers() and not before & set(gw.workers())
                    and len(gw.workers()) == 2, 30, "one generation of two workers is left")
    load.wait_all_progress()
    load.stop()
    audit.audit(database, load)
    gw.stop()


suite.main(globals())
