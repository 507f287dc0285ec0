"""Reads /metrics, and watches the rules that it must never break (design: counters and identity)."""
import re
import threading

from . import proc

LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})? (\S+)$')
OUTCOMES = ("stored", "duplicate", "quarantined", "refused")


def parse(text):
    """{'name{label="x"}': value}; the samples of a line-by-line checked page."""
    samples, types = {}, {}
    for line in text.splitlines():
        if not line:
            continue
        if line.startswith("#"):
            words = line.split(None, 3)
            if len(words) >= 4 and words[1] == "TYPE":
                proc.check(words[2] not in types, "TYPE given twice: %s" % words[2])
                types[words[2]] = words[3]
            continue
        match = LINE.match(line)
        proc.check(match, "not a line of the Prometheus text format: %r" % line)
        key = match.group(1) + (match.group(2) or "")
        proc.check(key not in samples, "sample given twice: %s" % key)
        samples[key] = float(match.group(3))
    return Metrics(samples, types)


class Metrics:
    def __init__(self, samples, types):
        self.samples, self.types = samples, types

    def __getitem__(self, key):
        return self.samples[key]

    def get(self, key):
        return self.samples.get(key, 0)

    def outcome(self, name):
        return self.get('telematics_records_total{outcome="%s"}' % name)

    def received(self):
        return self.get("telematics_avl_records_total")

    def in_flight(self):
        return self.get("telematics_records_in_flight")

    def identity(self):
        """What is wrong with received = outcomes + in flight, or None."""
        total = sum(self.outcome(o) for o in OUTCOMES) + self.in_flight()
        if self.received() != total:
            return "received %d, but outcomes and in flight make %d: %s" % (
                self.received(), total, {o: self.outcome(o) for o in OUTCOMES})
        return None

    def counters(self):
        for key, value in self.samples.items():
            name = key.split("{")[0]
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            if self.types.get(name) == "counter" or self.types.get(base) == "histogram":
                yield key, value


class Watch:
    """Scrapes without pause in a thread; finish() fails if any scrape broke a rule."""

    def __init__(self, gateway, scope):
        self.gateway, self.scrapes, self.broken = gateway, 0, []
        self.last = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        scope.later(self._stop)

    def _run(self):
        while not self.over.wait(0.02):
            try:
                now = self.gateway.metrics()
            except OSError:
                continue   # the gateway is going; whoever stops it checks that
            except proc.Failure as failure:
                self.broken.append(str(failure))
                continue
            self.scrapes += 1
            wrong = now.identity()
            if wrong:
                self.broken.append(wrong)
            if self.last:
                before = self.last.samples
                # After an upgrade another process says how much it has used.
                if before.get("process_start_time_seconds") != \
                        now.samples.get("process_start_time_seconds"):
                    before = {k: v for k, v in before.items() if not k.startswith("process_")}
                self.broken += ["%s went from %g to %g" % (k, before[k], v)
                                for k, v in now.counters() if v < before.get(k, 0)]
                gone = [k for k, _ in self.last.counters() if k not in now.samples]
                self.broken += ["%s is gone" % k for k in gone]
            self.last = now

    def _stop(self):
        self.over.set()
        self.thread.join(20)

    def finish(self, least=5):
        proc.wait_until(lambda: self.scrapes >= least, 30, "%d scrapes" % least)
        self._stop()
        proc.check(not self.broken, "%d of the rules of /metrics broken in %d scrapes, first: %s"
                   % (len(self.broken), self.scrapes, "; ".join(self.broken[:4])))
