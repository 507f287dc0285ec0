#!/usr/bin/env python3
"""/readyz never dips: not over reloads and upgrades under load, and not behind a start in the background."""
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, proc, suite
from lib.fleet import imeis


class Poll:
    """Asks again and again; what it heard that wasn't 200."""

    def __init__(self, gw):
        self.gw, self.over, self.bad, self.asked = gw, threading.Event(), [], 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.over.is_set():
            try:
                code, text = self.gw.readyz()
            except OSError:
                continue   # between two masters a connection may be reset
            self.asked += 1
            if code != 200:
                self.bad.append(text.strip())

    def stop(self):
        self.over.set()
        self.thread.join()
        proc.check(self.asked > 20, "asked %d times" % self.asked)
        proc.equal(self.bad[:5], [], "answers of /readyz")


def test_no_dip(bench):
    """Three reloads and an upgrade under load."""
    database = bench.database()
    names = imeis(6)
    database.add_devices(names)
    gw = bench.gateway(database)
    load = bench.fleet(gw, names)
    load.wait_all_progress()
    poll = Poll(gw)
    for n in (2, 3, 4):
        gw.hup()
        proc.wait_until(lambda: gw.status()["generation"] == n, 20, "generation %d" % n)
        load.wait_all_progress()
        proc.wait_until(lambda: len(gw.workers()) == 2, 20, "the old one has left")
    gw.upgrade()
    load.wait_all_progress()
    poll.stop()
    load.stop()
    audit.audit(database, load)
    gw.stop()


def test_start(bench):
    """A start in the background returns when the database has answered; without one after two seconds."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    pidfile = os.path.join(bench.folder, "pid")
    gw = bench.gateway(database, start=False, TELEM_PIDFILE=pidfile,
                       TELEM_LOG_FILE=os.path.join(bench.folder, "log"))
    gw.write_conf()
    name, mark = proc.RUN_MARK.split("=")

    def start():
        began = time.monotonic()
        code = subprocess.run([gw.program, "-c", gw.conf_path], stdin=subprocess.DEVNULL,
                              env=dict(os.environ, **{name: mark}), timeout=60 * proc.PATIENCE).returncode
        proc.equal(code, 0, "exit status")
        return time.monotonic() - began, gw.readyz()[0]

    def stop():
        with open(pidfile) as f:
            pid = int(f.read())
        os.kill(pid, 15)
        proc.wait_until(lambda: not proc.alive(pid), 20, "it stops")
    for _ in range(5):
        proc.equal(start()[1], 200, "/readyz behind the start")
        stop()
    cluster.stop()
    seconds, code = start()
    proc.equal(code, 503, "/readyz without a database")
    proc.check(seconds >= 1.9, "it waited %.1f s for the database" % seconds)
    stop()


suite.main(globals())
