#!/usr/bin/env python3
"""Starting: arguments, configuration, exit statuses, the background, a second instance, the schema."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite
from lib.fleet import imeis


def run(bench, *args, conf=None, **env):
    """Runs the daemon to its end; returns (exit status, stdout, stderr)."""
    base = {k: v for k, v in os.environ.items() if not k.startswith(("TELEM_", "METRICS_"))}
    base.pop("DATABASE_URL", None)
    base.update(gateway.sanitizer_env(bench.folder))
    base.update({k: v for k, v in env.items()})
    name, mark = proc.RUN_MARK.split("=")
    base[name] = mark
    argv = [gateway.DAEMON] + list(args)
    if conf is not None:
        path = os.path.join(bench.folder, "run.conf")
        with open(path, "w") as f:
            f.write(conf)
        argv += ["-c", path]
    out = os.path.join(bench.folder, "out")
    err = os.path.join(bench.folder, "err")
    with open(out, "wb") as o, open(err, "wb") as e:   # files: the background must not hold a pipe
        code = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=o, stderr=e, env=base, cwd="/",
                              timeout=60 * proc.PATIENCE).returncode
    with open(out) as o, open(err) as e:
        return code, o.read(), e.read()


@suite.quick
def test_arguments(bench):
    """-V, -t and -T; wrong arguments and configurations end with status 2 and say where."""
    good = "# a comment\nDATABASE_URL=host=/nowhere password=hush dbname=x\nTELEM_IDLE_TIMEOUT_S=99\n"
    code, out, _ = run(bench, "-V")
    proc.check(code == 0 and "telematics-gateway" in out, "-V: %d %r" % (code, out))
    code, out, err = run(bench, "-t", conf=good)
    proc.equal(code, 0, "-t with a good configuration (%s)" % err)
    code, out, err = run(bench, "-T", conf=good, TELEM_WORKERS="7")
    proc.equal(code, 0, "-T")
    for line in ("TELEM_IDLE_TIMEOUT_S=99", "TELEM_WORKERS=7", "TELEM_GATEWAY_PORT=5027",
                 "TELEM_FRAME_TIMEOUT_S=60"):
        proc.check(line in out.splitlines(), "-T prints %s: %s" % (line, out))
    proc.check("hush" not in out + err, "-T shows the password")
    for bad in ("TELEM_NO_SUCH=1", "TELEM_WORKERS=0", "TELEM_WORKERS=1025", "TELEM_WORKERS=x", "nonsense",
                "TELEM_GATEWAY_BIND=not-an-address", "METRICS_PORT=65536", "TELEM_INGEST_RAW=maybe",
                "TELEM_LOG_FORMAT=xml", "TELEM_GATEWAY_ALLOW_UNKNOWN_IMEI=perhaps"):
        for flags in (["-t"], ["-f"]):
            code, out, err = run(bench, *flags, conf=good + bad + "\n")
            proc.equal(code, 2, "%s with %s" % (flags, bad))
            proc.check("/run.conf:4: " in err, "%s: the line is named: %r" % (bad, err))
    for password in ("hu/sh", "77/hush", "hu@sh", "h/u@sh"):
        url = "postgresql://u:%s@h.invalid/x" % password
        code, out, err = run(bench, "-t", conf="DATABASE_URL=%s\n" % url)
        proc.equal(code, 2, "-t with an unencoded password")
        proc.check("/run.conf:1: " in err and "%2F or %40" in err and "hu" not in err, "said, nothing quoted: %r" % err)
        code, out, err = bench.tgctl("status", url=url)
        proc.check(code != 0 and "hush" not in out + err and password not in out + err, "tgctl: %r" % err)
    proc.equal(run(bench, "-t", conf="TELEM_WORKERS=1\n")[0], 2, "without DATABASE_URL")
    proc.equal(run(bench, "-t", "-c", "/no/such/file")[0], 2, "-c with a file that isn't there")
    proc.equal(run(bench, "-x")[0], 2, "an unknown option")
    proc.equal(run(bench, "-t", "what")[0], 2, "an argument too many")
    code, _, err = run(bench, "-t", conf=good, TELEM_SOMETHING_ELSE="1")
    proc.check(code == 0 and "TELEM_SOMETHING_ELSE" in err, "an unknown TELEM_*: %d %r" % (code, err))
    code, _, err = run(bench, "-t", conf=good, TELEM_WORKERS="many")
    proc.check(code == 2 and "TELEM_WORKERS" in err, "a wrong value in the environment: %r" % err)


def test_second_instance(bench):
    """A second one on the same port is refused and the first is not harmed; -t disturbs nobody."""
    database = bench.database()
    database.add_devices(imeis(1))
    port = proc.free_port()
    gw = bench.gateway(database, TELEM_GATEWAY_PORT=port)
    conf = "DATABASE_URL=%s\nTELEM_GATEWAY_BIND=127.0.0.1\nTELEM_GATEWAY_PORT=%d\nMETRICS_PORT=%d\n"
    for flags in (["-f"], []):
        code, _, err = run(bench, *flags, conf=conf % (database.url, port, proc.free_port()))
        proc.equal(code, 1, "a second instance with %s" % flags)
        proc.check(str(port) in err, "it says why: %r" % err)
    code, _, err = run(bench, "-f", conf=conf % (database.url, proc.free_port(),
                                                 int(gw.keys["METRICS_PORT"])))
    proc.check(code == 1 and gw.keys["METRICS_PORT"] in err, "the metrics port taken: %d %r"
               % (code, err))
    proc.equal(run(bench, "-t", conf=conf % (database.url, port, 0))[0], 0, "-t beside it")
    for _ in range(8):
        proc.equal(bench.tracker(gw, imeis(1)[0]).handshake(), b"\x01", "the first one serves")


def test_background(bench):
    """Without -f it returns when it is ready; the pidfile names it and is gone after the end."""
    database = bench.database()
    database.add_devices(imeis(1))
    pidfile = os.path.join(bench.folder, "gw.pid")
    log = os.path.join(bench.folder, "gw.log")
    port, metrics = proc.free_port(), proc.free_port()
    conf = "".join("%s=%s\n" % item for item in {
        "DATABASE_URL": database.url, "TELEM_GATEWAY_BIND": "127.0.0.1", "TELEM_GATEWAY_PORT": port,
        "METRICS_PORT": metrics, "TELEM_PIDFILE": pidfile, "TELEM_LOG_FILE": log,
        "TELEM_WORKERS": 2, "TELEM_MAX_DEVICES": 1000}.items())
    code, _, err = run(bench, conf=conf)
    proc.equal(code, 0, "exit status of the start (%s)" % err)
    with open(pidfile) as f:
        pid = int(f.read())

    def end():
        if proc.alive(pid):
            for child in proc.children(pid) + [pid]:
                os.kill(child, signal.SIGKILL)
    bench.scope.later(end)
    proc.check(proc.alive(pid), "the process of the pidfile lives")
    proc.equal(os.getsid(pid), os.getsid(pid) if os.getsid(pid) != os.getsid(0) else -1,
               "it has a session of its own")
    proc.equal(len(proc.children(pid)), 2, "workers when the start has returned")
    gw = type("Place", (), {"port": port})
    proc.wait_until(lambda: bench.tracker(gw, imeis(1)[0]).handshake() == b"\x01", 10, "it serves")
    code, _, err = run(bench, conf=conf)
    proc.check(code != 0 and err, "started twice: %d %r" % (code, err))
    with open(pidfile) as f:
        proc.equal(int(f.read()), pid, "the pidfile after the second start")
    os.kill(pid, signal.SIGTERM)
    proc.wait_until(lambda: not proc.alive(pid), 15, "it ends")
    proc.check(not os.path.exists(pidfile), "the pidfile is gone")
    proc.check(os.path.getsize(log) > 0, "it wrote to its log file")


def test_schema(bench):
    """An empty database is not served, with `tgctl migrate` in the reason; after that it is, by itself."""
    database = bench.database(migrated=False)
    gw = bench.gateway(database, start=False).start(ready=False)
    proc.wait_until(lambda: "tgctl migrate" in gw.readyz()[1], 10, "/readyz names the command")
    proc.equal(gw.readyz()[0], 503, "/readyz")
    proc.check(gw.logged("tgctl migrate"), "the log names the command")
    code, _, err = bench.tgctl("migrate", url=database.url)
    proc.equal(code, 0, "tgctl migrate (%s)" % err)
    database.add_devices(imeis(1))
    gw.wait_ready(10)
    proc.wait_until(lambda: bench.tracker(gw, imeis(1)[0]).handshake() == b"\x01", 5, "it serves")
    # A newer schema than the daemon knows is no hindrance.
    database.query("INSERT INTO schema_migrations (version, name) VALUES (9999, 'of the future')")
    gw.stop()
    gw.start()
    database.query("DELETE FROM schema_migrations WHERE version > 0")
    gw.stop()
    gw.start(ready=False)
    proc.wait_until(lambda: "tgctl migrate" in gw.readyz()[1], 10, "an older schema is refused")


def test_connections(bench):
    """More workers than the server has connections for: a warning that names both ways out."""
    database = bench.database()
    gw = bench.gateway(database, start=False, TELEM_WORKERS="40", TELEM_MAX_DEVICES="1000")
    gw.start(ready=False)
    proc.wait_until(lambda: gw.logged("40 workers need 81 database connections"), 20, "the warning")
    proc.check(gw.logged("TELEM_WORKERS.*max_connections"), "it says what to do")
    gw.stop()


suite.main(globals())
