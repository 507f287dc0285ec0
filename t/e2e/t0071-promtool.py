#!/usr/bin/env python3
"""Prometheus's own checker: /metrics of a gateway with traffic, the alert rules, and their unit tests."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, metrics, proc, prometheus, suite, wire
from lib.fleet import imeis

TESTS = os.path.join(gateway.SOURCE, "t/alerts/alerts_test.yml")


def read(path):
    with open(path) as f:
        return f.read()


def rules():
    """[(alert, its expression)] in their order; one alert may have several."""
    return [(name, " ".join(body.split())) for name, body in re.findall(
        r"^ *- alert: (\S+)\n *expr: (?:>-\n)?(.*?)\n(?= *(?:for|labels):)", read(prometheus.RULES), re.M | re.S)]


def complaints(page):
    code, said = prometheus.promtool("check", "metrics", text=page)
    return said.strip() or ("exit status %d" % code if code else "")


def busy_page(bench):
    """/metrics of a gateway that has seen good and bad."""
    database = bench.database()
    names = imeis(6)
    database.add_devices(names[:4])
    gw = bench.gateway(database)
    load = bench.fleet(gw, names[:3], delay=0.01)
    bench.tracker(gw, names[5]).handshake()
    now = int(time.time() * 1000)
    tracker = bench.tracker(gw, names[3]).login()
    tracker.send(wire.frame(8, [wire.Record(now, 54.5, 25.5, sats=7)] * 2, count2=9))
    tracker.read(4)
    load.wait_acked(proc.scaled(200))
    load.stop()
    code, page = gw.http("/metrics")
    proc.equal(code, 200, "/metrics")
    return page


def test_metrics(bench):
    """promtool check metrics has nothing to say about a busy gateway, and would say it."""
    page = busy_page(bench)
    proc.check(metrics.parse(page)["telematics_ack_seconds_count"] > 0, "there was traffic")
    proc.equal(complaints(page), "", "promtool check metrics")
    wrong = page.replace("telematics_acks_total", "telematics_acks")
    proc.check(wrong != page and complaints(wrong), "promtool sees no counter without _total")


def test_rules(bench):
    """The alert rules are valid, and ask for nothing that the gateway does not export."""
    code, said = prometheus.promtool("check", "rules", "--lint=all", "--lint-fatal", prometheus.RULES)
    proc.equal(code, 0, "promtool check rules: %s" % said)
    found = rules()
    proc.equal(len(found), read(prometheus.RULES).count("- alert:"), "rules that this test can read")
    proc.check("%d rules found" % len(found) in said, "promtool counts differently: %s" % said)
    known = metrics.parse(busy_page(bench))
    for name, expression in found:
        series = re.findall(r"\b((?:telematics|process)_\w+)(?:\{(\w+)=~?\"([^\"]*)\"\})?", expression)
        proc.check(series or "up{" in expression, "%s asks for no metric: %s" % (name, expression))
        for metric, label, values in series:
            keys = [k for k in known.samples if re.match(r"%s(\{|$)" % metric, k)]
            proc.check(keys, "%s asks for %s, which is not in /metrics" % (name, metric))
            for value in values.split("|") if label else ():
                proc.check(any('%s="%s"' % (label, value) in k for k in keys),
                           "%s asks for %s{%s=\"%s\"}: %s" % (name, metric, label, value, keys))


def test_alerts(bench):
    """Each alert fires in its trouble and is silent beside it (promtool test rules)."""
    code, said = prometheus.promtool("test", "rules", TESTS)
    proc.equal(code, 0, "promtool test rules: %s" % said)
    text = read(TESTS)
    for name in {n for n, _ in rules()}:
        fires = re.findall(r"alertname: %s\n *exp_alerts:\n *- exp_labels: \{.*severity: (\w+)\}" % name, text)
        proc.check(fires, "no test sees %s fire" % name)
        silent = re.findall(r"\{eval_time: \w+, alertname: %s, exp_alerts: \[\]\}" % name, text)
        proc.check(len(silent) > 1, "no test sees %s silent close to its trouble" % name)


prometheus.need("promtool")
suite.main(globals())
