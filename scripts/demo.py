"""The running part of scripts/demo: PostgreSQL, gateway, fleet, the web application, and a table of live positions.

Everything it starts ends with it. Works in a terminal (a table that refreshes) and without one (a line
a second). Reads the environment that scripts/demo describes.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.environ["TOP_SRCDIR"]
BUILD = os.environ["TOP_BUILDDIR"]
sys.path.insert(0, os.path.join(TOP, "t", "e2e"))
from lib import gateway, postgres, proc   # what the end-to-end tests use
import demo_web

FIRST_IMEI = 359990000000001
SECONDS = float(os.environ.get("DEMO_SECONDS") or 0)
TRACKERS = int(os.environ.get("DEMO_TRACKERS") or 60)
URL = os.environ.get("DEMO_DATABASE_URL")
ROWS_SHOWN = 16

LIVE_SQL = """SELECT to_char(o.recorded_at AT TIME ZONE 'UTC', 'HH24:MI:SS'), d.imei,
 to_char(o.latitude, 'FM990.00000'), to_char(o.longitude, 'FM990.00000'), o.speed, o.heading, o.satellites,
 coalesce(to_char(s.external_voltage_v, 'FM990.00'), ''), coalesce(d.device_model, '')
 FROM device_online o JOIN devices d ON d.id = o.device_id JOIN device_state s ON s.device_id = d.id
 WHERE d.imei = ANY (string_to_array('%s', ',')) AND o.recorded_at IS NOT NULL
 ORDER BY o.recorded_at DESC, d.imei LIMIT %d"""

EVENTS_SQL = """SELECT to_char(received_at AT TIME ZONE 'UTC', 'HH24:MI:SS'), imei, severity, kind,
 coalesce(trim_scale(value) || coalesce(' ' || unit, ''), '') FROM device_events
 WHERE received_at > now() - interval '5 minutes' AND imei = ANY (string_to_array('%s', ','))
 ORDER BY received_at DESC LIMIT %d"""
# The devices of tgctl sim --profile mix, by turns.
MODELS = ["FMB920", "FMC130", "FMB640", "TAT140", "FMC125"]
EVENTS_SHOWN = 6


class ExternalDatabase:
    """The database of DEMO_DATABASE_URL, by psql."""

    def __init__(self, url):
        self.url = url

    def query(self, sql):
        env = dict(os.environ, PGCONNECT_TIMEOUT="10", PGAPPNAME="telematics-demo")
        done = subprocess.run([postgres.psql_command(), "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d",
                               self.url, "-c", sql], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        proc.check(done.returncode == 0, done.stderr.decode(errors="replace").strip())
        return done.stdout.decode().rstrip("\n")


def cluster_folder(scope):
    """DEMO_CLUSTER or ./demo-cluster, or a folder under /var/tmp if the user who runs PostgreSQL can't get there."""
    user = proc.unprivileged_user()
    folder = os.environ.get("DEMO_CLUSTER") or os.path.join(TOP, "demo-cluster")
    around = os.path.dirname(folder)
    if user is not None:
        probe = subprocess.run(["test", "-x", around], user=user.pw_uid, group=user.pw_gid, extra_groups=[])
        if probe.returncode != 0 or len(folder) > 80:
            folder = tempfile.mkdtemp(prefix="telematics-demo-", dir="/var/tmp")
            print("PostgreSQL runs as %s, who can't enter %s: using %s" % (user.pw_name, around, folder))
    elif len(folder) > 80:   # a Unix socket's path has at most 107 bytes
        folder = tempfile.mkdtemp(prefix="telematics-demo-", dir="/var/tmp")
    proc.check(not os.path.isdir(os.path.join(folder, "data")) or not pid_alive(folder),
               "another demo is running in " + folder)
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder, 0o755)
    scope.later(lambda: shutil.rmtree(folder, ignore_errors=True))
    return folder


def pid_alive(folder):
    try:
        with open(os.path.join(folder, "data", "postmaster.pid")) as f:
            return proc.alive(int(f.readline()))
    except (OSError, ValueError):
        return False


def tgctl(url, *args):
    env = dict(os.environ, DATABASE_URL=url)
    done = subprocess.run([gateway.TGCTL] + list(args), env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    proc.check(done.returncode == 0, "tgctl %s: %s" % (args[0], done.stdout.decode(errors="replace")))


def register(scope, database, imeis):
    """Adds the fleet's devices; those that weren't there before go away again at the end."""
    names = ",".join(imeis)
    added = database.query(
        "INSERT INTO devices (imei, name, device_model) SELECT i, 'demo ' || right(i, 4),"
        " (string_to_array('%s', ','))[1 + (n - 1) %% %d]"
        " FROM unnest(string_to_array('%s', ',')) WITH ORDINALITY AS u (i, n) ON CONFLICT (imei) DO NOTHING RETURNING imei"
        % (",".join(MODELS), len(MODELS), names))
    mine = "(SELECT id FROM devices WHERE imei = ANY (string_to_array('%s', ',')))" % ",".join(added.split())
    if added:
        scope.later(lambda: database.query(
            "DELETE FROM device_positions WHERE device_id IN %s; DELETE FROM device_online WHERE device_id"
            " IN %s; DELETE FROM devices WHERE id IN %s" % (mine, mine, mine)))


class Screen:
    def __init__(self):
        self.tty = sys.stdout.isatty()
        self.began = time.monotonic()
        self.last = None

    def show(self, rows, events, page, where):
        now, stored = time.monotonic(), page.outcome("stored")
        rate = 0.0
        if self.last:
            rate = (stored - self.last[1]) / (now - self.last[0])
        self.last = (now, stored)
        online = page.get('telematics_connections{state="active"}')
        line = "%d trackers connected   %d records stored   %.0f records/s" % (online, stored, rate)
        if not self.tty:
            newest = rows[0] if rows else None
            print("%s   %s" % (line, "newest: %s %s at %s, %s, %s km/h" % (
                newest[0], newest[1], newest[2], newest[3], newest[4]) if newest else "no position yet"),
                flush=True)
            return
        out = ["\033[H\033[1mOmniTrack demo\033[0m", ""] + where + ["", line, "",
               "\033[4m%-9s %-16s %11s %11s %6s %8s %5s %8s  %-8s\033[0m" % (
                   "UTC", "IMEI", "latitude", "longitude", "km/h", "heading", "sats", "volts", "model")]
        for r in rows[:ROWS_SHOWN]:
            out.append("%-9s %-16s %11s %11s %6s %8s %5s %8s  %-8s" % tuple(r))
        out += [""] + ["%-9s %-16s %-8s %s %s" % tuple(e) for e in events]
        out += ["", "Ctrl-C ends it and takes everything away again."]
        sys.stdout.write("\033[K\n".join(out) + "\033[K\n\033[J")
        sys.stdout.flush()


def simple_fleet(scope, work, gw, imeis):
    """All around the world. Returns what is to be looked after every second."""
    listed = os.path.join(work, "imeis")
    with open(listed, "w") as f:
        f.write("\n".join(imeis) + "\n")
    fleet = proc.Process([gateway.TGCTL, "sim", "--port", str(gw.port), "--imei-file", listed, "--profile", "mix",
                          "--records", "1", "--interval", "1000", "--quiet"], os.path.join(work, "sim.log"))

    def end_fleet():
        fleet.signal(signal.SIGINT)
        fleet.exited() or proc.wait_until(fleet.exited, 5, "the fleet ends")
    scope.later(fleet.kill_group)
    scope.later(end_fleet)
    return lambda: proc.check(not fleet.exited(), "the fleet has ended:\n" + fleet.output()[-2000:])


def without_web():
    """Why the web application is left out, or None."""
    return "it would leave users and groups in your database" if URL else demo_web.missing()


def demo(scope):
    imeis = [str(FIRST_IMEI + i) for i in range(TRACKERS)]
    work = proc.scratch(scope, "telematics-demo-")
    reason, show, where = without_web(), None, []
    if URL:
        database = ExternalDatabase(URL)
    else:
        print("Making a private PostgreSQL ...", flush=True)
        cluster = postgres.Cluster(scope, cluster_folder(scope))
        cluster.query("CREATE DATABASE telematics OWNER tg", "postgres")
        database = postgres.Database(cluster, "telematics")
    tgctl(database.url, "migrate")
    if reason:
        register(scope, database, imeis)
    else:
        show = demo_web.Show(scope, work, database, TRACKERS, FIRST_IMEI, tgctl)
        demo_web.put(database, show.vehicles)
    gw = gateway.Gateway(scope, work, database.url, TELEM_GATEWAY_ID="demo",
                         TELEM_CONTROL_SOCKET=os.path.join(work, "control"))
    scope.later(lambda: gw.process.exited() or gw.stop())
    if reason:
        where.append("without the web application: " + reason)
        step = simple_fleet(scope, work, gw, imeis)
    else:
        print("Starting a fleet and the web application ...", flush=True)
        scope.later(show.end_fleet)
        show.begin(gw)
        step = show.step
        where.append("open (once): %s" % show.link())
        where.append("then:        %s   sign in as %s, password %s" % (show.address(), demo_web.LOGIN, show.password))
    where.append("trackers: 127.0.0.1:%d   metrics: http://127.0.0.1:%s/metrics" % (gw.port, gw.keys["METRICS_PORT"]))
    watch(gw, database, imeis, step, where)


def watch(gw, database, imeis, step, where):
    """The picture, until it ends."""
    screen = Screen()
    if screen.tty:
        sys.stdout.write("\033[2J")
    else:
        print("\n".join(where), flush=True)
    end = time.monotonic() + SECONDS if SECONDS else None
    rows = []
    while end is None or time.monotonic() < end:
        proc.check(not gw.process.exited(), "the gateway has ended:\n" + gw.log_text()[-2000:])
        step()
        answer = database.query(LIVE_SQL % (",".join(imeis), ROWS_SHOWN))
        rows = [line.split("\t") for line in answer.split("\n") if line]
        answer = database.query(EVENTS_SQL % (",".join(imeis), EVENTS_SHOWN))
        events = [(line.split("\t") + [""])[:5] for line in answer.split("\n") if line]
        screen.show(rows, events, gw.metrics(), where)
        time.sleep(1)   # the picture's pace
    proc.check(rows, "no position arrived in %g s\n%s" % (SECONDS, gw.log_text()[-2000:]))


def main():
    def interrupted(*_):
        raise KeyboardInterrupt
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    scope = proc.Scope()
    status = 0
    try:
        demo(scope)
    except KeyboardInterrupt:
        pass
    except proc.Failure as failure:
        print("demo: %s" % failure, file=sys.stderr)
        status = 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)   # cleaning up takes a second or two
    print("\nCleaning up ...")
    for error in scope.close():
        print("demo: cleaning up: %s" % error, file=sys.stderr)
        status = 1
    return status


sys.exit(main())
