"""What the crash test runs: a PostgreSQL, gateways on it, a fleet that keeps what it sent, and clients that mean no good."""
import collections
import os
import shutil
import socket
import threading
import time

from lib import faketime, proc, web, wire
from lib.fleet import imeis

from . import scarce, servers

STRANGER = "359999999999990"
"""An IMEI that no device has."""


class Hostile(threading.Thread):
    """Comes with garbage, half frames, strange lengths, bit by bit, or says nothing; about thirty times a second."""

    def __init__(self, site, rnd):
        super().__init__(daemon=True)
        self.site, self.rnd = site, rnd
        self.over = threading.Event()
        self.open = collections.deque()
        self.count = 0
        self.start()

    def run(self):
        while not self.over.is_set():
            try:
                self.attack()
            except OSError:
                pass
            while len(self.open) > 40:
                self.open.popleft().close()
            self.over.wait(0.03)
        for sock in self.open:
            sock.close()

    def attack(self):
        sock = socket.create_connection(("127.0.0.1", self.rnd.choice(self.site.gateways).port), 1)
        self.open.append(sock)   # and stays, half open, until others have come
        sock.settimeout(1)
        self.count += 1
        frame = wire.frame(wire.CODEC_8, [wire.Record(1_700_000_000_000, 54, 25, sats=5)])
        known = wire.imei_packet(self.site.victim)
        kind = self.rnd.randrange(6)
        if kind == 0:
            sock.sendall(self.rnd.randbytes(self.rnd.randrange(1, 3000)))
        elif kind == 1:
            sock.sendall(wire.imei_packet(STRANGER) + frame)
        elif kind == 2:
            sock.sendall(known + frame[:self.rnd.randrange(1, len(frame))])
        elif kind == 3:
            sock.sendall(known + b"\0\0\0\0" + self.rnd.randrange(1 << 32).to_bytes(4, "big") + b"\x08" * 100)
        elif kind == 4:
            for byte in known + frame[:-1]:
                sock.sendall(bytes([byte]))
        # else: it says nothing at all


class Site:
    """`gateways` of them on one database, `trackers` of the fleet over all; `rnd` decides what the clients do; `needs` is what
    the faults need, of faults.NEEDS."""

    def __init__(self, bench, rnd, gateways, trackers, needs=()):
        self.bench = bench
        self.servers = servers.Servers(bench, "disk" in needs, "standby" in needs, "net" in needs)
        self.database = bench.database(self.cluster)
        self.clocks = [os.path.join(bench.folder, "clock-%d" % n) for n in range(gateways)] if "clock" in needs else []
        for path in self.clocks:
            faketime.set_clock(path, "+0")
        self.scarce = [os.path.join(bench.folder, "scarce-%d" % n) for n in range(gateways)] if "memory" in needs else []
        for path in self.scarce:
            scarce.set_scarce(path, 0)
        self.names = imeis(trackers)
        self.victim = imeis(1, 350000000900000)[0]
        self.database.add_devices(self.names + [self.victim])
        self.gateways = [bench.gateway(self.servers.url(self.database.name), TELEM_GATEWAY_ID="gw%d" % n,
                                       TELEM_GATEWAY_PORT=proc.free_port(),
                                       env=self.environment(n))
                         for n in range(gateways)]
        self.web = None
        if "web" in needs:
            self.web = web.Web(bench, self.database, self.servers.url(self.database.name, web.granted(bench, self.database)))
            self.web.admin()
        self.fleet = bench.fleet(self.gateways, self.names, seed=rnd.randrange(1 << 20), delay=0.02)
        self.hostile = Hostile(self, rnd.__class__(rnd.randrange(1 << 20)))
        bench.scope.later(self.hostile.over.set)

    def environment(self, n):
        """Of the n-th gateway: what lets its clock step, and its memory run out."""
        parts = []
        if self.clocks:
            parts.append(faketime.following(self.clocks[n]))
        if self.scarce:
            parts.append(scarce.following(self.scarce[n], self.bench.folder))
        made = {name: value for part in parts for name, value in part.items()}
        if parts:
            made["LD_PRELOAD"] = ":".join(part["LD_PRELOAD"] for part in parts)
        return made

    def scarce_of(self, gw):
        """The file that says how scarce the memory of a gateway's workers is."""
        return self.scarce[self.gateways.index(gw)]

    @property
    def cluster(self):
        """The server that can be written to."""
        return self.servers.primary

    def fail_over(self):
        """Returns the old primary."""
        old = self.servers.fail_over()
        self.database.cluster = self.servers.primary
        return old

    def calm(self):
        """All came back: every tracker is served again, and every gateway is ready, and so is the web application."""
        for gw in self.gateways:
            gw.wait_ready(60)
        self.fleet.wait_all_progress(90)
        if self.web:
            proc.wait_until(lambda: self.web.ops("/readyz")[0] == 200, 60, "the web application is ready")

    def compare_web(self):
        """What the web application shows of the fleet is what the database says. For a fleet that has come to rest."""
        if self.web is None:
            return
        asks = web.Browser(self.web).sign_in("admin")
        stored = "SELECT device_id, online, round(latitude::numeric * 1e7) FROM device_online WHERE latitude IS NOT NULL ORDER BY 1"

        def shown():
            return sorted([int(i["id"]), i["online"], round(i["latitude"] * 1e7)] for i in asks.get("/live?limit=1000")["items"]
                          if i["latitude"] is not None)

        def known():
            return [[int(ident), online == "t", int(latitude)] for ident, online, latitude in self.database.rows(stored)]
        try:
            proc.wait_until(lambda: shown() == known(), 60, "the web application shows what is stored")
        except proc.Failure:
            proc.equal(shown(), known(), "devices in the web application, and in the database")
            raise

    def sizes(self):
        """Resident kB and descriptors of all processes of the gateways."""
        kb = fds = 0
        for gw in self.gateways:
            for pid in [gw.pid()] + proc.children(gw.pid()):
                try:
                    kb += proc.resident_kb(pid)
                    fds += len(os.listdir("/proc/%d/fd" % pid))
                except (OSError, TypeError):
                    pass   # it went meanwhile
        return kb, fds

    def dump(self, folder):
        """What is needed to find the cause: the three histories, and the logs."""
        os.makedirs(folder, exist_ok=True)
        for name, pick in (("sent", lambda u: u.sent), ("acknowledged", lambda u: u.acked)):
            with open(os.path.join(folder, name), "w") as f:
                f.writelines("%s %d\n" % (u.imei, ts) for u in self.fleet.units for ts in sorted(pick(u)))
        with open(os.path.join(folder, "stored"), "w") as f:
            f.write(self.database.query("SELECT d.imei || ' ' || (extract(epoch FROM recorded_at) * 1000)::bigint FROM device_positions"
                                        " JOIN devices d ON d.id = device_id ORDER BY 1") + "\n")
        for n, gw in enumerate(self.gateways):
            with open(os.path.join(folder, "gateway-%d.log" % n), "w") as f:
                f.write(gw.log_text())
        if self.web:
            shutil.copy(self.web.log, os.path.join(folder, "web.log"))
        for n, cluster in enumerate(self.servers.all):
            shutil.copy(cluster.log, os.path.join(folder, "postgres-%d.log" % n))


def stamp():
    return time.strftime("%H:%M:%S")
