"""Runs the test functions of a file in turn and says how each went, as TAP.

A test is a function named test_..., whose docstring says what it shows. It gets a Bench, from which it
takes databases, gateways and trackers; all of them end with the test. Exit status: 0 all passed, 1
some failed, 77 skipped (no PostgreSQL server on this machine), 99 the harness itself broke.
"""
import os
import re
import signal
import subprocess
import sys
import time
import traceback

from . import fleet, gateway, metrics, postgres, proc, tracker


class Bench:
    """What one test needs. One PostgreSQL serves all tests of a file; each has its own database."""

    count = 0

    def __init__(self, shared):
        self.shared = shared
        self.outer = proc.Scope()   # its folder outlives what writes into it
        self.scope = proc.Scope()
        self.folder = proc.scratch(self.outer)
        self.gateways = []

    @property
    def cluster(self):
        return self.shared.cluster()

    def own_cluster(self, **how):
        """A PostgreSQL of the test's own, to be stopped and killed at will."""
        cluster = postgres.Cluster(self.scope, **how)
        self.shared.make_template(cluster)
        return cluster

    def database(self, cluster=None, migrated=True):
        Bench.count += 1
        name = "t%d" % Bench.count
        cluster = cluster or self.cluster
        cluster.query("CREATE DATABASE %s OWNER tg TEMPLATE %s"
                      % (name, "tg_template" if migrated else "template0"), "postgres")
        return postgres.Database(cluster, name)

    def older_database(self, before):
        """A database of the schema that was before the migration whose name ends so."""
        database = self.database(migrated=False)
        folder = os.path.join(gateway.SOURCE, "migrations")
        files = sorted(n for n in os.listdir(folder) if n.endswith(".sql"))
        database.query("SET ROLE tg; CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text,"
                       " applied_at timestamptz DEFAULT now())")
        for name in files[:[n.endswith(before + ".sql") for n in files].index(True)]:
            with open(os.path.join(folder, name)) as f:
                database.query("SET ROLE tg; " + f.read())
            # A migration may have several files, of one number.
            database.query("INSERT INTO schema_migrations (version, name) VALUES (%d, '%s') ON CONFLICT DO NOTHING"
                           % (int(name[:4]), name[:-4]))
        return database

    def gateway(self, database, **keys):
        folder = os.path.join(self.folder, "gw%d" % len(self.gateways))
        os.mkdir(folder)
        made = gateway.Gateway(self.scope, folder,
                               database if isinstance(database, str) else database.url, **keys)
        self.gateways.append(made)
        return made

    def tracker(self, gw, imei, **more):
        return tracker.Tracker(gw, imei, self.scope, **more)

    def fleet(self, gw, imeis, **more):
        return fleet.Fleet(self.scope, gw, imeis, **more)

    def watch(self, gw):
        return metrics.Watch(gw, self.scope)

    def tgctl(self, *args, url=None, env=None, stdin=None, seconds=120):
        """Runs tgctl; returns (exit status, stdout, stderr)."""
        base = {k: v for k, v in os.environ.items() if not k.startswith(("TELEM_", "PG"))}
        base.pop("DATABASE_URL", None)
        if url:
            base["DATABASE_URL"] = url
        base.update(gateway.sanitizer_env(self.folder))
        base.update(env or {})
        done = subprocess.run([gateway.TGCTL] + list(args), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, input=stdin, env=base,
                              stdin=subprocess.DEVNULL if stdin is None else None,
                              timeout=seconds * proc.PATIENCE, start_new_session=True)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def close(self):
        """Ends everything; returns what went wrong in that, and the sanitizers' reports."""
        errors = self.scope.close()
        reports = self.reports()
        return errors + self.outer.close(), reports

    def reports(self):
        found = gateway.sanitizer_reports(self.folder)
        for gw in self.gateways:
            found += gateway.sanitizer_reports(gw.folder)
        return found


class Shared:
    """What the tests of a file have in common."""

    def __init__(self):
        self.scope = proc.Scope()
        self._cluster = None

    def cluster(self):
        if self._cluster is None:
            cluster = postgres.Cluster(self.scope)
            self.make_template(cluster)
            self._cluster = cluster
        return self._cluster

    def make_template(self, cluster):
        """A database that `tgctl migrate` has made, as a role without special rights."""
        cluster.query("CREATE DATABASE tg_template OWNER tg TEMPLATE template0", "postgres")
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TELEM_", "PG"))}
        env["DATABASE_URL"] = cluster.url("tg_template")
        env.update(gateway.sanitizer_env(cluster.root))
        done = subprocess.run([gateway.TGCTL, "migrate"], env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=120 * proc.PATIENCE)
        proc.check(done.returncode == 0, "tgctl migrate: %s" % done.stdout.decode(errors="replace"))


def _comment(text):
    for line in text.rstrip("\n").split("\n"):
        print("# " + line)


def _interrupt(number, _):
    raise KeyboardInterrupt("signal %d" % number)


def _one(number, name, test, shared):
    title = re.sub(r"\s+", " ", (test.__doc__ or name).strip())
    bench = Bench(shared)
    began = time.monotonic()
    trouble = None
    try:
        test(bench)
    except Exception as error:
        trouble = "".join(traceback.format_exception_only(type(error), error))
        where = [f for f in traceback.extract_tb(error.__traceback__) if "/e2e/" in f.filename]
        trouble += "".join(traceback.format_list(where))
    finally:
        if not trouble and any("not allowed here (TELEM_SECCOMP)" in gw.log_text() for gw in bench.gateways):
            trouble = "the filter of system calls denied one that was needed"
        crashes = [line for gw in bench.gateways for line in gw.crashes()]
        if crashes and not trouble:
            trouble = "a worker crashed: %s" % crashes[0]
        logs = [(gw.log_text()[-6000:]) for gw in bench.gateways] if trouble else []
        errors, reports = bench.close()
    if reports and not trouble:
        trouble = "a sanitizer complained"
    if errors and not trouble:
        trouble = "cleaning up: %s" % errors
    print("%sok %d - %s [%s, %.1f s]" % ("not " if trouble else "", number, title, name,
                                         time.monotonic() - began))
    if trouble:
        _comment(trouble)
        for log in logs:
            _comment("the gateway's log:\n" + log)
    for report in reports:
        _comment(report)
    sys.stdout.flush()
    return not trouble


def main(names):
    """Call as suite.main(globals()) at the end of a test file. Arguments choose tests by name."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _interrupt)
    if os.environ.get("E2E_MODE") == "skip":
        print("1..0 # SKIP E2E_MODE=skip")
        sys.exit(77)
    if postgres.bin_dir() is None:
        print("1..0 # SKIP no PostgreSQL server installed (initdb not found)")
        sys.exit(77)
    for program in (gateway.DAEMON, gateway.TGCTL):
        if not os.access(program, os.X_OK):
            print("Bail out! %s is not there: build first, and set TOP_BUILDDIR" % program)
            sys.exit(99)
    tests = [(n, f) for n, f in names.items() if n.startswith("test_") and callable(f)]
    if len(sys.argv) > 1:
        tests = [(n, f) for n, f in tests if any(a in n for a in sys.argv[1:])]
    if os.environ.get("E2E_MODE") == "quick":
        tests = [(n, f) for n, f in tests if getattr(f, "quick", False)]
        if not tests:
            print("1..0 # SKIP E2E_MODE=quick")
            sys.exit(77)
    print("1..%d" % len(tests))
    shared = Shared()
    failed = 0
    status = 99
    try:
        for number, (name, test) in enumerate(tests, 1):
            failed += not _one(number, name, test, shared)
        status = 1 if failed else 0
    except KeyboardInterrupt:
        print("Bail out! interrupted")
    finally:
        shared.scope.close()
    left = proc.leftovers()
    for pid, what in left:
        print("# left behind: %d %s" % (pid, what))
        os.kill(pid, signal.SIGKILL)
    sys.stdout.flush()
    os._exit(1 if left and status == 0 else status)


def quick(test):
    """Marks a test that runs even when E2E_MODE=quick (make distcheck in scripts/test)."""
    test.quick = True
    return test
