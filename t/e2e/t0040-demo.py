#!/usr/bin/env python3
"""scripts/demo: shows positions arriving, with the web application if it is built, leaves nothing behind, and keeps away
from DATABASE_URL.
"""
import os
import re
import signal
import sys
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite, web


def demo(bench, **env):
    """The running part of the demo, on a database of the test."""
    process = proc.Process([sys.executable, os.path.join(gateway.SOURCE, "scripts", "demo.py")],
                           os.path.join(bench.folder, "demo.out"), cwd="/", env=dict(
                               gateway.sanitizer_env(bench.folder), TOP_SRCDIR=gateway.SOURCE,
                               TOP_BUILDDIR=gateway.BUILD, PYTHONDONTWRITEBYTECODE="1", DEMO_TRACKERS="20",
                               DATABASE_URL="host=/nowhere dbname=production", **env))
    bench.scope.later(process.kill_group)
    return process


def nothing_left(database):
    proc.equal(database.query("SELECT (SELECT count(*) FROM devices), (SELECT count(*) FROM device_online),"
                              " (SELECT count(*) FROM device_positions)"), "1\t0\t0", "what is left")


def family(pid):
    """A process and all below it."""
    return [pid] + [p for child in proc.children(pid) for p in family(child)]


def command_line(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def interrupt(process, programs):
    """Ctrl-C: all that the demo has started, among it these programs, ends."""
    started = {pid: command_line(pid) for pid in family(process.pid)}
    missing = [p for p in programs if not any(p in line for line in started.values())]
    proc.equal(missing, [], "programs that don't run among %s" % started)
    process.signal(signal.SIGINT)
    proc.equal(process.wait(60, "the demo ends"), 0, "exit status:\n" + process.output())
    proc.equal([line for pid, line in started.items() if proc.alive(pid)], [], "processes that are left")


def test_ends_by_itself(bench):
    """DEMO_SECONDS ends it; positions were shown; its devices are gone from the database again."""
    database = bench.database()
    database.add_devices(["350000000000001"])
    process = demo(bench, DEMO_DATABASE_URL=database.url, DEMO_SECONDS="4")
    proc.equal(process.wait(60, "the demo ends"), 0, "exit status:\n" + process.output())
    proc.check("newest: " in process.output(), "positions were shown:\n" + process.output())
    nothing_left(database)


def test_interrupted(bench):
    """Ctrl-C ends it at any time, and no process stays."""
    database = bench.database()
    database.add_devices(["350000000000001"])
    process = demo(bench, DEMO_DATABASE_URL=database.url)
    proc.wait_until(lambda: "newest: " in process.output(), 60, "positions are shown")
    interrupt(process, ["/telematics-gateway ", "/tgctl sim "])
    nothing_left(database)


def private(bench, **env):
    """The demo with a PostgreSQL of its own; and where that is."""
    cluster = os.path.join(bench.folder, "cluster")
    return demo(bench, DEMO_CLUSTER=cluster, **env), cluster


def test_without_web(bench):
    """Without the web application it says so and why, and shows the gateway all the same."""
    process, cluster = private(bench, DEMO_SECONDS="3", DEMO_WITHOUT_WEB="as you asked for")
    proc.equal(process.wait(60, "the demo ends"), 0, "exit status:\n" + process.output())
    proc.check("without the web application: as you asked for\n" in process.output(), process.output())
    proc.check("newest: " in process.output() and "/setup#" not in process.output(), process.output())
    proc.check(not os.path.exists(cluster), "PostgreSQL's folder is gone")


def test_web(bench):
    """One address opens signed in, once, onto a fleet that moves; what is silent is so for reasons that are told."""
    if not os.access(web.PROGRAM, os.X_OK):
        print("# the web application is not built: left out")
        return
    process, cluster = private(bench)

    def address():
        proc.check(not process.exited(), "it has ended:\n" + process.output())
        return re.search(r"http://127\.0\.0\.1:(\d+)/setup#(\S+)", process.output())
    port, token = proc.wait_until(address, 60, "there is an address").groups()
    visitor = web.Browser(types.SimpleNamespace(port=int(port)))
    visitor.post("/session/claim", {"token": token})
    proc.equal(visitor.get("/me")["highest"], "admin", "who is signed in")
    again = web.Browser(visitor.web).ask("POST", "/session/claim", {"token": token})
    proc.check(again.status >= 400, "the link let a second one in: %s" % again)

    def told():
        states = visitor.get("/fleet/summary")["byState"]
        proc.equal([states[s] for s in ("out", "silent", "nofix")], [2, 2, 1], "states: %s" % states)
        return states["moving"] > 0
    proc.wait_until(told, 60, "all states are there")
    devices = visitor.get("/devices?limit=100")["items"]
    proc.equal(len(devices), 26, "devices")
    bare = [d["imei"] for d in devices if not (d["name"] and d["plate"] and d["model"] and d["group"])]
    proc.equal(bare, [], "devices without name, plate, model or group")
    ill = [d["id"] for d in devices if d["imei"] > "359990000000020"]

    def reasons():
        return sorted(visitor.get("/devices/%s/why" % i)["reason"] for i in ill)
    want = ["clock_wrong", "disabled", "not_silent", "offline", "offline", "other_imei"]
    proc.wait_until(lambda: reasons() == want, 60, "the reasons are told")
    commands = visitor.get("/commands?limit=100")["items"]
    proc.check(any(c["status"] in ("pending", "sent") for c in commands), "a command is under way: %s" % commands)

    interrupt(process, ["/telematics-gateway ", "/tgctl sim ", "/server.mjs ", "/postgres "])
    proc.check(not os.path.exists(cluster), "PostgreSQL's folder is gone")


suite.main(globals())
