#!/usr/bin/env python3
"""The log: a file that is opened again on SIGUSR1 in every process, as text or JSON, without secrets."""
import json
import os
import re
import resource
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path) as f:
        return f.read()


def refusals(bench, gw, path, n):
    """Connects unknown trackers until workers have written n lines about them to `path`."""
    def written():
        bench.tracker(gw, imeis(1)[0]).handshake()
        return read(path).count(imeis(1)[0]) >= n
    proc.wait_until(written, 20, "workers write to %s" % path)


def start(bench, **keys):
    path = os.path.join(bench.folder, "own.log")
    gw = bench.gateway(bench.database(), start=False, TELEM_LOG_FILE=path, **keys)
    gw.log_text = lambda: read(path)
    return gw.start(), path


def test_reopen(bench):
    """After a rename and SIGUSR1 master and workers write to the new file; not a line goes astray."""
    gw, path = start(bench)
    refusals(bench, gw, path, 1)
    os.rename(path, path + ".1")
    gw.process.signal(signal.SIGUSR1)
    proc.wait_until(lambda: os.path.exists(path), 5, "the file is made anew")
    gw.log_text = lambda: read(path + ".1") + read(path)
    refusals(bench, gw, path, 1)
    old = read(path + ".1")
    gw.hup()
    proc.wait_until(lambda: "master" in read(path), 10, "the master writes to the new file")
    proc.wait_until(gw.all_accept, 10, "the new generation accepts")
    gw.stop()
    proc.equal(read(path + ".1"), old, "the old file stays as it was")
    proc.equal(os.stat(path).st_mode & 0o037, 0, "mode of the file: not for others")


def test_json(bench):
    """TELEM_LOG_FORMAT=json: every line is an object; the IMEI and the peer are fields."""
    gw, path = start(bench, TELEM_LOG_FORMAT="json")
    refusals(bench, gw, path, 1)
    tracker = bench.tracker(gw, "?")
    tracker.send(b'GET /"\\\x01\xff HTTP/1.1\r\n\r\n')
    tracker.expect_closed(5, "a web scanner")
    gw.stop()
    lines = [json.loads(line) for line in read(path).splitlines()]
    proc.check(any(imeis(1)[0] in str(line.get("imei")) for line in lines), "a line with the IMEI as a field")
    proc.check(any("127.0.0.1:" in str(line.get("peer")) for line in lines), "a line with the peer")


def test_no_secrets(bench):
    """The password of DATABASE_URL is in no line of the log, no page and no dump."""
    database = bench.database()
    secret = "s3cret-Word"
    path = os.path.join(bench.folder, "own.log")
    gw = bench.gateway(database.url + " password=" + secret, start=False, TELEM_LOG_FILE=path,
                       TELEM_LOG_LEVEL="debug")
    gw.log_text = lambda: read(path)
    gw.start()
    before = gw.metrics()["telematics_database_connects_total"]
    database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                   " WHERE datname = current_database() AND pid <> pg_backend_pid()")
    proc.wait_until(lambda: gw.metrics()["telematics_database_connects_total"] >= before + 2, 20,
                    "the connections come back")
    pages = [gw.http(p)[1] for p in ("/metrics", "/status", "/readyz")]
    gw.stop()
    proc.check(all(secret not in text for text in pages + [read(path), gw.process.output()]),
               "the password is shown somewhere")


def test_folded(bench):
    """A tracker that is refused again and again: a few lines a worker, the rest as one with a count."""
    gw, path = start(bench, TELEM_WORKERS=1)
    tries = 40
    for _ in range(tries):
        proc.equal(bench.tracker(gw, imeis(1)[0]).handshake(), b"\x00", "answer")
    gw.stop()
    lines = [line for line in read(path).splitlines() if imeis(1)[0] in line]
    counts = [re.search(r" repeated=(\d+) ", line) for line in lines]
    repeated = sum(int(c.group(1)) for c in counts if c)
    written = sum(c is None for c in counts)
    proc.equal(written + repeated, tries, "refusals in the log:\n" + "\n".join(lines))
    proc.check(written <= 10, "%d lines about one tracker" % written)   # two windows at most
    proc.check(repeated > 0 and len(lines) <= 12, "%d lines in all" % len(lines))


def test_file_size(bench):
    """The largest file that a process may write (ulimit -f) is reached: lines are dropped, and all goes on."""
    gw, path = start(bench)
    refusals(bench, gw, path, 1)
    for pid in [gw.pid()] + gw.workers():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, 1))
    gw.hup()
    proc.wait_until(lambda: gw.metrics()["telematics_log_lines_dropped_total"] > 0, 20, "lines are dropped")
    proc.wait_until(lambda: gw.status()["generation"] == 2, 20, "the reload goes on")
    proc.equal(bench.tracker(gw, imeis(1)[0]).handshake(), b"\x00", "an unknown one")
    gw.stop()


suite.main(globals())
