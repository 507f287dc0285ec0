#!/usr/bin/env python3
"""omnitrack-web as `make install` puts it somewhere: run from there by its starter and by its init script, as root and as
somebody else; log rotation; what is missing is said; the licences of all that was bundled are with it."""
import json
import os
import re
import signal
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite, web
from lib.install import logrotate, make, places, run

web.need()


class Installed:
    """The web application below a prefix of its own. `user`: who runs the init script, None for us."""

    def __init__(self, bench, user=None):
        self.bench, self.user = bench, user
        self.root = os.path.join(bench.folder, "root")
        os.mkdir(self.root)
        to = ["prefix=" + self.root]
        make(bench, "install", *to)
        self.at = places(bench, *to)
        self.daemon = self.at["sbindir"] + "/omnitrack-web"
        self.script = self.at["initdir"] + "/omnitrack-web"
        self.conf = self.at["sysconfdir"] + "/omnitrack/web.conf"
        self.pidfile = self.root + "/run/omnitrack/web.pid"
        self.logdir = self.root + "/log/omnitrack"
        self.log = self.logdir + "/web.log"
        # Who it is in the end: nobody, if root is at hand to become it.
        self.owner = proc.unprivileged_user()
        database = bench.database()
        self.keys = {"DATABASE_URL": web.role(bench, database), "WEB_PORT": proc.free_port(),
                     "WEB_METRICS_PORT": proc.free_port()}
        self.defaults = os.path.join(bench.folder, "defaults")
        with open(self.defaults, "w") as f:
            f.write("CONFIG=%s\nDAEMON=%s\nPIDFILE=%s\nLOGDIR=%s\nRUN_AS=nobody\nSTART_WAIT=%d\nLSB_FUNCTIONS=%s\n"
                    % (self.conf, self.daemon, self.pidfile, self.logdir, 60 * proc.PATIENCE, "yes" if user is None else "no"))
        bench.scope.later(self.close)
        self.write_conf()
        if user is not None:
            for path in [self.root] + [os.path.join(d, n) for d, ds, ns in os.walk(self.root) for n in ds + ns]:
                os.chown(path, user.pw_uid, user.pw_gid)

    def write_conf(self, **keys):
        self.keys.update(keys)
        with open(self.conf, "w") as f:
            f.writelines("%s=%s\n" % item for item in self.keys.items())
        os.chmod(self.conf, 0o640)
        if self.owner is not None:
            os.chown(self.conf, self.owner.pw_uid if self.user else 0, self.owner.pw_gid)

    @property
    def init_env(self):
        return {"OMNITRACK_WEB_DEFAULTS": self.defaults}

    def init(self, verb, want=0):
        """Runs the init script; returns what it printed."""
        code, out = run(self.bench, ["/bin/sh", self.script, verb], user=self.user, env=self.init_env)
        proc.equal(code, want, "exit status of %s: %s" % (verb, out))
        return out

    def pid(self):
        with open(self.pidfile) as f:
            return int(f.read())

    def ask(self, path, key="WEB_PORT"):
        return web.Browser(None, port=int(self.keys[key])).raw("GET", path)[:2]

    def log_text(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def close(self):
        try:
            os.kill(self.pid(), signal.SIGKILL)
        except (OSError, ValueError):
            pass


def rotate(it):
    sample = it.at["docdir"] + "/samples/omnitrack-web.logrotate"
    before = it.log_text()
    if not logrotate(it, sample, (it.at["localstatedir"] + "/log/omnitrack", it.logdir), places(it.bench)["initdir"]):
        return
    with open(it.log + ".1") as f:
        proc.check(f.read().startswith(before), "no line was lost")
    proc.wait_until(lambda: os.path.exists(it.log), 10, "a new log is made")
    proc.equal(os.stat(it.log).st_mode & 0o037, 0, "mode of the new log: not for others")
    it.init("reload")
    proc.wait_until(lambda: "configuration is right" in it.log_text(), 10, "the new log is written to")


def life(bench, user):
    it = Installed(bench, user)
    proc.check("not running" in it.init("status", want=3), "status before")
    it.init("reload", want=7)
    it.init("rotate", want=7)
    it.init("stop")
    it.init("configtest")
    it.init("nonsense", want=2)
    it.init("start")
    pid = it.pid()
    proc.equal(it.ask("/login")[0], 200, "the page when the start has returned")
    proc.wait_until(lambda: it.ask("/readyz", "WEB_METRICS_PORT")[0] == 200, 20, "/readyz")
    if it.owner is not None:
        for path in ("/proc/%d" % pid, it.log, it.pidfile):
            proc.equal(os.stat(path).st_uid, it.owner.pw_uid, "owner of " + path)
    proc.equal(proc.comm(pid), "omnitrack-web", "the name of the process")
    it.init("start")
    proc.equal(it.pid(), pid, "the process after a second start")
    proc.check("pid %d" % pid in it.init("status"), "status names the process")

    it.write_conf(WEB_POOL=0)
    for verb in ("reload", "restart", "configtest"):
        proc.check("WEB_POOL" in it.init(verb, want=6), "%s says what is wrong" % verb)
    it.write_conf(WEB_POOL=5)
    if it.owner is not None and user is None:
        os.chmod(it.conf, 0o600)
        it.init("reload", want=6)
        it.write_conf()
    proc.equal(it.pid(), pid, "the process after them")
    rotate(it)

    it.init("restart")
    proc.check(it.pid() != pid and not proc.alive(pid), "restart: another process")
    pid = it.pid()
    it.init("stop")
    proc.check(not proc.alive(pid) and not os.path.exists(it.pidfile), "stop has waited for the end")
    proc.check('"stopped"' in it.log_text(), "it drained")
    it.init("start")
    os.kill(it.pid(), signal.SIGKILL)
    proc.wait_until(lambda: not proc.alive(it.pid()), 5, "it is dead")
    it.init("status", want=1)
    it.init("start")
    proc.equal(it.ask("/login")[0], 200, "the page after a crash")
    it.init("stop")


def test_init_script(bench):
    """start, status, reload, log rotation, restart, stop, a crash: as root, if we are."""
    life(bench, None)


def test_init_script_user(bench):
    """The same without root, and without the functions of LSB."""
    user = proc.unprivileged_user()
    if user is None:
        print("# we aren't root: the test before was this one")
        return
    life(bench, user)


def test_missing(bench):
    """Without a configuration, a database, a free port or a program the init script says what is missing."""
    it = Installed(bench)
    os.unlink(it.conf)
    proc.check("web.conf" in it.init("start", want=6), "the file is named")
    with open(it.conf + ".sample") as f, open(it.conf, "w") as to:
        to.write(f.read())
    proc.check("DATABASE_URL" in it.init("start", want=6), "the key is named")
    with socket.create_server(("127.0.0.1", int(it.keys["WEB_PORT"]))):
        it.write_conf()
        proc.check("EADDRINUSE" in it.init("start", want=1), "the start says that the port is taken")
    os.unlink(it.daemon)
    proc.check("not installed" in it.init("start", want=5), "the program is missing")
    it.init("status", want=3)


def test_starter(bench):
    """The starter knows where its configuration is; it runs the bundle and the runtime that lie below the prefix."""
    it = Installed(bench)
    proc.equal(run(bench, [it.daemon, "-t"])[1], "The configuration is right.\n", "-t with the installed web.conf")
    it.write_conf(WEB_PORT="x")
    code, out = run(bench, [it.daemon, "-t"])
    proc.check(code == 2 and "WEB_PORT" in out, "-t: %d %s" % (code, out))
    proc.check(it.conf in run(bench, [it.daemon, "--help"])[1], "--help names the file")
    with open(it.daemon) as f:
        text = f.read()
    proc.check(gateway.BUILD not in text, "it needs the build tree: %s" % text)


def test_licences(bench):
    """The licence of each package that the bundle was made of is installed with it, and of the runtime that was brought along."""
    it = Installed(bench)
    place = it.at["libexecdir"] + "/omnitrack-web/"
    with open(place + "third-party-notices.txt") as f:
        text = f.read()
    for half in ("server", "app"):
        with open(os.path.join(gateway.BUILD, "web/dist/%s.packages.json" % half)) as f:
            packages = json.load(f)
        proc.check(len(packages) > 10, "%s: only %d packages" % (half, len(packages)))
        for folder in packages:
            with open(os.path.join(folder, "package.json")) as f:
                about = json.load(f)
            found = re.search(r"(?ms)^%s %s \(.+?\)\n\n(.*?)\n-{80}$" % (re.escape(about["name"]), re.escape(about["version"])),
                              text + "\n" + "-" * 80)
            proc.check(found and len(found.group(1)) > 200, "%s: no licence" % folder)
    proc.check("GeoNames" in text, "the data have their credits")
    if os.path.exists(place + "node"):
        with open(place + "node-licences.txt") as f:
            proc.check("OpenSSL" in f.read(), "licences of the runtime")


suite.main(globals())
