"""The web application in scripts/demo: the fleet of demo_fleet.py with its past, its groups and commands, and
omnitrack-web beside the gateway, with the role that `tgctl grants --role web` gives.

All of it is in the demo's private database and ends with the Scope. The link and the password go to the caller alone.
"""
import collections
import itertools
import os
import random
import secrets
import signal
import socket
import subprocess
import time

import demo_fleet as fleet
from lib import gateway, proc, web

LOGIN = "demo"
PORT = 8080   # if it is free
ANSWER_MS = "2000..9000"   # after so long a tracker answers a command: time to see it under way
COMMAND_EVERY_S = 20
COMMANDS = ["getinfo", "getgps", "getver", "getio"]
SOURCES = "200"   # addresses that trackers come from; unknown ones come from one that no other has
HOUR_MS = 3600 * 1000
# story: how long ago its past ended, in ms. Of the rest, the past ends as the demo begins.
STOPPED = {"stopped": 3 * HOUR_MS, "stopped-long": 29 * HOUR_MS}
PAST_STEP_MS, PAST_FRAMES = 20000, 60   # 20 minutes

TEMPLATES = """INSERT INTO omnitrack.command_templates (name, description, command_text, parameters, dangerous, min_role) VALUES
 ('Where are you?', 'Position, speed and satellites, at once', 'getgps', '[]', false, 'operator'),
 ('Device information', 'Runtime, GNSS, network, storage', 'getinfo', '[]', false, 'operator'),
 ('Read a parameter', '', 'getparam {id}', '[{"name":"id","label":"Parameter","type":"number","min":1,"max":65535}]', false,
  'operator'),
 ('Output 1', 'Switches output 1, to which an immobiliser may be wired', 'setdigout {state}',
  '[{"name":"state","label":"Output 1","type":"choice","choices":["1","0"],"choiceLabels":["On","Off"]}]', true, 'installer'),
 ('Restart', '', 'cpureset', '[]', true, 'installer')"""


def missing():
    """Why there is no web application here, or None."""
    said = os.environ.get("DEMO_WITHOUT_WEB")
    if said:
        return said
    return None if os.access(web.PROGRAM, os.X_OK) else "it is not built (scripts/web install, scripts/web build)"


def quoted(text):
    return "NULL" if text is None else "'%s'" % text.replace("'", "''")


def put(database, vehicles):
    """The inventory, its groups, and templates of commands."""
    database.query("UPDATE omnitrack.groups SET name = %s WHERE id = 1" % quoted(fleet.COMPANY))
    for name, parent in fleet.GROUPS:
        database.query("INSERT INTO omnitrack.groups (name, parent_id) SELECT %s, id FROM omnitrack.groups WHERE %s"
                       % (quoted(name), "name = " + quoted(parent) if parent else "id = 1"))
    rows = ",\n".join("(%s)" % ", ".join(quoted(t) for t in (v.imei, v.name, v.model, v.plate, v.category, v.notes, v.group,
                                                           v.story)) for v in vehicles)
    database.query("""CREATE TEMP TABLE demo (imei text, name text, model text, plate text, category text, notes text,
        team text, story text); INSERT INTO demo VALUES %s;
        INSERT INTO devices (imei, name, device_model, enabled, created_at)
        SELECT imei, name, model, story IS DISTINCT FROM 'refused', now() - CASE story WHEN 'never' THEN interval '1 day'
        ELSE interval '200 days' END FROM demo;
        INSERT INTO omnitrack.device_details (device_id, plate, category, notes)
        SELECT d.id, x.plate, x.category, x.notes FROM demo x JOIN devices d USING (imei);
        INSERT INTO omnitrack.device_groups SELECT d.id, g.id FROM demo x JOIN devices d USING (imei)
        JOIN omnitrack.groups g ON g.name = x.team""" % rows)
    database.query(TEMPLATES)


class Show:
    """Call begin() when the gateway serves, then step() every second."""

    def __init__(self, scope, folder, database, trackers, first_imei, tgctl):
        self.scope, self.folder, self.database, self.run_tgctl = scope, folder, database, tgctl
        self.vehicles = fleet.vehicles(first_imei, trackers)
        self.gateway = self.server = None
        self.sims = []
        self.next_command = 0
        self.texts = itertools.cycle(COMMANDS)
        self.password = secrets.token_urlsafe(9)

    def tgctl(self, *args, url=None):
        """As lib/web.py asks for it: (exit status, stdout, stderr)."""
        done = subprocess.run([gateway.TGCTL] + list(args), env=dict(os.environ, DATABASE_URL=url or self.database.url),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def begin(self, gw, port=None):
        """`port` for the pages; None: the usual one if it is free, 0: any."""
        self.gateway = gw
        self.past()
        self.present()
        self.serve(free_port() if port is None else port)
        proc.wait_until(self.is_complete, 30, "the fleet is under way")

    # ---- The fleet ----

    def simulate(self, imeis, profile, place, *more, known=True):
        """Trackers of one kind around one place."""
        name = os.path.join(self.folder, "sim%d" % len(self.sims))
        with open(name + ".imeis", "w") as f:
            f.write("\n".join(imeis) + "\n")
        sim = proc.Process([gateway.TGCTL, "sim", "--port", str(self.gateway.port), "--imei-file", name + ".imeis",
                            "--profile", profile, "--near", "%g,%g" % fleet.PLACES[place][:2], "--records", "1", "--quiet",
                            "--command-delay", ANSWER_MS] + ["--source-ips", SOURCES][:2 * known] + list(more), name + ".log")
        self.scope.later(sim.kill_group)
        self.sims.append(sim)
        return sim

    def of_story(self, *stories):
        return [v for v in self.vehicles if v.story in stories]

    def past(self):
        """Those that are ill now were well before; two of them have stopped since then."""
        now = int(time.time() * 1000)
        runs = []
        for v in self.of_story("no-fix", "clock", *STOPPED):
            begin = now - STOPPED.get(v.story, 0) - (PAST_FRAMES + 1) * PAST_STEP_MS
            runs.append(self.simulate([v.imei], v.profile, v.place, "--start-time", str(begin), "--step", str(PAST_STEP_MS),
                                      "--frames", str(PAST_FRAMES)))
        for run in runs:
            proc.equal(run.wait(30, "the past is stored"), 0, "tgctl sim: " + run.output())
        self.sims = []   # these may end
        for v in self.of_story(*STOPPED):
            self.put_back(v)

    def put_back(self, v):
        """Its connection was a moment ago; the record's times say when it would have been."""
        me = "(SELECT id FROM devices WHERE imei = '%s')" % v.imei
        shift = "interval '%d milliseconds'" % STOPPED[v.story]
        proc.wait_until(lambda: self.database.number(
            "SELECT count(*) FROM device_online WHERE NOT online AND last_record_at IS NOT NULL AND device_id = " + me), 30,
            "the connection of %s has ended" % v.name)
        self.database.query(
            "UPDATE device_online SET connected_at = connected_at - {s}, disconnected_at = disconnected_at - {s},"
            " last_seen_at = last_seen_at - {s}, received_at = received_at - {s} WHERE device_id = {me};"
            " UPDATE devices SET last_ping = last_ping - {s} WHERE id = {me};"
            " UPDATE device_sessions SET started_at = started_at - {s}, ended_at = ended_at - {s} WHERE device_id = {me}"
            .format(s=shift, me=me))

    def present(self):
        kinds = collections.defaultdict(list)
        for v in self.of_story(None):
            kinds[v.profile, v.place].append(v.imei)
        for (profile, place), imeis in kinds.items():
            self.simulate(imeis, profile, place, "--interval", "1000")
        for v in self.of_story("no-fix"):
            self.simulate([v.imei], v.profile, v.place, "--interval", "5000", "--no-fix", "100")
        for v in self.of_story("clock"):
            self.simulate([v.imei], v.profile, v.place, "--interval", "5000", "--clock-wrong", "100")
        for v in self.of_story("refused"):
            self.simulate([v.imei], v.profile, v.place, "--retry-refused")
        for v in self.of_story("never"):
            # It was registered by a number that isn't its own.
            self.simulate([fleet.mistyped(v.imei)], v.profile, v.place, "--retry-refused", known=False)
        for v in self.of_story("stopped"):
            self.command(v, "getinfo")

    def command(self, vehicle, text):
        self.run_tgctl(self.database.url, "command", "send", vehicle.imei, text, "--by", "dispatcher")

    def is_complete(self):
        return self.database.number("SELECT count(*) FROM device_online WHERE online AND latitude IS NOT NULL") >= len(
            self.of_story(None, "no-fix", "clock")) and self.database.number(
            "SELECT count(*) FROM rejected_devices") >= len(self.of_story("refused", "never"))

    def step(self):
        for sim in self.sims:
            proc.check(not sim.exited(), "a part of the fleet has ended:\n" + sim.output()[-2000:])
        proc.check(not self.server.process.exited(), "omnitrack-web has ended:\n" + self.server.log_text()[-2000:])
        if time.monotonic() < self.next_command or not self.of_story(None):
            return
        self.next_command = time.monotonic() + COMMAND_EVERY_S
        self.command(random.choice(self.of_story(None)), next(self.texts))

    def end_fleet(self):
        for sim in self.sims:
            sim.signal(signal.SIGINT)
        for sim in self.sims:
            sim.exited() or proc.wait_until(sim.exited, 5, "the fleet ends")

    # ---- The server ----

    def serve(self, port):
        self.server = web.Web(self, self.database, start=False, control=self.gateway.keys["TELEM_CONTROL_SOCKET"],
                              WEB_PORT=port, WEB_LOG_LEVEL="info",
                              WEB_GATEWAYS="demo=http://127.0.0.1:%s" % self.gateway.keys["METRICS_PORT"])
        self.server.start()
        self.scope.later(lambda: self.server.process.exited() or self.server.stop())
        code, out, err = self.server.run("admin", "create", "--login", LOGIN, "--name", "Demo", stdin=self.password + "\n")
        proc.equal(code, 0, "omnitrack-web admin create: %s%s" % (out, err))

    def address(self):
        return "http://127.0.0.1:%d" % self.server.port

    def link(self):
        """Signs in whoever opens it first."""
        code, out, err = self.server.run("link", "--login", LOGIN)
        proc.equal(code, 0, "omnitrack-web link: %s" % err)
        return out.strip()


def free_port():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", PORT))
            return PORT
        except OSError:
            return proc.free_port()
