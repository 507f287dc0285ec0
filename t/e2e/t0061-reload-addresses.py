#!/usr/bin/env python3
"""SIGHUP with other addresses and another number of workers: nobody who was queued is lost."""
import os
import signal
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, proc, suite, wire
from lib.fleet import imeis
from lib.knocker import Knocker


def reload(gw, **keys):
    """Writes the keys, reloads, and waits for the new generation to be alone."""
    goal = gw.metrics()["telematics_generation"] + 1
    gw.write_conf(**keys)
    gw.hup()
    count = int(gw.keys["TELEM_WORKERS"])
    proc.wait_until(lambda: gw.metrics()["telematics_generation"] == goal
                    and len(gw.workers()) == count and gw.all_accept(), 40,
                    "generation %d of %d workers" % (goal, count))


def refused(host, port):
    try:
        socket.create_connection((host, port), 2).close()
    except ConnectionRefusedError:
        return True
    return False


def test_workers(bench):
    """2, 5, 1, 3 workers under load: no connection refused or reset, all workers serve; the audit."""
    database = bench.database()
    names = imeis(16)
    database.add_devices(names)
    gw = bench.gateway(database)
    watch = bench.watch(gw)
    load = bench.fleet(gw, names[:15])
    knocker = Knocker(bench.scope, gw, names[15])
    for count in (5, 1, 3):
        load.wait_acked(proc.scaled(400, 100))
        reload(gw, TELEM_WORKERS=count)
        load.wait_all_progress()
    proc.wait_until(lambda: len({w["slot"] for w in gw.status()["workers"]}) == 3, 5, "three slots")
    load.stop()
    knocker.finish(3 * 2)
    watch.finish()
    audit.audit(database, load)
    proc.equal(gw.metrics()["telematics_slot_adoptions_total"], 0, "adoptions of slots that are down")
    proc.check(not gw.logged("keeps its value"), "a key that needs a restart")
    gw.stop()


@suite.quick
def test_addresses(bench):
    """An address comes and goes; what is in its queue when it goes is still served."""
    database = bench.database()
    names = imeis(2)
    database.add_devices(names)
    # One that the kernel chose for the first address may be somebody's on the second.
    port = proc.free_port()
    gw = bench.gateway(database, TELEM_GATEWAY_PORT=port)
    knocker = Knocker(bench.scope, gw, names[1])
    proc.check(refused("127.0.0.2", port), "the second address is not there yet")
    reload(gw, TELEM_GATEWAY_BIND="127.0.0.1,127.0.0.2")
    proc.equal(len(gw.status()["listen"]), 2, "addresses in /status")
    second = socket.create_connection(("127.0.0.2", port), 10 * proc.BUSY)
    bench.scope.later(second.close)
    second.sendall(wire.imei_packet(names[0]))
    proc.equal(second.recv(1), b"\x01", "answer on the second address")
    # Nobody accepts while the workers stand still: these wait in the queues of the old sockets.
    stopped = gw.workers()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    queued = [socket.create_connection(("127.0.0.2", port), 10 * proc.BUSY) for _ in range(20)]
    for one in queued:
        bench.scope.later(one.close)
        one.sendall(wire.imei_packet(names[0]))
    gw.write_conf(TELEM_GATEWAY_BIND="127.0.0.1")
    gw.hup()
    proc.wait_until(lambda: gw.metrics()["telematics_generation"] == 3, 20, "the new generation")
    for one in queued:
        proc.equal(one.recv(1), b"\x01", "answer to one that was queued")
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    proc.wait_until(lambda: refused("127.0.0.2", port), 30, "the second address is closed")
    proc.check(gw.logged(r"no longer listening on 127\.0\.0\.2:%d" % port), "the log says so")
    knocker.finish(4)
    gw.stop()


def test_port(bench):
    """Another port: both serve while the old workers drain, then the old one is closed."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database)
    old, new = gw.port, proc.free_port()
    reload(gw, TELEM_GATEWAY_PORT=new)
    gw.port = new
    proc.equal(bench.tracker(gw, imeis(1)[0]).handshake(), b"\x01", "answer on the new port")
    proc.wait_until(lambda: refused("127.0.0.1", old), 20, "the old port is closed")
    gw.stop()


def test_not_possible(bench):
    """A port in use, an address that isn't ours: said, and nothing is changed; so for restart keys."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database)
    workers = gw.workers()
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        gw.write_conf(TELEM_GATEWAY_PORT=busy.getsockname()[1], TELEM_WORKERS=4)
        gw.hup()
        proc.wait_until(lambda: gw.logged("reload: .*is in use.*nothing is changed"), 10, "the reason")
    gw.write_conf(TELEM_GATEWAY_PORT=0, TELEM_GATEWAY_BIND="127.0.0.1,192.0.2.1")
    gw.hup()
    proc.wait_until(lambda: gw.logged("reload: .*no such address.*nothing is changed"), 10, "the reason")
    proc.equal(gw.workers(), workers, "workers")
    proc.equal(bench.tracker(gw, imeis(1)[0]).handshake(), b"\x01", "answer")
    gw.write_conf(TELEM_GATEWAY_BIND="127.0.0.1", METRICS_PORT=proc.free_port(), TELEM_WORKERS=2)
    gw.hup()
    proc.wait_until(lambda: gw.logged("METRICS_PORT keeps its value"), 10, "what needs a restart")
    gw.stop()


suite.main(globals())
