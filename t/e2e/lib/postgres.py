"""A private PostgreSQL: made by initdb in a scratch folder, reached by a Unix socket alone."""
import glob
import os
import re
import shutil
import signal
import subprocess
import threading
import queue

from . import proc

CONFIG = """
listen_addresses = '%(address)s'
unix_socket_directories = '%(socket)s'
port = 5432
max_connections = 80
shared_buffers = 64MB
fsync = on
synchronous_commit = on
# Not the machine's nor UTC, so that whoever forgets to say UTC is found out.
timezone = 'America/St_Johns'
jit = off
log_min_messages = warning
log_line_prefix = '%%m [%%p] %%a '
"""


def bin_dir():
    """Where initdb and postgres are, or None. E2E_PG_BINDIR chooses others than the system's."""
    chosen = os.environ.get("E2E_PG_BINDIR")
    if chosen:
        proc.check(os.access(os.path.join(chosen, "initdb"), os.X_OK), "E2E_PG_BINDIR: no initdb in %s" % chosen)
        return chosen
    found = shutil.which("initdb")
    if found:
        return os.path.dirname(os.path.realpath(found))
    dirs = [os.path.dirname(p) for p in glob.glob("/usr/lib/postgresql/*/bin/initdb")
            + glob.glob("/usr/pgsql-*/bin/initdb")]
    return max(dirs, key=lambda d: [int(n) for n in re.findall(r"\d+", d)], default=None)


def psql_command():
    return shutil.which("psql") or os.path.join(bin_dir(), "psql")


class Cluster:
    """start() and the stops may be called again and again; close() ends it for good."""

    def __init__(self, scope, root=None, place=None, address=""):
        """Makes it in a scratch folder, or in `root`, an empty folder that its user can reach; place(cluster) may put a disk of
        their own under its data. `address`: where it listens, too; of the loopback, in a network of the test's own."""
        self.root = root or proc.scratch(scope)
        self.address = address
        self.user = proc.unprivileged_user()
        self.data = os.path.join(self.root, "data")
        self.socket = os.path.join(self.root, "s")
        self.log = os.path.join(self.root, "postgres.log")
        self.server = None
        self.env = {"LC_ALL": "C", "PATH": os.environ["PATH"], "HOME": self.root}
        os.mkdir(self.data, 0o700)
        os.mkdir(self.socket, 0o755)
        open(self.log, "w").close()
        if self.user:
            for path in (self.root, self.data, self.socket, self.log):
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        if place:
            place(self)
        self._run([os.path.join(bin_dir(), "initdb"), "-D", self.data, "-U", "postgres", "-A",
                   "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"])
        with open(os.path.join(self.data, "postgresql.conf"), "a") as conf:
            conf.write(CONFIG % {"socket": self.socket, "address": self.address})
        scope.later(self.close)
        self.start()
        self.query("CREATE ROLE tg LOGIN", database="postgres")

    def processes(self):
        """The server's processes, the postmaster first."""
        top = self.server.pid
        return [top] + proc.children(top)

    def kill(self):
        """All of it at once, as the machine's power cut does, but for what the kernel has."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGSTOP)
            except ProcessLookupError:
                pass
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.server.wait(60, "PostgreSQL is gone")
        pidfile = os.path.join(self.data, "postmaster.pid")
        if os.path.exists(pidfile):
            os.unlink(pidfile)

    def freeze(self, number=signal.SIGSTOP):
        """SIGSTOP to all of its processes; SIGCONT lets them go on."""
        for pid in self.processes():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def _run(self, argv):
        who = {}
        if self.user:
            who = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.env,
                              cwd="/", **who)
        proc.check(done.returncode == 0, "%s failed: %s" % (argv[0], done.stdout.decode()))

    def start(self):
        self.server = proc.Process([os.path.join(bin_dir(), "postgres"), "-D", self.data], self.log,
                                   env=self.env, user=self.user, cwd="/",
                                   death_signal=signal.SIGQUIT)

        def up():
            proc.check(not self.server.exited(), "PostgreSQL does not start")
            return self.query("SELECT 1", database="postgres") == "1"
        proc.wait_until(up, 60, "PostgreSQL is up (log: %s)" % self.log, every=0.05)

    def stop(self, how=signal.SIGQUIT):
        """SIGQUIT stops at once, as a crash does; SIGINT cuts the clients and stops cleanly."""
        self.server.signal(how)
        self.server.wait(60, "PostgreSQL stops")

    def close(self):
        if self.server and not self.server.exited():
            self.server.signal(signal.SIGCONT)
            self.server.signal(signal.SIGQUIT)
            try:
                self.server.wait(20, "PostgreSQL stops")
            except proc.Failure:
                pass
        if self.server:
            self.server.kill_group()

    def url(self, database, user="tg"):
        return "host=%s port=5432 dbname=%s user=%s" % (self.socket, database, user)

    def query(self, sql, database, user="postgres", seconds=60):
        """What psql -At prints; fields are parted by tabs."""
        argv = [psql_command(), "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d",
                self.url(database, user), "-c", sql]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=seconds * proc.PATIENCE,
                              env=dict(self.env, PGCONNECT_TIMEOUT="10"))
        if done.returncode != 0:
            raise QueryError(done.stderr.decode(errors="replace").strip())
        return done.stdout.decode().rstrip("\n")


class Standby(Cluster):
    """A synchronous standby of a cluster, which from now on waits for it; promote() makes it the primary.

    `socket` is the folder of a server that is gone, whose place it takes; place() and `address` as of a Cluster.
    """

    def __init__(self, scope, primary, socket=None, place=None, address=""):
        self.root = proc.scratch(scope)
        self.address = address
        self.user = primary.user
        self.data = os.path.join(self.root, "data")
        self.socket = socket or os.path.join(self.root, "s")
        self.log = os.path.join(self.root, "postgres.log")
        self.server = None
        self.env = dict(primary.env, HOME=self.root)
        os.mkdir(self.data, 0o700)
        os.makedirs(self.socket, 0o755, exist_ok=True)
        open(self.log, "w").close()
        if self.user:
            for path in (self.root, self.data, self.socket, self.log):
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        if place:
            place(self)
        self._run([os.path.join(bin_dir(), "pg_basebackup"), "-D", self.data, "-R", "-X", "stream", "-c", "fast",
                   "-d", primary.url("postgres", "postgres") + " application_name=standby"])
        with open(os.path.join(self.data, "postgresql.conf"), "a") as conf:
            conf.write("unix_socket_directories = '%s'\nlisten_addresses = '%s'\nwal_retrieve_retry_interval = '200ms'\n"
                       % (self.socket, self.address))
        scope.later(self.close)
        self.start()
        primary.query("ALTER SYSTEM SET synchronous_standby_names = 'standby'", "postgres")
        primary.query("SELECT pg_reload_conf()", "postgres")
        proc.wait_until(lambda: primary.query("SELECT sync_state FROM pg_stat_replication", "postgres") == "sync", 30,
                        "the standby is synchronous")

    def promote(self):
        self.query("SELECT pg_promote()", "postgres")
        # What waited for it waits for nobody any more.
        self.query("ALTER SYSTEM RESET synchronous_standby_names", "postgres")
        self.query("SELECT pg_reload_conf()", "postgres")


class QueryError(proc.Failure):
    """psql said no."""


class Database:
    """One database of a cluster."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.url = cluster.url(name)

    def query(self, sql, user="postgres"):
        return self.cluster.query(sql, self.name, user)

    def rows(self, sql):
        return [line.split("\t") for line in self.query(sql).split("\n") if line]

    def number(self, sql):
        return int(self.query(sql))

    def add_devices(self, imeis, **columns):
        """Rows of devices; keywords are further columns, the same for all."""
        names = "".join(", " + c for c in columns)
        values = "".join(", %s" % ("NULL" if v is None else "'%s'" % v) for v in columns.values())
        self.query("INSERT INTO devices (imei%s) SELECT unnest(string_to_array('%s', ','))%s"
                   % (names, ",".join(imeis), values))

    def session(self, scope, user="postgres"):
        return Session(self, scope, user)


class Session:
    """A psql that stays connected, to hold a lock or a transaction open."""

    def __init__(self, database, scope, user):
        self.child = subprocess.Popen(
            [psql_command(), "-XAtq", "-d", database.cluster.url(database.name, user)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=dict(database.cluster.env), start_new_session=True)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        scope.later(self.close)
        self.pid = int(self.run("SELECT pg_backend_pid()")[0])

    def _read(self):
        for line in self.child.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def run(self, sql, seconds=60):
        self.child.stdin.write(sql + ";\n\\echo ==done==\n")
        self.child.stdin.flush()
        out = []
        while True:
            line = self.lines.get(timeout=seconds * proc.PATIENCE)
            proc.check(line is not None, "psql is gone: %s" % out)
            if line == "==done==":
                bad = [text for text in out if text.startswith(("ERROR", "FATAL"))]
                proc.check(not bad, "psql: %s" % bad)
                return out
            out.append(line)

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.child.stdin.close()
