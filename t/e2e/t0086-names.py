#!/usr/bin/env python3
"""The database under a host name: a silent name server stops nobody, and what it says next is followed."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, gateway, names, proc, suite
from lib.fleet import imeis


class Place:
    """A database behind doors with names, a gateway that knows the name alone, and a fleet."""

    def __init__(self, bench, host="db.e2e", **keys):
        self.bench = bench
        self.cluster = bench.own_cluster()
        self.database = bench.database(self.cluster)
        self.names = imeis(6)
        self.database.add_devices(self.names)
        self.port = proc.free_port()
        self.server = names.Server(bench.scope, {"db.e2e": [names.NET + "2"]})
        self.first, self.second = [
            names.Door(bench.scope, a, self.port, os.path.join(self.cluster.socket, ".s.PGSQL.5432"))
            for a in (names.NET + "2", names.NET + "3")]
        url = "host=%s port=%d dbname=%s user=tg" % (host, self.port, self.database.name)
        self.gw = bench.gateway(url, program=names.program(bench.folder, gateway.DAEMON), **keys)

    def hangs(self):
        return self.gw.metrics()["telematics_worker_hangs_total"]

    def end(self, load):
        load.stop()
        audit.audit(self.database, load)
        proc.equal(self.hangs(), 0, "workers killed as hung")
        self.gw.stop()


def skipped():
    if not names.possible():
        print("# SKIP needs root and unshare")
        return True
    return False


def test_silent(bench):
    """Connections are lost while the name server is silent: sessions live on, records are stored."""
    if skipped():
        return
    place = Place(bench)
    load = bench.fleet(place.gw, place.names, delay=0.02)
    load.wait_all_progress()
    place.server.silent = True
    connects = load.connects()
    for _ in range(3):
        place.first.cut()
        load.wait_all_progress(15)
    proc.equal(load.connects(), connects, "connections of the trackers")
    proc.wait_until(lambda: place.gw.readyz()[0] == 200, 10, "/readyz")
    proc.check(place.gw.logged("last known address"), "the log says that it goes on with an old address")
    killed = [p for p in place.gw.workers() if proc.comm(p) == "gateway-w0"][0]
    os.kill(killed, signal.SIGKILL)
    proc.wait_until(lambda: proc.comms(place.gw.pid()).count("gateway-w0") == 1 and place.gw.all_accept(), 20,
                    "a replacement")
    load.wait_all_progress(15)
    place.gw.hup()
    proc.wait_until(lambda: place.gw.status()["generation"] == 2, 20, "the next generation")
    load.wait_all_progress(15)
    place.gw.upgrade()
    load.wait_all_progress(15)
    place.server.silent = False
    place.first.cut()
    load.wait_all_progress(15)
    place.end(load)


def test_upkeep(bench):
    """The connection that looks after the partitions comes and goes: it doesn't wait for a silent name server either."""
    if skipped():
        return
    place = Place(bench)
    load = bench.fleet(place.gw, place.names, delay=0.02)
    load.wait_all_progress()
    last = "SELECT max(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'device_positions'::regclass"
    last += " AND inhrelid::regclass::text ~ '[0-9]$'"
    proc.wait_until(lambda: place.database.query("SELECT count(*) FROM device_positions_default") == "0"
                    and place.database.query(last), 10, "a last partition")
    gone = place.database.query(last)
    place.server.silent = True
    place.gw.hup()
    proc.wait_until(lambda: place.gw.status()["generation"] == 2 and len(place.gw.workers()) == 2, 20,
                    "the next generation is alone")
    place.database.query("DROP TABLE %s" % gone)
    place.gw.hup()
    proc.wait_until(lambda: place.database.query(last) == gone, 90, "upkeep makes the partition again")
    load.wait_all_progress(15)
    place.end(load)


def test_failover(bench):
    """The name moves to another address, and the old one is dead: the gateway follows."""
    if skipped():
        return
    place = Place(bench)
    load = bench.fleet(place.gw, place.names, delay=0.02)
    load.wait_all_progress()
    place.server.addresses["db.e2e"] = [names.NET + "3"]
    place.first.shut()
    load.wait_all_progress(15)
    # Several addresses: one that refuses is passed over.
    place.server.addresses["db.e2e"] = [names.NET + "2", names.NET + "3"]
    place.second.cut()
    load.wait_all_progress(15)
    place.end(load)


def test_host_list(bench):
    """A list with a name that is not known, one that is, and a socket."""
    if skipped():
        return
    place = Place(bench, host="nobody.e2e,db.e2e")
    load = bench.fleet(place.gw, place.names, delay=0.02)
    load.wait_all_progress()
    place.first.cut()
    load.wait_all_progress(15)
    place.end(load)


def test_never_found(bench):
    """A name that nobody knows: said in /readyz, workers stay, nothing of the process is left behind."""
    if skipped():
        return
    place = Place(bench, start=False)
    place.server.silent = True
    place.gw.start(ready=False)
    pids = place.gw.workers()
    proc.wait_until(lambda: "db.e2e" in place.gw.readyz()[1], 10, "/readyz says why")
    place.server.addresses.clear()
    place.server.silent = False
    proc.wait_until(lambda: "not known" in place.gw.readyz()[1], 90, "/readyz says that there is none")
    proc.check(set(pids) <= set(place.gw.workers()), "workers stay")
    place.server.addresses["db.e2e"] = [names.NET + "2"]
    place.gw.wait_ready()
    helpers = [p for p in proc.children(place.gw.pid()) if proc.comm(p) == "gateway-names"]
    proc.equal(len(helpers), 1, "resolvers")
    # It dies: the next question starts another. The master dies: so does it.
    os.kill(helpers[0], signal.SIGKILL)
    proc.wait_until(lambda: not proc.alive(helpers[0]), 5, "it is dead")
    proc.wait_until(lambda: place.gw.logged("resolver has ended"), 5, "the log says so")
    place.first.cut()
    proc.wait_until(lambda: "gateway-names" in proc.comms(place.gw.pid()), 10, "another")
    place.gw.wait_ready()
    helpers = [p for p in proc.children(place.gw.pid()) if proc.comm(p) == "gateway-names"]
    os.kill(place.gw.pid(), signal.SIGKILL)
    proc.wait_until(lambda: not proc.alive(helpers[0]), 10, "the resolver leaves with its master")


suite.main(globals())
