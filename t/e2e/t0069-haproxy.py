#!/usr/bin/env python3
"""Two gateways behind a real HAProxy, configured as doc/scaling.md shows: no record is lost or stored twice, whatever ends."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, balancer, proc, suite, wire
from lib.fleet import imeis


class Site:
    """The database, two gateways, and the balancer before them."""

    def __init__(self, bench, trackers, cluster=None):
        self.bench = bench
        self.database = bench.database(cluster)
        self.names = imeis(trackers)
        self.database.add_devices(self.names)
        self.gateways = [self.gateway(name) for name in ("one", "two")]
        port = proc.free_port()
        text = balancer.example("doc/scaling.md", "haproxy", ("bind :5027", "bind 127.0.0.1:%d" % port), *(
            change for n, gw in enumerate(self.gateways, 1) for change in (
                ("192.0.2.2%d:5027 send-proxy-v2 check port 9092" % n,
                 "127.0.0.1:%d send-proxy-v2 check port %s" % (gw.port, gw.keys["METRICS_PORT"])),)))
        self.proxy = balancer.Balancer(bench.scope, bench.folder, "haproxy", text, port)

    def gateway(self, name):
        return self.bench.gateway(self.database, TELEM_GATEWAY_ID=name, TELEM_PROXY_FROM="127.0.0.1",
                                  TELEM_GATEWAY_PORT=proc.free_port())

    def online(self):
        """How many trackers each gateway has."""
        return dict(line.split("\t") for line in self.database.query(
            "SELECT gateway, count(*) FROM device_online WHERE online GROUP BY 1").splitlines())

    def audited(self, fleet):
        fleet.stop()
        acked, stored = audit.audit(self.database, fleet)
        proc.check(acked > 0 and stored >= acked, "%d acknowledged, %d stored" % (acked, stored))


@suite.quick
def test_address(bench):
    """A tracker behind it is known by its own address, and both gateways get their share."""
    if not balancer.can("haproxy"):
        return
    site = Site(bench, 6)
    for n, imei in enumerate(site.names):
        tracker = bench.tracker(site.proxy, imei, source="127.0.1.%d" % (n + 1)).login()
        proc.equal(tracker.exchange(wire.frame(wire.CODEC_8, [wire.Record(int(time.time() * 1000), 54.5, 25.5, sats=7)])), 1, "ACK")
    proc.wait_until(lambda: site.online() == {"one": "3", "two": "3"}, 10, "each gateway has half of the trackers")
    proc.equal(site.database.query("SELECT string_agg(host(remote_addr), ' ' ORDER BY device_id) FROM device_online"),
               " ".join("127.0.1.%d" % (n + 1) for n in range(6)), "addresses")


def test_stopped(bench):
    """A gateway is drained and comes back: its trackers are served by the other meanwhile."""
    if not balancer.can("haproxy"):
        return
    site = Site(bench, 16)
    one, two = site.gateways
    fleet = bench.fleet(site.proxy, site.names, delay=0.05)
    fleet.wait_all_progress()
    one.stop()
    fleet.wait_all_progress()
    proc.wait_until(lambda: site.online() == {"two": "16"}, 20, "the other gateway has them all")
    one.start()
    mark = int(one.metrics()["telematics_handshakes_total"])
    two.stop()
    fleet.wait_all_progress()
    proc.check(int(one.metrics()["telematics_handshakes_total"]) > mark, "and the first, when it is back")
    site.audited(fleet)


def test_killed(bench):
    """A gateway is killed again and again under load."""
    if not balancer.can("haproxy"):
        return
    site = Site(bench, 16)
    fleet = bench.fleet(site.proxy, site.names, delay=0.01)
    for n in range(4):
        fleet.wait_all_progress()
        killed = site.gateways[n % 2]
        for pid in killed.workers() + [killed.pid()]:
            os.kill(pid, signal.SIGKILL)
        fleet.wait_all_progress()
        killed.start()
    fleet.wait_all_progress()
    site.audited(fleet)


def test_database_away(bench):
    """Without the database both gateways are not ready; trackers wait, and are served once it is back."""
    if not balancer.can("haproxy"):
        return
    site = Site(bench, 8, bench.own_cluster())
    fleet = bench.fleet(site.proxy, site.names, delay=0.05)
    fleet.wait_all_progress()
    cluster = site.database.cluster
    cluster.stop()
    for gw in site.gateways:
        proc.wait_until(lambda: gw.readyz()[0] == 503, 30, "not ready")
    cluster.start()
    fleet.wait_all_progress()
    site.audited(fleet)


suite.main(globals())
