#!/usr/bin/env python3
"""A client made from the API's description works: openapi-python-client generates it from the running server's, mypy finds the
types of it and of a program that uses it right (t/web/client.py), and that program does its work.

Skipped where these two aren't installed; E2E_CLIENT names a Python that has them.
"""
import importlib.util
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite, web, wire
from lib.fleet import imeis

web.need()
PYTHON = os.environ.get("E2E_CLIENT")
if not PYTHON and all(map(importlib.util.find_spec, ("openapi_python_client", "mypy"))):
    PYTHON = sys.executable
if not PYTHON:
    print("1..0 # SKIP no openapi-python-client and mypy (pip install openapi-python-client mypy)")
    sys.exit(77)
PROGRAM = os.path.join(gateway.SOURCE, "t", "web", "client.py")
TRACK = "application/vnd.omnitrack.track"


def run(folder, *args, **env):
    done = subprocess.run([PYTHON] + list(args), capture_output=True, text=True, timeout=120 * proc.PATIENCE, cwd=folder,
                          env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **env))
    proc.equal(done.returncode, 0, "%s: %s%s" % (" ".join(args[:3]), done.stdout[-4000:], done.stderr[-2000:]))
    return done.stdout + done.stderr


def generate(server, folder):
    """The client, in the folder; the generator understands all of the description but a body of CSV, which it has no way to send."""
    with open(os.path.join(folder, "generator.json"), "w") as f:
        json.dump({"post_hooks": [], "content_type_overrides": {TRACK: "application/octet-stream"}}, f)
    said = run(folder, "-m", "openapi_python_client", "generate", "--meta", "none", "--config", "generator.json", "--output-path",
               "omnitrack_client", "--url", "http://127.0.0.1:%d/api/v1/openapi.json" % server.port)
    proc.equal(re.findall(r"(?:WARNING|ERROR) parsing ([A-Z]+ \S+)", said), ["POST /devices/import"], "left out: %s" % said)
    document = web.Browser(server).get("/openapi.json")
    described = sum(len(methods) for methods in document["paths"].values())
    files = [name for _, _, names in os.walk(os.path.join(folder, "omnitrack_client", "api")) for name in names]
    proc.equal(sum(name != "__init__.py" for name in files), described - 1, "operations that the client has")


def test_client(bench):
    """Lists by pages, makes and changes a device, reads an event and records, and is refused: each as the type that is described."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    known, new = imeis(5), imeis(6)[-1]
    for imei in known:
        admin.post("/devices", {"imei": imei, "name": imei, "group": "1", "model": "FMB920"}, 201)
    tracker = bench.tracker(bench.gateway(database), known[0])
    tracker.login()
    at = int(time.time() * 1000) - 1000
    proc.equal(tracker.exchange(wire.frame(8, [wire.Record(at, 54.5, 25.5, sats=7, priority=2, event=246, io=[(246, b"\x01")])])), 1, "ACK")
    token = admin.post("/tokens", {"name": "client", "scopes": ["write"], "expiresInDays": 1}, 201)["token"]
    folder = proc.scratch(bench.scope)
    generate(server, folder)
    run(folder, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", "mypy", PROGRAM, "omnitrack_client", MYPYPATH=folder)
    told = json.loads(run(folder, PROGRAM, "http://127.0.0.1:%d/api/v1" % server.port, new, TOKEN=token, PYTHONPATH=folder))
    proc.equal(told["devices"], known, "devices of all pages")
    proc.equal(told["made"], [new, "Made", True, True], "the device that it made")
    proc.equal(told["changed"], [True, "Changed", "AB 1"], "and changed")
    proc.equal(told["refused"], {
        "412": ["Somebody else has changed it meanwhile", None, True], "409": ["This IMEI is registered already", "imei", True],
        "401": ["The token is not known, or no longer valid", None, True], "404": ["There is no such device", None, True],
        "400": ["The request is not as it should be", "limit", True]}, "refusals")
    proc.equal(told["event"], ["towing", known[0], at], "the event")
    proc.equal([told["again"], told["records"]], [True, [at]], "the event asked for again, and the record")
    proc.equal(database.rows("SELECT name FROM devices WHERE imei = '%s'" % new), [["Changed"]], "in the database")
    proc.check('"level":"error"' not in server.log_text(), "errors stand in the log")


suite.main(globals())
