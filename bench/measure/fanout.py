"""The web application under load: a hundred thousand devices, ten thousand changes a second, a hundred sockets."""
import random
import threading
import time

from lib import proc

from . import machine
from .desk import DEVICES, Desk, Driver, fill, IN_VIEW, latencies, LEVEL_4, percentile, Sockets
from .table import Row

SOCKETS, USERS, DEAF = 100, 5, 20
QUIET_S = 60   # an inventory a minute, a reconcile each 15 s


def _fleet(bench):
    """The database and its server, made once."""
    if getattr(bench, "desk", None) is None:
        db = bench.stand.database(DEVICES)
        fill(db)
        bench.desk = Desk(bench.stand, db)
        bench.desk.loaded(DEVICES)
        bench.admin = bench.desk.server.admin()
    return bench.desk


def keeping_up(bench):
    """What a process that nobody looks at asks of PostgreSQL."""
    desk = _fleet(bench)
    seconds = QUIET_S / 2 if bench.quick else QUIET_S
    before = machine.tree_cpu(bench.stand.postgres_pid), desk.cpu()
    time.sleep(seconds)
    used = [(b - a) * 1000 / seconds for a, b in zip(before, (machine.tree_cpu(bench.stand.postgres_pid), desk.cpu()))]
    return [Row("keeping up with 100,000 devices that stand still, CPU of PostgreSQL", used[0], 50, "low", "ms/s", 1,
                "reconcile, inventory and clock; web process %.1f ms/s, %.0f MB" % (used[1], desk.resident_mb()))]


def search(bench):
    """Words as one types them: beginnings of names, plates and IMEIs, by somebody who may see half of the groups."""
    desk, rng = _fleet(bench), random.Random(1)
    groups = [g["id"] for g in bench.admin.get("/groups")["items"] if g["name"].startswith("Depot")]
    viewer = bench.admin.make_user("half", *[(g, "viewer") for g in groups[::2]])
    times = []
    for turn in range(40 if bench.quick else 200):
        n = rng.randrange(DEVICES)
        words = [("truck+%d" % n, "KA+%d" % n, str(350000000000000 + n), "%d" % (n % 1000), "truck")[turn % 5]]
        began = time.monotonic()
        viewer.get("/devices?q=%s&limit=50" % words[0])
        times.append((time.monotonic() - began) * 1000)
    times.sort()
    return [Row("search in 100,000 devices, p95", percentile(times, 0.95), 100, "low", "ms", 1,
                "GET /devices with names, plates, IMEIs by a user of half of the groups; p50 %.1f ms, %d searches"
                % (percentile(times, 0.5), len(times)))]


class _Memory:
    """The most that a process held, looked at four times a second."""

    def __init__(self, desk):
        self.desk, self.most, self.ended = desk, 0, threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self):
        while not self.ended.wait(0.25):
            self.most = max(self.most, self.desk.resident_mb())

    def close(self):
        self.ended.set()
        self.thread.join()
        return self.most


def _window(bench, desk, sockets, driver, seconds):
    """What the process used and how late frames were in that time."""
    del sockets.frames[:]
    memory, began = _Memory(desk), time.monotonic()
    cpu, server = desk.cpu(), machine.tree_cpu(bench.stand.postgres_pid)
    time.sleep(seconds)
    ended = time.monotonic()
    cpu, server = (desk.cpu() - cpu) / (ended - began), (machine.tree_cpu(bench.stand.postgres_pid) - server) / (ended - began)
    time.sleep(3)   # frames of what was committed last
    late = latencies(list(sockets.frames), dict(driver.committed), began, ended)
    rows = sum(1 for at in dict(driver.committed).values() if began <= at <= ended) * driver.ROWS / (ended - began)
    found = {"cpu_ms": cpu * 1000, "postgres_ms": server * 1000, "p50_s": percentile(late, 0.5),
             "p99_s": percentile(late, 0.99), "memory_mb": memory.close(), "rows": rows, "changes": len(late)}
    bench.detail("fan-out", found)
    return found


def fan_out(bench):
    desk = _fleet(bench)
    users = [bench.admin.make_user("desk%d" % i, ("1", "viewer")) for i in range(USERS)]
    sockets = Sockets(bench.stand.scope)
    for i in range(SOCKETS):
        sockets.open(users[i % USERS], LEVEL_4, probe=i == SOCKETS // 2)
    proc.wait_until(lambda: desk.server.metric("omnitrack_live_clients") == SOCKETS, 60, "all sockets are open", every=0.5)
    machine.wait_idle(desk.pid, 60)
    driver = Driver(bench.stand.scope, desk.db)
    time.sleep(5)
    good = _window(bench, desk, sockets, driver, 10 if bench.quick else 30)
    proc.check(good["rows"] > 9500, "only %.0f changes/s were written" % good["rows"])
    proc.equal(sockets.alive(), SOCKETS, "sockets that are open")
    deaf = [sockets.open(bench.admin, LEVEL_4, reads=False) for _ in range(DEAF)]
    bad = _window(bench, desk, sockets, driver, 40)
    cut = desk.server.metric("omnitrack_live_cut_total")
    driver.close()
    proc.equal((sockets.alive() - len(deaf), cut), (SOCKETS, DEAF), "sockets that read, and those that were cut off")
    sockets.close()
    load = "%s changes/s of %s devices in view, %d sockets" % ("{:,.0f}".format(good["rows"]), "{:,}".format(IN_VIEW), SOCKETS)
    return [
        Row("live row committed → the frame that holds it, p50", good["p50_s"], 1.2, "low", "s", 2, load),
        Row("live row committed → the frame that holds it, p99", good["p99_s"], 2.5, "low", "s", 2),
        Row("web process at that load, CPU", good["cpu_ms"], 150, "low", "ms/s", 0,
            "PostgreSQL, which is written to and read from: %.0f ms/s" % good["postgres_ms"]),
        Row("web process at that load, memory", good["memory_mb"], 200 + SOCKETS, "low", "MB", 0, "100,000 devices"),
        Row("the same with %d more that never read, memory" % DEAF, bad["memory_mb"], 200 + SOCKETS, "low", "MB", 0,
            "the most in 40 s, in which they are cut off; frames of the others p99 %.2f s, CPU %.0f ms/s"
            % (bad["p99_s"], bad["cpu_ms"])),
    ]
