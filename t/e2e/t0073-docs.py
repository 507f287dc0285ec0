#!/usr/bin/env python3
"""Every command in doc/*.md and the README: blocks of shell and SQL are run, page by page and in their
order, on an installation in a scratch root with trackers that answer; settings are checked by the
program that reads them. What changes a host says so in its first line, and has its syntax checked.

Kinds of blocks: sh, sql (run); sh that begins with "# on the host" (syntax); conf (gateway.conf),
webconf (web.conf),
postgresql (postgresql.conf), sysctl, nft, haproxy, nginx (checked); text (output and pictures). Any other fails.
"""
import grp
import os
import pwd
import re
import signal
import subprocess
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import balancer, gateway, pages, postgres, proc, suite, web

FIRST_TRACKER = "t/e2e/t0076-first-tracker.py"
# Blocks that another test, or the build itself, runs; by page and first line.
ELSEWHERE = {
    ("README.md", "scripts/demo"): "t/e2e/t0040-demo.py",
    ("README.md", "scripts/test"): ".ci/run",
    ("README.md", "scripts/install-deps build database"): FIRST_TRACKER,
    ("README.md", 'pg_lsclusters -h | grep -q . || sudo pg_createcluster "$(ls /usr/lib/postgresql | sort -V | tail -n 1)" main'):
        FIRST_TRACKER,
    ("README.md", "sudo tgctl device add 350000000000001"): FIRST_TRACKER,
    ("README.md", "sudo /usr/local/etc/init.d/telematics-gateway start"): FIRST_TRACKER,
    ("README.md", "sudo tgctl status"): FIRST_TRACKER,
    ("README.md", "./autogen.sh          # only in a clone; a release tarball has configure already"):
        "scripts/test",
    ("doc/performance.md",
     "make bench                                   # builds the programs of bench/ and measures; about six minutes"):
        "bench/run",
    ("doc/web.md", "scripts/web install     # Node.js, if the system's is too old, and the packages"): "scripts/test",
}
RUN = ("sh", "sql")
KINDS = RUN + ("host", "conf", "webconf", "postgresql", "sysctl", "nft", "haproxy", "nginx", "text")
ROLES = ("telematics", "telematics_gateway", "telematics_web", "telematics_readonly")
IMEI_BASE, TRACKERS = 350000000000001, 3


def blocks(*kinds, page=None):
    found = [b for p in pages.all_pages().values() for b in p.blocks
             if b.kind in kinds and (p.name, b.first) not in ELSEWHERE and page in (None, p.name)]
    proc.check(found, "there are no blocks of %s" % (kinds,))
    return found


class Host:
    """A machine in a folder: an installation, a database of its own, programs under the names of the pages."""

    def __init__(self, bench):
        self.bench, self.root = bench, os.path.join(bench.folder, "host")
        self.cluster = bench.cluster
        self.conf = self.path("/etc/telematics-gateway/gateway.conf")
        self.pidfile = self.path("/run/telematics-gateway/telematics-gateway.pid")
        self.log = self.path("/var/log/telematics-gateway/gateway.log")
        self.port, self.metrics_port = proc.free_port(), proc.free_port()
        self.web_port, self.web_metrics_port = proc.free_port(), proc.free_port()
        self.more_ports = {"8081": proc.free_port(), "9096": proc.free_port()}
        self.count = 0
        done = subprocess.run(
            ["make", "-s", "-C", gateway.BUILD, "install", "DESTDIR=" + self.root, "prefix=/usr",
             "libexecdir=/usr/libexec", "sysconfdir=/etc",
             "initdir=/etc/init.d", "localstatedir=/var", "runstatedir=/run", "docdir=/usr/share/doc/telematics-gateway"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120 * proc.PATIENCE)
        proc.equal(done.returncode, 0, "make install: %s" % done.stdout.decode(errors="replace"))
        for folder in ("/etc/telematics-gateway", "/var/log/telematics-gateway", "/run/telematics-gateway",
                       "/etc/omnitrack", "/var/log/omnitrack", "/run/omnitrack", "/var/backups", "/var/tmp", "/bin", "/home"):
            os.makedirs(self.path(folder), exist_ok=True)
        self.socket = urllib.parse.quote(self.cluster.socket, safe="")
        self.url = "postgresql://telematics@/telematics?host=" + self.socket
        name, mark = proc.RUN_MARK.split("=")
        self.env = {"PATH": ":".join([self.path("/bin"), postgres.bin_dir(), os.environ["PATH"], "/usr/sbin", "/sbin"]),
                    "LC_ALL": "C", "HOME": self.path("/home"), "PGHOST": self.cluster.socket, name: mark,
                    "DATABASE_URL": self.url, "TELEMATICS_GATEWAY_DEFAULTS": self.path("/etc/default"),
                    "OMNITRACK_WEB_DEFAULTS": self.path("/etc/default-web")}
        self.env.update(gateway.sanitizer_env(bench.folder))
        self.write_files()
        bench.scope.later(self.drop)
        bench.scope.later(self.kill)
        self.cluster.query("CREATE ROLE telematics LOGIN", "postgres")
        self.cluster.query("CREATE DATABASE telematics OWNER telematics TEMPLATE template0", "postgres")
        self.shell("tgctl migrate\nfor i in $(seq %d %d); do tgctl device add $i; done\n"
                   % (IMEI_BASE, IMEI_BASE + TRACKERS - 1), "preparing")

    def path(self, path):
        return self.root + path

    def program(self, name, text):
        with open(self.path("/bin/" + name), "w") as f:
            f.write("#!/bin/sh\n" + text)
        os.chmod(self.path("/bin/" + name), 0o755)

    def write_files(self):
        daemon = self.path("/usr/sbin/telematics-gateway")
        with open(self.conf, "w") as f:
            f.write("DATABASE_URL=%s\nTELEM_GATEWAY_BIND=127.0.0.1\nTELEM_GATEWAY_PORT=%d\nMETRICS_PORT=%d\n"
                    "TELEM_WORKERS=2\nTELEM_MAX_DEVICES=10000\nTELEM_LOG_LEVEL=info\nTELEM_LOG_FILE=%s\n"
                    "TELEM_CONTROL_SOCKET=%s/control.sock\n"
                    % (self.url, self.port, self.metrics_port, self.log, os.path.dirname(self.pidfile)))
        with open(self.path("/etc/default"), "w") as f:
            f.write("DAEMON=%s\nCONFIG=%s\nPIDFILE=%s\nLOGDIR=%s\nRUN_AS=nobody\nRELOADER=%s\nTGCTL=%s\n"
                    % (daemon, self.conf, self.pidfile, os.path.dirname(self.log),
                       self.path("/usr/libexec/telematics-gateway/reload"), self.path("/usr/bin/tgctl")))
        user = proc.unprivileged_user()
        if user is not None:
            os.chown(self.conf, 0, user.pw_gid)
            for path in (self.log, self.pidfile):
                os.chown(os.path.dirname(path), user.pw_uid, user.pw_gid)
        os.chmod(self.conf, 0o640)
        self.program("tgctl", 'exec %s -c %s "$@"\n' % (self.path("/usr/bin/tgctl"), self.conf))
        self.program("telematics-gateway", 'exec %s -c %s "$@"\n' % (daemon, self.conf))
        self.program("service", 'case $1 in telematics-gateway | omnitrack-web) ;; *) exit 9 ;; esac\n'
                     'script=%s/$1\nshift\nexec /bin/sh "$script" "$@"\n' % self.path("/etc/init.d"))
        if os.path.exists(self.path("/usr/sbin/omnitrack-web")):
            self.write_web_files(user)
        # PostgreSQL trusts everybody here: who somebody is, is who he says.
        self.program("sudo", '[ "$1" = -u ] || exit 9\nPGUSER=$2\nexport PGUSER\nshift 2\nexec "$@"\n')

    def write_web_files(self, user):
        """The installed starter with this root's paths, and what a package makes."""
        with open(self.path("/usr/sbin/omnitrack-web")) as f:
            text = re.sub(r"/(usr/libexec|usr/bin|etc)/", lambda m: self.path("/%s/" % m.group(1)), f.read())
        # The pages' DATABASE_URL is for the tool; here the file is to be read.
        self.program("omnitrack-web", "unset DATABASE_URL\n" + text.split("\n", 1)[1])
        conf, ports = self.path("/etc/omnitrack/web.conf"), (self.web_port, self.web_metrics_port)
        with open(conf, "w") as f:
            f.write("WEB_PORT=%d\nWEB_METRICS_PORT=%d\n" % ports)
        os.chmod(conf, 0o640)
        folders = [self.path(p) for p in ("/var/log/omnitrack", "/run/omnitrack")]
        with open(self.path("/etc/default-web"), "w") as f:
            f.write("DAEMON=%s\nCONFIG=%s\nLOGDIR=%s\nPIDFILE=%s/web.pid\nRUN_AS=nobody\n"
                    % (self.path("/bin/omnitrack-web"), conf, *folders))
        if user is not None:
            os.chown(conf, 0, user.pw_gid)
            for folder in folders:
                os.chown(folder, user.pw_uid, user.pw_gid)

    def here(self, text):
        """What the page says, with the paths, ports and addresses of this machine."""
        text = re.sub(r"(?<![\w./-])/(etc|var|run|usr/share)/", lambda m: self.path("/%s/" % m.group(1)), text)
        text = re.sub(r"\b5027\b", str(self.port), text)
        text = re.sub(r"\b9092\b", str(self.metrics_port), text)
        text = re.sub(r"\b9095\b", str(self.web_metrics_port), text)
        text = re.sub(r"\b(8081|9096)\b", lambda m: str(self.more_ports[m.group(1)]), text)
        return text.replace("@localhost/", "@%s/" % self.socket)

    def run(self, argv, what, env=None):
        """Output goes to a file: a daemon must not hold a pipe."""
        out = os.path.join(self.bench.folder, "out")
        with open(out, "wb") as f:
            code = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=f, stderr=f, cwd=self.path("/home"),
                                  env=env or self.env, timeout=120 * proc.PATIENCE).returncode
        with open(out, errors="replace") as f:
            text = f.read()
        proc.equal(code, 0, "%s: exit status (%s)" % (what, text[-2000:]))
        return text

    def file(self, text):
        self.count += 1
        path = self.path("/home/block%d" % self.count)
        with open(path, "w") as f:
            f.write(text)
        return path

    def shell(self, text, what):
        """Stops at the first command that fails; what it exports holds for those that follow."""
        exported = self.path("/home/exported")
        done = self.file(text + "\nexport -p >%s\n" % exported)
        self.run(["bash", "--posix", "-eu", "-o", "pipefail", "-c", "if [ -e %s ]; then . %s; fi; . %s" % (exported, exported, done)], what)

    def execute(self, block):
        what = str(block)
        if block.kind == "sql":
            self.run([postgres.psql_command(), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-f",
                      self.file(self.here(block.text))], what)
        else:
            self.shell(self.here(block.text), what)

    def wait_ready(self):
        ready = ["curl", "-sf", "http://127.0.0.1:%d/readyz" % self.metrics_port]
        proc.wait_until(lambda: subprocess.run(ready, stdout=subprocess.DEVNULL).returncode == 0, 60, "/readyz says 200")

    def serve(self):
        """The gateway runs, and trackers send and answer commands."""
        self.shell("service telematics-gateway start\n", "start")
        self.wait_ready()
        fleet = proc.Process(
            [self.path("/usr/bin/tgctl"), "sim", "--port", str(self.port), "--imei-base", str(IMEI_BASE), "--trackers",
             str(TRACKERS), "--interval", "300", "--command-delay", "20..50", "--quiet"],
            os.path.join(self.bench.folder, "sim.log"), env=self.env)
        self.bench.scope.later(fleet.kill_group)
        proc.wait_until(lambda: int(self.cluster.query("SELECT count(*) FROM device_online WHERE online", "telematics"))
                        == TRACKERS, 60, "the trackers are online")
        return self

    def page(self, name):
        for block in blocks(*RUN, page=name):
            self.execute(block)

    def kill(self):
        """Whatever runs from this root."""
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink("/proc/%s/exe" % name).startswith(self.root):
                    os.kill(int(name), signal.SIGKILL)
            except OSError:
                continue

    def drop(self):
        for name in ("telematics", "telematics_restored"):
            self.cluster.query("DROP DATABASE IF EXISTS %s WITH (FORCE)" % name, "postgres")
        for name in ROLES:
            self.cluster.query("DROP ROLE IF EXISTS %s" % name, "postgres")


@suite.quick
def test_pages(bench):
    """Every block says what it is; links and their anchors are there; all pages are in the tarball."""
    everything = pages.all_pages()
    elsewhere = set(ELSEWHERE)
    with open(os.path.join(gateway.SOURCE, "doc", "sources.mk")) as f:
        listed = f.read()
    for page in everything.values():
        proc.check(page.name == "README.md" or page.name in listed, "doc/sources.mk does not list %s" % page.name)
        for block in page.blocks:
            proc.check(block.kind in KINDS, "%s: a block of no known kind: %r" % (block, block.kind))
            elsewhere.discard((page.name, block.first))
        for link in page.links:
            if re.match(r"\w+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(page.name), path)) if path else page.name
            proc.check(os.path.exists(os.path.join(gateway.SOURCE, target)), "%s: no such file: %s" % (page.name, link))
            proc.check(not anchor or anchor in everything[target].anchors(), "%s: no such heading: %s" % (page.name, link))
    proc.equal(elsewhere, set(), "blocks in ELSEWHERE that no page has")
    for where in ELSEWHERE.values():
        proc.check(os.path.exists(os.path.join(gateway.SOURCE, where)), "%s is not there" % where)


# What the pages name and a fresh database doesn't have: a database of an example, and the prefix that
# the gateway knows a record's own constraint by (pg/error.h).
NOT_IN_A_DATABASE = ("telematics_restored", "telematics_record_")


def test_names(bench):
    """Within the text: commands of tgctl and their options, keys, metrics and functions are there by that name."""
    database = bench.database()
    gw = bench.gateway(database)
    with open(os.path.join(gateway.SOURCE, "etc", "gateway.conf.sample")) as f:
        keys = set(re.findall(r"(?m)^#?([A-Z][A-Z_]+)=", f.read()))
    with open(os.path.join(gateway.SOURCE, "etc", "web.conf.sample")) as f:
        keys |= set(re.findall(r"(?m)^#?(WEB_[A-Z_]+)=", f.read()))
    names = {line.split()[2] for line in gw.http("/metrics")[1].splitlines() if line.startswith("# TYPE ")}
    names |= set(ROLES) | {r[0] for r in database.rows(
        "SELECT proname FROM pg_proc WHERE proname LIKE 'telem%' UNION SELECT relname FROM pg_class"
        # The channels on which functions of ours notify.
        " UNION SELECT (regexp_matches(prosrc, $$'(telematics_[a-z_]+)'$$, 'g'))[1] FROM pg_proc WHERE prosrc ~ 'pg_notify'")}
    helps = {}
    for page in pages.all_pages().values():
        for text in page.inline:
            for key in re.findall(r"\b(?:TELEM|METRICS|WEB)_[A-Z_]+", text):
                proc.check(key in keys, "%s: no such key: %s" % (page.name, key))
            for name in re.findall(r"(?<![\w./-])telematics_\w+", text):
                proc.check(name in names or name in NOT_IN_A_DATABASE, "%s: no such name: %s" % (page.name, name))
            found = re.match(r"tgctl(?: ([a-z]+)(?: ([a-z]+))?)?( .*)?$", text)
            if found is None or found.group(1) is None:
                continue
            command, action = found.group(1, 2)
            if command not in helps:
                helps[command] = bench.tgctl("help", command)[:2]
            code, text_of = helps[command]
            proc.equal(code, 0, "%s: `%s`: tgctl help %s" % (page.name, text, command))
            proc.check(action is None or re.search(r"tgctl %s .*\b%s\b" % (command, action), text_of),
                       "%s: `%s`: no such action" % (page.name, text))
            for option in re.findall(r"(?<!\S)--[a-z-]+", text):
                proc.check(option in text_of, "%s: `%s`: no such option" % (page.name, text))


def test_host(bench):
    """What changes a host is valid shell; rules of firewall and balancers are valid where their program is."""
    path = os.path.join(bench.folder, "block")
    for block in blocks("host", "nft", "haproxy", "nginx"):
        text = re.sub(r"/etc/ssl/[\w.-]+\.pem", lambda m: balancer.certificate(bench.folder, "fleet.example.org"), block.text)
        with open(path, "w") as f:
            f.write(balancer.whole_nginx(bench.folder, text) if block.kind == "nginx" else text)
        program = proc.find_program("sh" if block.kind == "host" else block.kind)
        if program is None or (block.kind == "nft" and os.geteuid() != 0):
            print("# %s: not checked: this needs %s%s" % (block, block.kind, " and root" if program else ""))
            continue
        argv = {"host": [program, "-n", path], "nft": [program, "-c", "-f", path],
                "haproxy": [program, "-c", "-q", "-f", path],
                "nginx": [program, "-t", "-q", "-p", bench.folder, "-e", "stderr", "-c", path]}[block.kind]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        proc.equal(done.returncode, 0, "%s: %s" % (block, done.stdout.decode(errors="replace")))


def test_settings(bench):
    """Settings are taken by the program they are for: the gateway, PostgreSQL; the kernel knows their names."""
    path = os.path.join(bench.folder, "gateway.conf")
    user = proc.unprivileged_user() or pwd.getpwuid(os.geteuid())
    somebody = {"USER": user.pw_name, "GROUP": grp.getgrgid(user.pw_gid).gr_name}
    for block in blocks("conf"):
        text = re.sub("TELEM_(USER|GROUP)=_telematics", lambda m: "TELEM_%s=%s" % (m.group(1), somebody[m.group(1)]),
                      block.text)
        text = text.replace("TELEM_CONTROL_GROUP=_tgctl", "TELEM_CONTROL_GROUP=" + somebody["GROUP"])
        with open(path, "w") as f:
            f.write(text if "DATABASE_URL=" in text else "DATABASE_URL=dbname=x\n" + text)
        done = subprocess.run([gateway.DAEMON, "-t", "-c", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        proc.equal(done.returncode, 0, "%s: %s" % (block, done.stdout.decode(errors="replace")))
    for block in blocks("webconf") if os.access(web.PROGRAM, os.X_OK) else []:
        text = re.sub(r"/etc/omnitrack/web\.\w+", lambda m: balancer.certificate(bench.folder, "fleet.example.org"), block.text)
        with open(path, "w") as f:
            f.write("DATABASE_URL=dbname=x\n" + text)
        done = subprocess.run([web.PROGRAM, "-t", "-c", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        proc.equal(done.returncode, 0, "%s: %s" % (block, done.stdout.decode(errors="replace")))
    for block in blocks("postgresql"):
        for line in block.text.strip().split("\n"):
            name, value = re.match(r"(\w+) = ('[^']*'|[^\s#]+)", line).groups()
            if not value.startswith("'"):
                value = "'%s'" % value
            bench.cluster.query("ALTER SYSTEM SET %s = %s" % (name, value), "postgres")
        bench.cluster.query("ALTER SYSTEM RESET ALL", "postgres")
    for block in blocks("sysctl"):
        for line in block.text.strip().split("\n"):
            name = re.fullmatch(r"([a-z0-9_.-]+) = [0-9 ]+", line)
            proc.check(name, "%s: %s" % (block, line))
            known = os.path.exists("/proc/sys/" + name.group(1).replace(".", "/"))
            # Containers hide some that belong to the host.
            proc.check(known or not name.group(1).startswith("fs."), "the kernel has no %s" % name.group(1))


def test_commands(bench):
    """doc/commands.md"""
    Host(bench).serve().page("doc/commands.md")


def test_dictionary(bench):
    """doc/dictionary.md"""
    Host(bench).serve().page("doc/dictionary.md")


def test_runbook(bench):
    """doc/runbook-gateway.md"""
    Host(bench).serve().page("doc/runbook-gateway.md")


def test_scaling(bench):
    """doc/scaling.md"""
    Host(bench).serve().page("doc/scaling.md")


def test_security(bench):
    """doc/security.md"""
    Host(bench).serve().page("doc/security.md")


def test_web(bench):
    """doc/web.md"""
    if not os.access(web.PROGRAM, os.X_OK):
        print("# omnitrack-web is not built")
        return
    host = Host(bench)
    host.page("doc/web.md")
    host.shell("service omnitrack-web status\nservice omnitrack-web stop\n", "stop")


suite.main(globals())
