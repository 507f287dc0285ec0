"""The stand: a private PostgreSQL with the settings of the benchmark, gateways, and simulated trackers."""
import json
import os
import signal
import subprocess
import time

from lib import gateway, postgres, proc, suite

from . import machine

SETTINGS = [
    ("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on"),
    ("shared_buffers", "1GB"), ("min_wal_size", "4GB"), ("max_wal_size", "16GB"),
    ("checkpoint_timeout", "1h"), ("autovacuum", "off"), ("jit", "off"), ("max_connections", "80"),
]
"""Checkpoints and autovacuum would fall into one run and not into the next; both sides go without."""

FIRST_IMEI = 350000000000000


class Stand:
    def __init__(self, scope, workers):
        self.scope = scope
        self.workers = workers
        self.folder = proc.scratch(scope, "tg-bench-")
        self.cluster = postgres.Cluster(scope)
        self.cluster.stop(signal.SIGINT)
        with open(os.path.join(self.cluster.data, "postgresql.conf"), "a") as conf:
            conf.writelines("%s = %s\n" % item for item in SETTINGS)
        self.cluster.start()
        suite.Shared.make_template(None, self.cluster)
        self.made = 0

    @property
    def postgres_pid(self):
        return self.cluster.server.pid

    def database(self, devices):
        self.made += 1
        name = "b%d" % self.made
        self.cluster.query("CREATE DATABASE %s OWNER tg TEMPLATE tg_template" % name, "postgres")
        db = postgres.Database(self.cluster, name)
        db.admin_url = self.cluster.url(name, "postgres")
        db.query("INSERT INTO devices (imei) SELECT (%d + i)::text FROM generate_series(0, %d) i;"
                 " ANALYZE devices" % (FIRST_IMEI, devices - 1))
        return db

    def gateway(self, db, **keys):
        self.made += 1
        folder = os.path.join(self.folder, "g%d" % self.made)
        os.mkdir(folder)
        keys = dict({"TELEM_WORKERS": self.workers, "TELEM_MAX_DEVICES": 200000,
                     "TELEM_LOG_LEVEL": "warn"}, **keys)
        return Running(self, folder, db, keys)

    def checkpoint(self, db, truncate=True):
        if truncate:
            db.query("TRUNCATE device_positions")
        db.query("CHECKPOINT")
        machine.wait_idle(self.postgres_pid)


class Running(gateway.Gateway):
    """A gateway of the stand that has loaded its devices."""

    def __init__(self, stand, folder, db, keys):
        super().__init__(stand.scope, folder, db.url, start=False, **keys)
        self.stand, self.db = stand, db
        # The harness reads the port from a line of level info.
        self.keys["TELEM_LOG_LEVEL"] = "info"
        self.start()
        machine.wait_idle(self.process.pid)

    def cpu(self):
        return machine.tree_cpu(self.process.pid)

    def active(self):
        return self.metrics()['telematics_connections{state="active"}']

    def settle(self):
        """Waits until the trackers are gone and what they left is written."""
        proc.wait_until(lambda: self.active() == 0, 60, "the trackers are gone")
        machine.wait_idle(self.stand.postgres_pid)

    def finish(self):
        self.stop(30)


class Sim:
    """`tgctl sim` in the background; result() waits for its report."""

    def __init__(self, gw, *args, trackers, first=0, **options):
        argv = [gateway.TGCTL, "sim", "--port", str(gw.port), "--trackers", str(trackers),
                "--imei-base", str(FIRST_IMEI + first), "--json", "--quiet"] + list(args)
        for name, value in options.items():
            argv += ["--" + name.replace("_", "-"), str(value)]
        self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, start_new_session=True)
        gw.stand.scope.later(self.kill)

    def running(self):
        return self.child.poll() is None

    def kill(self):
        if self.running():
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.communicate()

    def interrupt(self):
        if self.running():
            self.child.send_signal(signal.SIGINT)

    def result(self, seconds=120, must_succeed=True):
        out, err = self.child.communicate(timeout=seconds)
        proc.check(out.strip(), "tgctl sim said nothing: %s" % err.decode())
        report = json.loads(out)
        proc.check(report["ok"] or not must_succeed,
                   "not everything was acknowledged: %s %s" % (report, err.decode()))
        return report


class Window:
    """CPU and records between two moments."""

    def __init__(self, gw):
        self.gw = gw
        self.began = self._now()

    def _now(self):
        stand = self.gw.stand
        metrics = self.gw.metrics()
        return {"at": time.monotonic(), "gateway": self.gw.cpu(),
                "postgres": machine.tree_cpu(stand.postgres_pid), "stored": metrics.outcome("stored"),
                "duplicate": metrics.outcome("duplicate"),
                "copies": metrics.get('telematics_batches_total{way="copy"}'),
                "inserts": metrics.get('telematics_batches_total{way="insert"}'),
                "live": metrics.get("telematics_live_updates_total")}

    def close(self):
        now = self._now()
        return {key: now[key] - self.began[key] for key in now}


def gather(gw, trackers, seconds, start_ms, records, **options):
    """One run at full speed: what a record cost between the first second and the last."""
    sim = Sim(gw, trackers=trackers, records=records, start_time=start_ms, step=1000,
              connect_parallel=0, **options)
    try:
        # The first frames of a connection go another way: begin when they are through.
        goal = gw.metrics().outcome("stored") + 2 * trackers * records
        proc.wait_until(lambda: gw.active() == trackers and gw.metrics().outcome("stored") >= goal, 90,
                        "all trackers are at work")
        window = Window(gw)
        time.sleep(seconds)
        found = window.close()
        sim.interrupt()
        report = sim.result(must_succeed=False)
    finally:
        sim.kill()
    n = found["stored"] + found["duplicate"]
    proc.check(n > 0, "nothing was stored")
    return {"rate": n / found["at"], "gateway_us": found["gateway"] / n * 1e6,
            "postgres_us": found["postgres"] / n * 1e6, "records": n,
            "sim_us": report["cpu_seconds"] / report["records_acked"] * 1e6,
            "batch": n / max(1, found["copies"] + found["inserts"]),
            "copied": found["copies"] / max(1, found["copies"] + found["inserts"]),
            "live_rate": found["live"] / found["at"], "p50_ms": report["latency_us"]["p50"] / 1e3,
            "p99_ms": report["latency_us"]["p99"] / 1e3}
