"""The course of one run: which faults happen when, by a seed; and the comparison of the three histories in the end."""
import collections
import heapq
import itertools
import json
import random
import time

from lib import audit, proc

from . import site as place
from .faults import ERRORS, FAULTS, NEEDS

ROUND = 15
"""So many faults, and then all of them end, and every tracker must be served again."""
AT_ONCE = 3


class NothingLeft(Exception):
    """This machine has nothing of what the chosen faults need."""


class Course:
    """`minutes` of faults among those named in `only` (None: all), as far as this machine has what they need; `say` gets a line for
    people, `note` an event as a dict."""

    def __init__(self, bench, seed, minutes, gateways=2, trackers=40, only=None, say=print, note=lambda event: None):
        self.rnd = random.Random(seed)
        self.seed, self.minutes, self.say, self.note = seed, minutes, say, note
        chosen = [FAULTS[name] for name in (only or sorted(FAULTS))]
        lacks = {need: NEEDS[need]() for need in sorted({f.needs for f in chosen if f.needs})}
        for fault in chosen:
            if lacks.get(fault.needs):
                say("left out: %s: %s" % (fault.name, lacks[fault.needs]))
        self.faults = [fault for fault in chosen if not lacks.get(fault.needs)]
        if not self.faults:
            raise NothingLeft("no fault is left")
        self.counts, self.missed = collections.Counter(), collections.Counter()
        self.site = place.Site(bench, self.rnd, gateways, trackers, {fault.needs for fault in self.faults})
        self.began = self.site.database.query("SELECT extract(epoch FROM now())")
        self.ends = []            # heap of (when, number, fault, gateway, what ends it)
        self.busy = set()
        self.number = itertools.count()
        self.result = None

    def run(self):
        """Returns the result as a dict; a proc.Failure is a promise that was broken."""
        self.site.calm()
        first = self.site.sizes()
        over = time.monotonic() + self.minutes * 60
        while time.monotonic() < over:
            self.round(over)
            self.site.calm()
            self.tell()
        self.site.hostile.over.set()
        self.site.fleet.finish(180)
        self.site.fleet.stop()
        last = self.site.sizes()
        acked, stored = audit.audit(self.site.database, self.site.fleet)
        self.arrivals()
        self.site.compare_web()
        sent = sum(len(u.sent) for u in self.site.fleet.units)
        self.result = {"seed": self.seed, "minutes": self.minutes, "sent": sent, "acknowledged": acked, "stored": stored,
                       "connections": self.site.fleet.connects(), "hostile": self.site.hostile.count,
                       "faults": dict(self.counts), "missed": dict(self.missed),
                       "kB": [first[0], last[0]], "descriptors": [first[1], last[1]]}
        proc.equal(stored, sent, "records that are stored in the end, of those that were sent")
        proc.equal([line for gw in self.site.gateways for line in gw.crashes()], [], "workers that crashed by themselves")
        return self.result

    def arrivals(self):
        """Whatever the clocks of the gateways' hosts do: what arrived did so during the run, by the database's clock."""
        proc.equal(self.site.database.number(
            "SELECT count(*) FROM device_positions WHERE received_at NOT BETWEEN to_timestamp(%s) - interval '1 minute' AND now()"
            " + interval '1 minute'" % self.began), 0, "records whose time of arrival is not the database's")

    def round(self, over):
        for _ in range(ROUND):
            if time.monotonic() > over:
                break
            while len(self.ends) >= AT_ONCE:
                self.end_next()
            self.begin()
            self.wait(self.rnd.uniform(0.05, 1.5))
        while self.ends:
            self.end_next()

    def begin(self):
        fault = self.rnd.choices(self.faults, [f.weight for f in self.faults])[0]
        where = fault.place
        arguments = [self.site, self.rnd]
        if where == "gateway":
            gw = self.rnd.choice(self.site.gateways)
            arguments.append(gw)
            where = gw.keys["TELEM_GATEWAY_ID"]
        lasts = self.rnd.uniform(*fault.seconds)
        # In a PostgreSQL that is away nobody takes a lock.
        if where in self.busy or (where == "locks" and "postgres" in self.busy):
            return
        try:
            end = fault.act(*arguments)
        except ERRORS as error:
            # Of gateways nothing is excused; what is done to PostgreSQL may meet it while it recovers from something else.
            if fault.place == "gateway" and not isinstance(error, (IndexError, ProcessLookupError)):
                raise
            self.missed[fault.name] += 1
            self.event("missed", fault, where, str(error)[:200])
            return
        self.counts[fault.name] += 1
        self.event("begins", fault, where, None)
        if end is not None:
            self.busy.add(where)
            heapq.heappush(self.ends, (time.monotonic() + lasts, next(self.number), fault, where, end))

    def end_next(self):
        when, _, fault, where, end = heapq.heappop(self.ends)
        self.wait(when - time.monotonic())
        end()
        self.busy.discard(where)
        self.event("ends", fault, where, None)

    def wait(self, seconds):
        time.sleep(max(0.0, seconds))

    def event(self, how, fault, where, why):
        self.note({"at": place.stamp(), "fault": fault.name, "where": where, how: why or True})

    def tell(self):
        self.say("%s  %d faults, %d records acknowledged" % (place.stamp(), sum(self.counts.values()), self.site.fleet.acked()))


def words(result):
    """The result in a few lines."""
    faults, missed = (", ".join("%s %d" % pair for pair in sorted(result[what].items())) for what in ("faults", "missed"))
    return ("%(sent)d records sent, %(acknowledged)d acknowledged, %(stored)d stored: none lost, none twice, none invented\n"
            "%(connections)d connections of trackers, %(hostile)d of clients that mean no good\n" % result
            + "faults: %s\n" % faults
            + ("tried in vain, as PostgreSQL was not there for it: %s\n" % missed if missed else "")
            + "memory of the gateways %d kB, then %d; descriptors %d, then %d" % (*result["kB"], *result["descriptors"]))


def write(path, event):
    with open(path, "a") as f:
        f.write(json.dumps(event) + "\n")
