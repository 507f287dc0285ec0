#!/usr/bin/env python3
"""make install into an empty root, what it puts there and takes away again; and the gateway run from
there by its init script, as root and as somebody else, each step under load, with the audit at the end.

Also: the manual page of the schema knows every table and column of a migrated database.
"""
import os
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, gateway, proc, suite, web
from lib.fleet import imeis
from lib.install import files, logrotate, make, places, run

def web_files(at):
    """What `make install` adds where the web application was built."""
    place = at["libexecdir"] + "/omnitrack-web"
    want = [at["sbindir"] + "/omnitrack-web", at["sysconfdir"] + "/omnitrack/web.conf.sample",
            at["initdir"] + "/omnitrack-web", at["docdir"] + "/samples/omnitrack-web.logrotate",
            at["mandir"] + "/man8/omnitrack-web.8"]
    want += [at["systemdsystemunitdir"] + "/" + unit for unit in ("omnitrack-web.service", "omnitrack-web@.service")]
    want += [place + "/" + name for name in ("server.mjs", "server.mjs.map", "third-party-notices.txt")]
    if os.path.exists(os.path.join(gateway.BUILD, "web/dist/node")):
        want += [place + "/node", place + "/node-licences.txt"]
    return want + [place + "/app" + name for name in files(os.path.join(gateway.BUILD, "web/dist/app"))]


@suite.quick
def test_files(bench):
    """make install: exactly these files; it leaves gateway.conf alone; make uninstall leaves nothing."""
    root = os.path.join(bench.folder, "root")
    at = places(bench)
    mine = os.path.join(root + at["sysconfdir"], "telematics-gateway", "gateway.conf")
    os.makedirs(os.path.dirname(mine))
    with open(mine, "w") as f:
        f.write("# the administrator's\n")
    make(bench, "install", "DESTDIR=" + root)
    samples = os.path.join(at["docdir"], "samples", "telematics-gateway.")
    want = [at["bindir"] + "/tgctl", at["sbindir"] + "/telematics-gateway",
            at["sysconfdir"] + "/telematics-gateway/gateway.conf",
            at["sysconfdir"] + "/telematics-gateway/gateway.conf.sample",
            at["initdir"] + "/telematics-gateway",
            at["systemdsystemunitdir"] + "/telematics-gateway.service",
            at["bashcompletiondir"] + "/tgctl", at["zshcompletiondir"] + "/_tgctl",
            at["fishcompletiondir"] + "/tgctl.fish", at["libexecdir"] + "/telematics-gateway/reload"]
    want += [samples + what for what in ("default", "limits", "logrotate", "sysctl")]
    want += [at["mandir"] + page for page in ("/man1/tgctl.1", "/man5/gateway.conf.5",
                                              "/man7/telematics-schema.7", "/man8/telematics-gateway.8")]
    doc = os.path.join(gateway.SOURCE, "doc")
    want += [os.path.normpath(os.path.join(at["docdir"], os.path.relpath(folder, doc), name))
             for folder, _, names in os.walk(doc) for name in names if name.endswith(".md")]
    want += [os.path.join(at["pkgdatadir"], "prometheus/telematics-gateway.rules.yml"),
             os.path.join(at["pkgdatadir"], "grafana/telematics-gateway.json"),
             os.path.join(at["pkgdatadir"], "dictionary.json")]
    want += [os.path.join(at["pkgdatadir"], "migrations", name)
             for name in os.listdir(os.path.join(gateway.SOURCE, "migrations")) if name.endswith(".sql")]
    if os.access(web.PROGRAM, os.X_OK):
        want += web_files(at)
    proc.equal(files(root), sorted(want), "what was installed")
    for path in want:
        with open(root + path, "rb") as f:
            text = f.read()
        found = re.search(rb"@[a-z]+@", text) if b"\0" not in text else None
        proc.check(not found, "%s holds %s" % (path, found))
        runs = os.access(root + path, os.X_OK)
        want_runs = "bin/" in path or path.startswith((at["initdir"], at["libexecdir"] + "/telematics-gateway"))
        proc.equal(runs, want_runs or path.endswith("/omnitrack-web/node"), path + " can be executed")
    with open(mine) as f:
        proc.equal(f.read(), "# the administrator's\n", "gateway.conf")
    os.unlink(mine)
    make(bench, "uninstall", "DESTDIR=" + root)
    proc.equal(files(root), [], "files that uninstall left")
    ours = {"telematics-gateway", "omnitrack-web", "omnitrack"}
    # The way to the prefix may go through a folder of such a name: a clone's, say.
    way = root + os.path.commonpath(at.values()) + "/"
    left = [os.path.join(folder, name) for folder, names, _ in os.walk(root) for name in ours & set(names)
            if not way.startswith(os.path.join(folder, name) + "/")]
    proc.equal(left, [], "folders that hold one of ours after uninstall")


class Installed(gateway.Gateway):
    """A gateway in a root of its own, to which its init script is the only way."""

    def __init__(self, bench, database, user):
        self.bench, self.user = bench, user
        self.root = os.path.join(bench.folder, "root")
        self.at = places(bench)
        make(bench, "install", "DESTDIR=" + self.root)
        self.daemon = self.root + self.at["sbindir"] + "/telematics-gateway"
        self.script = self.root + self.at["initdir"] + "/telematics-gateway"
        folder = os.path.join(bench.folder, "gw")
        os.mkdir(folder)
        self.logdir = self.root + self.at["localstatedir"] + "/log/telematics-gateway"
        self.pidfile = self.root + self.at["runstatedir"] + "/telematics-gateway/telematics-gateway.pid"
        super().__init__(bench.scope, folder, database.url, start=False,
                         TELEM_GATEWAY_PORT=proc.free_port(), TELEM_LOG_FILE=self.logdir + "/gateway.log")
        self.log = self.logdir + "/gateway.log"
        self.port = int(self.keys["TELEM_GATEWAY_PORT"])
        self.conf_path = self.root + self.at["sysconfdir"] + "/telematics-gateway/gateway.conf"
        # Who the daemon is in the end: nobody, if root is at hand to become it.
        self.owner = proc.unprivileged_user()
        self.defaults = os.path.join(bench.folder, "defaults")
        with open(self.defaults, "w") as f:
            f.write("DAEMON=%s\nCONFIG=%s\nPIDFILE=%s\nLOGDIR=%s\nRUN_AS=nobody\nUPGRADE_WAIT=%d\nRELOAD_WAIT=%d\n"
                    "RELOADER=%s\nTGCTL=%s\n"
                    % (self.daemon, self.conf_path, self.pidfile, self.logdir, 60 * proc.PATIENCE, 60 * proc.PATIENCE,
                       self.root + self.at["libexecdir"] + "/telematics-gateway/reload",
                       self.root + self.at["bindir"] + "/tgctl"))
            if user is not None:
                f.write("LSB_FUNCTIONS=no\n")
        bench.gateways.append(self)
        if self.owner is not None:   # sanitizers report there
            os.chown(folder, self.owner.pw_uid, self.owner.pw_gid)
        self.write_conf()
        if user is not None:
            for path in [self.root] + [os.path.join(d, n) for d, ds, ns in os.walk(self.root)
                                       for n in ds + ns]:
                os.chown(path, user.pw_uid, user.pw_gid)

    def write_conf(self, **keys):
        super().write_conf(**keys)
        os.chmod(self.conf_path, 0o640)
        if self.owner is not None:
            os.chown(self.conf_path, self.owner.pw_uid if self.user else 0, self.owner.pw_gid)

    @property
    def init_env(self):
        return dict(self.env, TELEMATICS_GATEWAY_DEFAULTS=self.defaults)

    def init(self, verb, want=0):
        """Runs the init script; returns what it printed."""
        code, out = run(self.bench, ["/bin/sh", self.script] + verb.split(), user=self.user, env=self.init_env)
        proc.equal(code, want, "exit status of %s: %s" % (verb, out))
        return out

    def pid(self):
        with open(self.pidfile) as f:
            return int(f.read())

    def workers(self):
        return proc.children(self.pid())

    def log_text(self):
        text = ""
        for path in (self.log + ".1", self.log):
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    text += f.read()
        return text

    def wait_generation(self, old):
        proc.wait_until(lambda: self.workers() and not set(old) & set(self.workers()), 30,
                        "the old workers are gone")
        proc.wait_until(self.all_accept, 20, "the new workers accept")

    def close(self):
        """Whatever runs from this root, also an old process that still drains."""
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                exe = os.readlink("/proc/%s/exe" % name)
                if exe.startswith(self.root):
                    os.kill(int(name), signal.SIGKILL)
            except OSError:
                continue


def rotate(gw):
    """Rotates with the sample of the installation."""
    sample = gw.root + gw.at["docdir"] + "/samples/telematics-gateway.logrotate"
    before = gw.log_text()
    logs = (gw.at["localstatedir"] + "/log/", gw.root + gw.at["localstatedir"] + "/log/")
    if not logrotate(gw, sample, logs, gw.at["initdir"]):
        return
    proc.check(os.path.exists(gw.log + ".1"), "the old log is kept")
    proc.wait_until(lambda: os.path.exists(gw.log), 10, "the daemon makes a new log")
    proc.equal(os.stat(gw.log).st_mode & 0o037, 0, "mode of the new log: not for others")
    proc.check(gw.log_text().startswith(before), "no line was lost")
    pids = gw.workers()
    gw.init("reload")
    gw.wait_generation(pids)
    with open(gw.log) as f:
        proc.check("master" in f.read(), "the daemon writes to the new log")


def replace_daemon(gw, source):
    """As a package does: a new file under the same name."""
    shutil.copy(source, gw.daemon + ".new")
    os.chmod(gw.daemon + ".new", 0o755)
    os.rename(gw.daemon + ".new", gw.daemon)


def upgrade(gw, load):
    """A new program takes over; a broken one, and one that doesn't get ready, leaves the old one."""
    old = gw.pid()
    replace_daemon(gw, "/bin/false")
    proc.check("failed" in gw.init("upgrade", want=6), "it says that it failed")
    proc.equal(gw.pid(), old, "the process after an upgrade to a broken program")
    # One that likes the configuration, but does not start.
    wrapper = os.path.join(gw.root, "wrapper")
    program = os.path.join(gw.root, "program")   # the build tree may lie where only root can go
    shutil.copy(gateway.DAEMON, program)
    with open(wrapper, "w") as f:
        f.write('#!/bin/sh\ncase "$*" in\n-[tT]*) exec %s "$@" ;;\nesac\nexit 1\n' % program)
    replace_daemon(gw, wrapper)
    with open(gw.defaults) as f:
        defaults = f.read()
    with open(gw.defaults, "a") as f:
        f.write("UPGRADE_WAIT=5\n")
    proc.check("goes on" in gw.init("upgrade", want=1), "it says that the old one goes on")
    proc.equal(gw.pid(), old, "the process after an upgrade to a program that doesn't start")
    load.wait_all_progress()
    with open(gw.defaults, "w") as f:
        f.write(defaults)
    replace_daemon(gw, gateway.DAEMON)
    gw.init("upgrade")
    new = gw.pid()
    proc.check(new != old, "another process")
    load.wait_all_progress()
    gw.init("status")
    proc.wait_until(lambda: not proc.alive(old), 60, "the old process has drained")
    proc.equal(gw.pid(), new, "the pidfile after the old process has left")


def refused_reload(gw):
    """A configuration that is right in itself and can't be taken: an address that isn't there. Twice, then a good one."""
    pids = gw.workers()
    gw.write_conf(TELEM_GATEWAY_BIND="192.0.2.77")
    for _ in range(2):
        out = gw.init("reload", want=1)
        proc.check("failed" in out and "no such address" in out and "done" not in out, "it says so: %s" % out)
        proc.equal(gw.workers(), pids, "workers after a reload that failed")
    del gw.keys["TELEM_GATEWAY_BIND"]
    gw.write_conf()
    gw.init("reload")
    proc.check(set(gw.workers()) - set(pids), "new workers are there when the reload returns")
    gw.wait_generation(pids)


def reload_behind_another(gw, cluster):
    """Its answer is not that of the one that is under way, which waits for a database that doesn't speak."""
    pids = gw.workers()
    cluster.freeze()
    try:
        os.kill(gw.pid(), signal.SIGHUP)
        proc.wait_until(lambda: len(gw.workers()) > len(pids), 10, "the first reload is under way")
        gw.write_conf(TELEM_GATEWAY_BIND="192.0.2.77")
        out = gw.init("reload", want=1)
    finally:
        cluster.freeze(signal.SIGCONT)
    proc.check("no such address" in out, "it says what became of the second: %s" % out)
    del gw.keys["TELEM_GATEWAY_BIND"]
    gw.write_conf()
    gw.wait_generation(pids)


def life(bench, user):
    database = bench.database()
    names = imeis(12)
    database.add_devices(names)
    gw = Installed(bench, database, user)
    proc.check("not running" in gw.init("status", want=3), "status before")
    gw.init("reload", want=7)
    gw.init("stop")
    gw.init("configtest")
    gw.init("nonsense", want=2)
    gw.init("start")
    gw.wait_ready()
    pid = gw.pid()
    if gw.owner is not None:
        for path in ("/proc/%d" % gw.workers()[0], gw.log, os.path.dirname(gw.pidfile)):
            proc.equal(os.stat(path).st_uid, gw.owner.pw_uid, "owner of " + path)
    load = bench.fleet(gw, names)

    def goes_on():
        load.wait_acked(proc.scaled(300, 100))
        proc.check("pid %d" % gw.pid() in gw.init("status"), "status names the process")
    goes_on()
    gw.init("start")
    proc.equal(gw.pid(), pid, "the process after a second start")

    pids = gw.workers()
    gw.init("reload")
    gw.wait_generation(pids)
    goes_on()
    refused_reload(gw)
    goes_on()
    reload_behind_another(gw, bench.cluster)
    goes_on()
    gw.write_conf(TELEM_IDLE_TIMEOUT_S=0)
    pids = gw.workers()
    proc.check("TELEM_IDLE_TIMEOUT_S" in gw.init("reload", want=6), "the reload says what is wrong")
    gw.init("configtest", want=6)
    gw.init("restart", want=6)
    proc.equal((gw.pid(), gw.workers()), (pid, pids), "processes after them")
    gw.write_conf(TELEM_IDLE_TIMEOUT_S=600)
    if gw.owner is not None and user is None:
        os.chmod(gw.conf_path, 0o600)
        for verb in ("reload", "upgrade"):
            proc.check("can't be read" in gw.init(verb, want=4), verb + " says who can't read it")
        gw.write_conf()
    rotate(gw)
    goes_on()
    upgrade(gw, load)
    goes_on()
    pid = gw.pid()
    gw.init("restart")
    proc.check(gw.pid() != pid and not proc.alive(pid), "restart: another process")
    load.wait_all_progress()
    goes_on()
    pid = gw.pid()
    gw.init("stop")
    proc.check(not proc.alive(pid) and not os.path.exists(gw.pidfile), "stop has waited for the end")
    gw.init("status", want=3)

    # A crash: told by the status, and no obstacle to the next start.
    gw.init("start")
    load.wait_all_progress()
    os.kill(gw.pid(), signal.SIGKILL)
    proc.wait_until(lambda: not proc.alive(gw.pid()), 5, "the master is dead")
    gw.init("status", want=1)
    proc.wait_until(lambda: gw.init("start") and proc.alive(gw.pid()), 60, "start after a crash")
    load.wait_all_progress()
    load.stop()
    audit.audit(database, load)
    gw.init("stop")
    proc.equal(database.number("SELECT count(*) FROM device_online WHERE online"), 0, "devices online")


def test_init_script(bench):
    """start, status, reload, log rotation, upgrade, restart, stop, a crash: as root, if we are; audit."""
    life(bench, None)


def test_init_script_user(bench):
    """The same without root, and without the functions of LSB."""
    user = proc.unprivileged_user()
    if user is None:
        print("# we aren't root: the test before was this one")
        return
    life(bench, user)


def test_aimed(bench):
    """Who may write the pidfile aims no signal of root's: a process of another user, or of another name, is left alone."""
    if proc.unprivileged_user() is None:
        print("# we aren't root")
        return
    gw = Installed(bench, bench.database(), None)
    gw.init("start")
    gw.wait_ready()
    true = gw.pid()
    lure = os.path.join(bench.folder, "telematics-gateway")   # its name as the kernel cuts it is the daemon's
    shutil.copy(shutil.which("sleep"), lure)
    for program, comm in ((lure, "telematics-gate"), (shutil.which("sleep"), "sleep")):
        victim = subprocess.Popen([program, "600"])
        bench.scope.later(victim.kill)
        proc.wait_until(lambda: open("/proc/%d/comm" % victim.pid).read().strip() == comm, 5, "its name")
        os.rename(gw.pidfile, gw.pidfile + ".true")
        with open(gw.pidfile, "w") as f:
            f.write("%d\n" % victim.pid)
        for verb in ("rotate", "reload", "upgrade"):
            out = gw.init(verb, want=4 if program == lure else 7)
            proc.check(program != lure or "left alone" in out, "%s: %s" % (verb, out))
        if program == lure:
            gw.init("stop", want=4)
        proc.check(victim.poll() is None, "a process of root's was hit")
        os.rename(gw.pidfile + ".true", gw.pidfile)
        victim.kill()
        victim.wait()
    gw.init("rotate")
    proc.wait_until(lambda: gw.logged("log file opened again"), 10, "the log is opened again")
    proc.equal(gw.pid(), true, "the daemon")
    gw.init("stop")
    gw.init("rotate", want=7)


def test_not_configured(bench):
    """Without a configuration, a database or a program the init script says what is missing."""
    gw = Installed(bench, bench.database(), None)
    os.unlink(gw.conf_path)
    proc.check("gateway.conf" in gw.init("start", want=6), "the file is named")
    shutil.copy(gw.conf_path + ".sample", gw.conf_path)
    proc.check("DATABASE_URL" in gw.init("start", want=6), "the key is named")
    proc.check("DATABASE_URL" in gw.init("configtest", want=6), "also by configtest")
    os.unlink(gw.daemon)
    proc.check("not installed" in gw.init("start", want=5), "the program is missing")
    gw.init("status", want=3)


def test_schema_page(bench):
    """telematics-schema(7) knows each table and column with its type, and no other."""
    rows = bench.database().rows(
        "SELECT c.relname, a.attname, replace(format_type(a.atttypid, NULL), 'timestamp with time zone',"
        " 'timestamptz') FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
        " AND NOT a.attisdropped WHERE c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition"
        " AND c.relnamespace = current_schema()::regnamespace")
    with open(os.path.join(gateway.SOURCE, "doc", "telematics-schema.7.in")) as f:
        text = f.read()
    page = []
    for part in re.split(r"(?m)^\.S[sh] ", text)[1:]:
        page += [[part.split("\n")[0]] + list(m) for m in
                 re.findall(r"(?m)^\.It Va (\w+) Pq Vt (.+)$", part)]
    missing = [r for r in rows if r not in page]
    proc.check(not missing, "doc/telematics-schema.7.in lacks, or has with another type: %s" %
               "; ".join("in .Ss %s: .It Va %s Pq Vt %s" % tuple(r) for r in missing))
    proc.equal([r for r in page if r not in rows], [], "what is in the page only")


suite.main(globals())
