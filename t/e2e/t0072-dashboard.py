#!/usr/bin/env python3
"""The Grafana dashboard and the alert rules, asked of a real Prometheus that scrapes a gateway in trouble.

Grafana itself is not needed: what it would put in for its variables is put in here, and each query of
each panel must be answered with numbers; where the traffic made something happen, with more than 0.
"""
import json
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import commands, gateway, proc, prometheus, suite, wire
from lib.fleet import imeis

DASHBOARD = os.path.join(gateway.SOURCE, "etc/grafana/telematics-gateway.json")
VARIABLES = {"$job": prometheus.JOB, "$instance": ".*", "$__rate_interval": "3s", "$__range": "1h"}
FROM_SCRAPE = {"job", "instance"}
# What this traffic doesn't make happen, or only for a moment between two scrapes: 0 will do.
QUIET = """accept_pauses accept_errors batch_failures closed_for_memory connections_paused copy_conflicts
 connections_refused imei_unanswered io_total_mismatch records_in_flight registry_full
 rejected_ledger_dropped slot_adoptions worker_hangs log_lines_dropped""".split()


def dashboard():
    with open(DASHBOARD) as f:
        return json.load(f)


def queries(board):
    """[(title of the panel, expression with the variables put in, legend)]"""
    found = []
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            text = target["expr"]
            for name, value in VARIABLES.items():
                text = text.replace(name, value)
            proc.check("$" not in text, "%s: a variable that nobody knows: %s" % (panel["title"], text))
            found.append((panel["title"], text, target["legendFormat"]))
    return found


@suite.quick
def test_form(bench):
    """The file is what Grafana 10 imports: a data source to choose, panels that don't overlap, unique ids."""
    board = dashboard()
    proc.check(board["schemaVersion"] >= 36 and board["title"] and board["uid"], "version, title, uid")
    proc.check("__inputs" not in board and "id" not in board, "an export for one installation")
    names = [v["name"] for v in board["templating"]["list"]]
    proc.equal(names, ["datasource", "job", "instance"], "variables")
    ids = [p["id"] for p in board["panels"]]
    proc.equal(len(ids), len(set(ids)), "ids of panels")
    taken = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        proc.check(at["x"] + at["w"] <= 24 and not cells & taken, "%s lies on another panel" % panel["title"])
        taken |= cells
        if panel["type"] == "row":
            continue
        proc.check(panel["targets"], "%s has no query" % panel["title"])
        refs = [t["refId"] for t in panel["targets"]]
        proc.equal(len(refs), len(set(refs)), "refIds of %s" % panel["title"])
        for part in [panel] + panel["targets"]:
            proc.equal(part["datasource"], {"type": "prometheus", "uid": "${datasource}"},
                       "data source of %s" % panel["title"])


def check_names(board, page):
    """Each metric, label and label value that a query names is in /metrics."""
    for title, text, _ in queries(board):
        selectors = re.findall(r"([a-zA-Z_]\w*)\{([^}]*)\}", text)
        proc.check(selectors, "%s: no metric in %s" % (title, text))
        labels = FROM_SCRAPE.copy()
        for name, inside in selectors:
            keys = [k for k in page.samples if k.split("{")[0] == name]
            proc.check(keys, "%s: no %s in /metrics" % (title, name))
            labels |= {l for k in keys for l in re.findall(r'(\w+)="', k)}
            for label, value in re.findall(r'(\w+)=~?"([^"]*)"', inside):
                proc.check(label in FROM_SCRAPE or any('%s="%s"' % (label, value) in k for k in keys),
                           '%s: no %s{%s="%s"} in /metrics' % (title, name, label, value))
        for group in re.findall(r"\bby \(([^)]*)\)", text):
            for label in group.replace(",", " ").split():
                proc.check(label in labels, "%s: by a label that nobody has: %s" % (title, label))


def unanswered(server, board, began):
    """The first query that has no answer yet, or not the one that it must have, or None."""
    for title, text, legend in queries(board):
        answer = server.api("query_range", query=text, start=began, end=time.time(), step="0.5")["result"]
        values = [float(v) for series in answer for _, v in series["values"]]
        numbers = [v for v in values if v == v]
        if not numbers:
            return "%s: no number from %s" % (title, text)
        if max(numbers) <= 0 and not any(name in text for name in QUIET):
            return "%s: nothing but 0 from %s" % (title, text)
        for label in re.findall(r"\{\{(\w+)\}\}", legend):
            if not all(label in series["metric"] for series in answer):
                return "%s: no label %s for the legend, in %s" % (title, label, text)
    return None


class Nuisance:
    """Trackers that do all that a panel shows, again and again until it is over."""

    def __init__(self, bench, gw, database, names, stranger):
        self.bench, self.gw, self.database, self.names, self.stranger = bench, gw, database, names, stranger
        self.over = threading.Event()
        self.rounds, self.failure = 0, None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        bench.scope.later(self.stop)

    def run(self):
        while not self.over.wait(0.2):
            try:
                self.one_round()
                self.rounds += 1
            except (OSError, proc.Failure) as failure:   # a worker was killed under it
                self.failure = failure

    def one_round(self):
        now = int(time.time() * 1000)
        records = [wire.Record(now - 1000 * i, 54.5, 25.5, sats=7) for i in range(3)]
        links = [self.bench.tracker(self.gw, self.stranger) for _ in range(3)]
        links[0].handshake()
        links[1].send(b"\x00\x0fno imei at all.")
        tracker = self.bench.tracker(self.gw, self.names[0]).login()
        good = wire.frame(8, records)
        for _ in range(2):
            proc.equal(tracker.exchange(good), 3, "ACK")
        commands.queue(self.database, self.names[0], "getinfo")
        commands.queue(self.database, self.names[0], "getver", max_attempts="1")
        proc.equal(commands.read(tracker)[1], "getinfo", "the command")
        commands.answer(tracker, b"all is well")
        proc.equal(commands.read(tracker)[1], "getver", "the next one, which gets no answer")
        tracker.send(b"\xff" + wire.message(13, 5, b"by myself", time=now // 1000)
                     + wire.wrap(b"\x55\x05abc\x05") + wire.frame(8, records, count2=9))
        proc.equal(tracker.ack(), 3, "ACK of the frame in quarantine")
        newer = self.bench.tracker(self.gw, self.names[0]).login()
        newer.send(wire.bad_crc(good))
        newer.expect_closed(10, "a frame with a wrong CRC")
        tracker.expect_closed(10, "the older session")
        half = self.bench.tracker(self.gw, self.names[1]).login()
        half.send(good[:20])
        links[2].expect_closed(10, "a connection that says nothing")
        for link in links + [tracker, newer, half]:
            link.close()

    def stop(self):
        self.over.set()
        self.thread.join(30)


def test_answers(bench):
    """Prometheus answers each query of each panel, and evaluates each alert rule; two of them speak."""
    board = dashboard()
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    names = imeis(8)
    database.add_devices(names[:7])
    gw = bench.gateway(database, TELEM_HANDSHAKE_TIMEOUT_S=1)
    began = time.time()
    server = prometheus.Server(bench, gw)
    # The rules may have been looked at before the first scrape.
    proc.wait_until(lambda: server.alerts() == {}, 10, "a healthy gateway has no alerts")
    check_names(board, gw.metrics())
    commands.queue(database, names[1], "getio")     # it never sends a whole frame: stays in the queue
    load = bench.fleet(gw, names[2:7], delay=0.02)
    nuisance = Nuisance(bench, gw, database, names, names[7])
    proc.wait_until(lambda: nuisance.rounds > 0, 20, "one round of trouble: %s" % nuisance.failure)
    os.kill(gw.workers()[0], 9)
    proc.wait_until(lambda: gw.metrics()["telematics_worker_restarts_total"] == 1, 20, "the replacement")
    gw.hup()
    proc.wait_until(lambda: gw.metrics()["telematics_generation"] == 2, 20, "the reload")

    def answered():
        missing = unanswered(server, board, began)
        proc.check(not missing, "%s; %d rounds of trouble, %s" % (missing, nuisance.rounds, nuisance.failure))
        return True
    proc.wait_until(answered, 20, "every query is answered", every=0.3)
    for metric, label in re.findall(r"label_values\((\w+)[^,]*, (\w+)\)", json.dumps(board["templating"])):
        proc.equal(len(server.api("label/%s/values" % label, **{"match[]": metric})), 1, "choices of " + label)
    proc.wait_until(lambda: server.alerts().get(("TelematicsWorkerRestarts", "warning")) == "firing", 10,
                    "the alert of the killed worker: %s" % server.alerts())
    nuisance.stop()
    load.stop()   # before the database, or each waits for an ACK that does not come
    cluster.stop()
    proc.wait_until(lambda: server.alerts().get(("TelematicsDatabaseDown", "critical")) == "pending", 15,
                    "the alert of the database: %s" % server.alerts())
    rules = [r for g in server.api("rules")["groups"] for r in g["rules"]]
    proc.check(len(rules) > 20, "rules in force: %d" % len(rules))
    proc.equal([(r["name"], r.get("lastError")) for r in rules if r["health"] != "ok"], [], "rules that fail")


prometheus.need("prometheus")
suite.main(globals())
