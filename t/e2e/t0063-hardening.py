#!/usr/bin/env python3
"""What workers give up: new privileges, and system calls that they never need; and that all works so."""
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, gateway, proc, suite, tls, wire
from lib.fleet import imeis


def status(pid, name):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith(name + ":"):
                return line.split()[1]
    return None


def filtered():
    """What "Seccomp:" of a worker should say: builds with sanitizers have no filter."""
    with open(gateway.DAEMON, "rb") as f:
        sanitized = b"__asan_init" in f.read()
    return "0" if sanitized or os.uname().machine not in ("x86_64", "aarch64") else "2"


@suite.quick
def test_workers(bench):
    """NoNewPrivs and Seccomp of every worker, and of those that come after; TELEM_SECCOMP turns it off."""
    database = bench.database()
    gw = bench.gateway(database)
    for pid in gw.workers():
        proc.equal(status(pid, "NoNewPrivs"), "1", "NoNewPrivs of a worker")
        proc.equal(status(pid, "Seccomp"), filtered(), "Seccomp of a worker")
    before = set(gw.workers())
    os.kill(min(before), signal.SIGKILL)
    proc.wait_until(lambda: len(set(gw.workers()) - before) == 1 and gw.all_accept(), 20, "a replacement")
    for pid in gw.workers():
        proc.equal(status(pid, "Seccomp"), filtered(), "Seccomp of a worker")
    gw.write_conf(TELEM_SECCOMP="false")
    before = set(gw.workers())
    gw.hup()
    proc.wait_until(lambda: gw.workers() and not before & set(gw.workers()) and gw.all_accept(), 20,
                    "the next generation")
    for pid in gw.workers():
        proc.equal(status(pid, "NoNewPrivs"), "1", "NoNewPrivs of a worker")
        proc.equal(status(pid, "Seccomp"), "0", "Seccomp of a worker")
    gw.stop()


def test_all_works(bench):
    """Under load: the database comes and goes, its name is looked up, the log is opened again."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    names = imeis(8)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_LOG_LEVEL="debug",
                       TELEM_LOG_FILE=os.path.join(bench.folder, "gateway.log"), start=False)
    gw.log = gw.keys["TELEM_LOG_FILE"]
    open(gw.log, "a").close()
    gw.start()
    load = bench.fleet(gw, names)
    load.wait_acked(proc.scaled(300, 50))
    cluster.stop()
    proc.wait_until(lambda: gw.readyz()[0] == 503, 20, "the database is away")
    cluster.start()
    load.wait_acked(proc.scaled(300, 50))
    os.rename(gw.log, gw.log + ".1")
    gw.send_signal(signal.SIGUSR1)
    proc.wait_until(lambda: os.path.exists(gw.log), 10, "the log is opened again")
    load.wait_all_progress()
    load.stop()
    audit.audit(database, load)
    gw.stop()


def test_name_lookup(bench):
    """A database whose name must be looked up (and isn't there) is no end of a worker."""
    gw = bench.gateway("postgresql://tg@no-such-host.invalid/x?connect_timeout=2", start=False)
    gw.start(ready=False)
    pids = gw.workers()
    proc.wait_until(lambda: "no-such-host.invalid" in gw.readyz()[1] or "translate" in gw.readyz()[1], 30,
                    "/readyz says why")
    proc.equal(gw.workers(), pids, "workers")
    tracker = bench.tracker(gw, imeis(1)[0])
    tracker.send(wire.imei_packet(imeis(1)[0]))
    tracker.expect_closed(20, "an IMEI that can't be asked about")
    gw.stop()


def test_all_ways_in(bench):
    """TLS with a certificate that is checked, a password file, a list of hosts by name and by address."""
    if not tls.can():
        return
    cluster, port, cert = tls.with_tls(bench)
    database = bench.database(cluster)
    names = imeis(4)
    database.add_devices(names)
    passwords = os.path.join(bench.folder, "pgpass")
    with open(passwords, "w") as f:
        f.write("localhost:%d:*:tg:a secret\n127.0.0.1:%d:*:tg:a secret\n" % (port, port))
    os.chmod(passwords, 0o600)
    for hosts, mode in (("localhost", "verify-full"), ("127.0.0.9,localhost", "verify-full"),
                        ("no-such-host.invalid,127.0.0.1", "verify-ca")):
        gw = bench.gateway("host=%s port=%d dbname=%s user=tg sslmode=%s sslrootcert=%s passfile=%s" % (
            hosts, port, database.name, mode, cert, passwords), TELEM_LOG_LEVEL="debug")
        load = bench.fleet(gw, names, seed=len(hosts))
        load.wait_all_progress()
        cluster.query("SELECT pg_terminate_backend(pid) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                      " WHERE ssl AND usename = 'tg'", "postgres")
        load.wait_all_progress()
        load.stop()
        proc.equal(gw.metrics()["telematics_system_calls_denied_total"], 0, "calls denied")
        gw.stop()


def test_binaries(bench):
    """What configure found that compiler and linker know against bugs is in both programs."""
    with open(os.path.join(gateway.BUILD, "Makefile")) as f:
        flags = "".join(line for line in f if line.startswith("HARDEN_"))
    if filtered() == "0" or not shutil.which("readelf"):
        print("# SKIP a build with sanitizers, or no readelf")
        return
    # Not of -fcf-protection: a program has its mark only where the system's own parts have it.
    marks = {"-z,now": ("-d", "NOW"),
             "FORTIFY_SOURCE": ("--dyn-syms", "_chk@"), "stack-protector": ("--dyn-syms", "__stack_chk_fail")}
    proc.check("stack-protector" in flags, "flags of configure: %s" % flags)
    for program in (gateway.DAEMON, gateway.TGCTL):
        for flag, (option, mark) in marks.items():
            said = subprocess.run(["readelf", "-W", option, program], stdout=subprocess.PIPE, check=True).stdout.decode()
            if flag == "FORTIFY_SOURCE":
                said = said.replace("__stack_chk_fail", "")
            proc.check(flag not in flags or mark in said, "%s of %s" % (flag, program))


def test_nobody_looks_in(bench):
    """Not dumpable, sealed memory, no new privileges: of the master, the workers and the resolver."""
    if filtered() == "0":
        print("# SKIP a build with sanitizers")
        return
    gw = bench.gateway("postgresql://tg@no-such-host.invalid/x", start=False)
    gw.start(ready=False)
    proc.wait_until(lambda: "gateway-names" in proc.comms(gw.pid()), 20, "the resolver is there")
    everybody = [gw.pid()] + proc.children(gw.pid())
    for pid in everybody:
        proc.wait_until(lambda: status(pid, "NoNewPrivs") == "1", 5, "NoNewPrivs of %s" % proc.comm(pid))
        if os.geteuid() == 0:
            # What belongs to the process itself belongs to root when it isn't dumpable.
            user = proc.unprivileged_user()
            seen = subprocess.run(["cat", "/proc/%d/environ" % pid], user=user.pw_uid, group=user.pw_gid,
                                  extra_groups=[], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            proc.check(seen.returncode != 0, "the environment can be read")
        for name in os.listdir("/proc/%d/fd" % pid) if os.geteuid() == 0 else ():
            path = "/proc/%d/fd/%s" % (pid, name)
            if os.readlink(path).startswith("/memfd:telematics-gateway"):
                proc.equal(proc.comm(pid) == "gateway-names", False, "the resolver has the memory")
                try:
                    os.truncate(path, 4096)
                except PermissionError:
                    continue
                raise proc.Failure("the shared memory can be cut short")
    gw.stop()


suite.main(globals())
