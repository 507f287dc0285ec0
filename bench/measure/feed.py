"""What the live feed costs whoever writes live rows (migrations/0012_live_feed.sql), and what it does to ACKs."""
import threading
import time

from lib import feed, proc

from . import machine
from .stand import Sim, Window
from .table import Row

TRACKERS = 4000   # a record each a second: as many live rows
BARE, OFF, ON = "without triggers", "off", "on"
TRIGGERS = ["telematics_live_%s" % event for event in ("insert", "update", "delete")]


def thread_time(pid):
    """CPU seconds of a process with one thread, to the nanosecond."""
    with open("/proc/%d/schedstat" % pid) as f:
        return int(f.read().split()[0]) / 1e9


class Switch:
    """Somebody listens all the time; whether the feed is on is as one says."""

    def __init__(self, bench, db):
        self.db, self.bare, self.ended = db, False, threading.Event()
        self.listener = feed.Listener(db, bench.stand.scope, "telematics_live")
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while not self.ended.wait(0.2):
            self.listener.session.run("SELECT 1")

    def turn(self, what):
        if self.bare != (what == BARE):
            self.bare = what == BARE
            self.db.query("".join("ALTER TABLE device_online %s TRIGGER %s;" % ("DISABLE" if self.bare else "ENABLE", name)
                                  for name in TRIGGERS))
        # In the future by less than the feed minds: a measurement is shorter.
        self.db.query("UPDATE omnitrack.heartbeat SET beat_at = %s" % (
            "clock_timestamp() + interval '10 s'" if what == ON else "'-infinity'"))

    def close(self):
        self.turn(OFF)
        self.ended.set()
        self.thread.join()
        self.listener.session.close()


def _writers(bench, db):
    """The backends that write live rows, one a worker."""
    pids = [int(pid) for pid in db.query("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                                         " AND application_name LIKE '%tasks%'").split()]
    proc.equal(len(pids), bench.stand.workers, "backends that write live rows")
    return pids


def _run(gw, pids, seconds):
    """CPU in µs a live row: of the backends that write them, and of gateway and PostgreSQL as a whole."""
    window, before = Window(gw), sum(thread_time(p) for p in pids)
    time.sleep(seconds)
    found, used = window.close(), sum(thread_time(p) for p in pids) - before
    rows = found["live"]
    proc.check(rows > TRACKERS * seconds / 2, "%d live rows in %d s" % (rows, seconds))
    return {"writers": used / rows * 1e6, "all": (found["gateway"] + found["postgres"]) / rows * 1e6, "rows": rows}


def live_rows(bench):
    """The feed on, off, and no triggers at all, by turns, with one fleet that goes on."""
    db = bench.stand.database(TRACKERS)
    gw = bench.stand.gateway(db)
    sim = Sim(gw, trackers=TRACKERS, records=1, interval=1000, duration=3600)
    proc.wait_until(lambda: gw.metrics().outcome("stored") > 3 * TRACKERS, 90, "the fleet drives")
    switch, pids, found = Switch(bench, db), _writers(bench, db), {BARE: [], OFF: [], ON: []}
    for turn in range(4 * bench.rounds):
        for what in list(found)[::1 if turn % 2 else -1]:
            switch.turn(what)
            time.sleep(0.5)   # the statement that had begun otherwise
            found[what].append(_run(gw, pids, bench.seconds / 2))
            bench.detail("feed " + what, found[what][-1])
    proc.equal(db.query("SELECT last_value FROM omnitrack.live_failures"), "0", "failures of the feed")
    switch.close()
    sim.kill()
    gw.settle()
    gw.finish()

    def us(what, key):
        return machine.median([run[key] for run in found[what]])

    def ratio(key, base=OFF):
        """Of runs of one turn, as the machine's mood is theirs alike."""
        return machine.median([on[key] / off[key] for on, off in zip(found[ON], found[base])])
    return [Row("live-row writes, CPU a row: feed on ÷ off", ratio("writers"), 1.1, "low", "", 2,
                "%.1f ÷ %.1f µs of the backends that write; %.1f without triggers (÷ that: %.2f); gateway and PostgreSQL"
                " as a whole %.2f, a record a frame" % (us(ON, "writers"), us(OFF, "writers"), us(BARE, "writers"),
                                                       ratio("writers", BARE), ratio("all")))]
