#!/usr/bin/env python3
"""SIGUSR2: a new program takes over the sockets under load; one that can't leaves the old one in charge."""
import os
import shutil
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, gateway, proc, suite, wire
from lib.fleet import imeis
from lib.follow import Follower
from lib.knocker import Knocker

GOES_ON = "goes on as before"


def read_pid(path):
    with open(path) as f:
        return int(f.read())


def install(path, source=None, text=None):
    """Puts a program in place as an installation does: beside it, then renamed over it."""
    if text is not None:
        with open(path + ".new", "w") as f:
            f.write(text)
        os.chmod(path + ".new", 0o755)
    else:
        shutil.copy2(source, path + ".new")
    os.rename(path + ".new", path)


def fail_upgrade(gw, why, seconds=20):
    """SIGUSR2; the old master says why it goes on, and does."""
    pid, workers, said = gw.pid(), gw.workers(), gw.log_text().count(GOES_ON)
    gw.send_signal(signal.SIGUSR2)
    proc.wait_until(lambda: gw.log_text().count(GOES_ON) > said, seconds, "it says that it goes on")
    line = [l for l in gw.log_text().splitlines() if GOES_ON in l][-1]
    proc.check(why in line, "the line says %r: %s" % (why, line))
    proc.equal(gw.status()["pid"], pid, "the master in charge")
    proc.wait_until(lambda: gw.workers() == workers, 20, "the same workers as before")
    proc.wait_until(gw.all_accept, 10, "they accept")


def test_under_load(bench):
    """Three upgrades: no connection refused or reset, counters go on, the pidfile follows; the audit."""
    database = bench.database()
    names = imeis(20)
    database.add_devices(names)
    pidfile = os.path.join(bench.folder, "gw.pid")
    gw = bench.gateway(database, TELEM_PIDFILE=pidfile)
    watch = bench.watch(gw)
    load = bench.fleet(gw, names[:19])
    knocker = Knocker(bench.scope, gw, names[19])
    for _ in range(3):
        load.wait_acked(proc.scaled(800, 200))
        gw.upgrade()
        proc.equal(read_pid(pidfile), gw.pid(), "the pidfile")
    load.wait_all_progress()
    load.stop()
    knocker.finish(3 * 2)
    watch.finish()
    audit.audit(database, load)
    most = max(u.connects for u in load.units)
    proc.check(most <= 4, "connections of one tracker over three upgrades: %d" % most)
    proc.equal(gw.metrics().outcome("refused"), 0, "records refused")
    proc.equal(database.number("SELECT count(*) FROM device_positions"),
               gw.metrics().outcome("stored"), "rows and the counter, over four programs")
    proc.equal(gw.metrics()["telematics_generation"], 4, "generation")
    for pid in gw.workers() + [gw.pid()]:
        with open("/proc/%d/environ" % pid, "rb") as f:
            proc.check(b"HANDOVER" not in f.read(), "the handover is still in an environment")
    proc.check(not gw.logged("is not known"), "a warning about the environment")
    gw.stop()
    proc.check(not os.path.exists(pidfile), "the pidfile is gone")


def test_broken_program(bench):
    """Replaced by rename, started by a relative path: broken ones change nothing, a good one takes over."""
    database = bench.database()
    names = imeis(7)
    database.add_devices(names)
    program = os.path.join(bench.folder, "telematics-gateway")
    install(program, gateway.DAEMON)
    gw = bench.gateway(database, program="./telematics-gateway", cwd=bench.folder)
    load = bench.fleet(gw, names[:6])
    knocker = Knocker(bench.scope, gw, names[6])
    load.wait_acked(proc.scaled(200, 50))
    install(program, text="#!/bin/sh\nexit 3\n")
    fail_upgrade(gw, "ended with status 3")
    install(program, text="#!/bin/sh\nkill -SEGV $$\n")
    fail_upgrade(gw, "killed by signal 11")
    install(program, text="not a program")
    fail_upgrade(gw, "can't be executed: Exec format error")
    os.unlink(program)
    fail_upgrade(gw, "can't be executed: No such file")
    load.wait_all_progress()
    install(program, gateway.DAEMON)
    gw.upgrade()
    proc.equal(os.readlink("/proc/%d/exe" % gw.pid()), program, "the program that runs")
    load.wait_all_progress()
    load.stop()
    knocker.finish(4)
    audit.audit(database, load)
    gw.stop()


def test_never_ready(bench):
    """A program that hangs is given up after its time, and ended."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    program = os.path.join(bench.folder, "telematics-gateway")
    install(program, gateway.DAEMON)
    gw = bench.gateway(database, program=program)
    install(program, text="#!/bin/sh\nexec sleep 600\n")
    fail_upgrade(gw, "not ready within", seconds=40)
    proc.wait_until(lambda: len(proc.children(gw.pid())) == 2, 10, "nothing is left of it")
    install(program, gateway.DAEMON)
    gw.upgrade()
    proc.equal(bench.tracker(gw, imei).handshake(), b"\x01", "answer after the upgrade")
    gw.stop()


@suite.quick
def test_bad_configuration(bench):
    """The wrong line is named; other memory or more sockets are taken into account when it is right."""
    database = bench.database()
    names = imeis(2)
    database.add_devices(names)
    # One that the kernel chose for the first address may be somebody's on the second.
    port = proc.free_port()
    gw = bench.gateway(database, TELEM_GATEWAY_PORT=port)
    knocker = Knocker(bench.scope, gw, names[1])
    tracker = bench.tracker(gw, names[0]).login()
    with open(gw.conf_path) as f:
        good = f.read()
    with open(gw.conf_path, "w") as f:
        f.write(good + "TELEM_NO_SUCH_KEY=1\n")
    fail_upgrade(gw, "%s:%d: " % (gw.conf_path, good.count("\n") + 1))
    now = int(time.time() * 1000)
    proc.equal(tracker.exchange(wire.frame(8, [wire.Record(now, 54.5, 25.5, sats=7)])), 1, "ACK")
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        gw.write_conf(TELEM_GATEWAY_PORT=busy.getsockname()[1])
        fail_upgrade(gw, "is in use")
    gw.write_conf(TELEM_GATEWAY_PORT=port, TELEM_WORKERS=4, TELEM_GATEWAY_BIND="127.0.0.1,127.0.0.2",
                  TELEM_MAX_DEVICES=20000)
    gw.upgrade()
    proc.equal(len(gw.workers()), 4, "workers")
    proc.check(gw.logged("TELEM_MAX_DEVICES has changed; counters start at zero"), "that is said")
    proc.equal(len(gw.status()["listen"]), 2, "addresses")
    gw.write_conf(TELEM_WORKERS=1, TELEM_GATEWAY_BIND="127.0.0.1")
    gw.upgrade()
    proc.equal(len(gw.workers()), 1, "workers")
    for _ in range(40):
        proc.equal(bench.tracker(gw, names[0]).handshake(), b"\x01", "answer of the only worker")
    knocker.finish(8)
    gw.stop()


def test_sessions_go_on(bench):
    """An old worker that waits for its last answer and the new session of the same IMEI: each its own."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database, TELEM_DRAIN_TIMEOUT_MS=60000)
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_positions IN ACCESS EXCLUSIVE MODE")
    old = bench.tracker(gw, imei).login()
    now = int(time.time() * 1000)
    old.send(wire.frame(8, [wire.Record(now, 54.5, 25.5, sats=7)]))
    proc.wait_until(lambda: gw.metrics().in_flight() == 1, 5, "the record is in flight")
    first = gw.pid()
    gw.send_signal(signal.SIGUSR2)
    gw.heir = proc.wait_until(lambda: gw.status()["pid"] != first and gw.status()["pid"], 20,
                              "the successor is in charge")
    proc.equal(gw.metrics().in_flight(), 1, "records in flight, with those of the old worker")
    new = bench.tracker(gw, imei).login()
    proc.check(old.silent(), "the old one is not answered yet")
    gw.hup()
    lock.run("COMMIT")
    proc.equal(old.ack(), 1, "ACK of the old worker")
    old.expect_closed(10, "after its last ACK")
    proc.equal(new.exchange(wire.frame(8, [wire.Record(now + 1, 54.5, 25.5, sats=7)])), 1, "ACK")
    proc.equal(gw.process.wait(30, "the predecessor leaves"), 0, "its exit status")
    proc.wait_until(lambda: gw.logged("predecessor and its workers have left"), 10, "they have left")
    proc.wait_until(lambda: gw.metrics()["telematics_generation"] == 3, 20,
                    "the reload that was asked for meanwhile is done")
    new.expect_closed(10, "by the reload")
    last = bench.tracker(gw, imei).login()
    proc.wait_until(lambda: database.query("SELECT online FROM device_online") == "t", 5,
                    "the device is online")
    proc.check(last.silent(), "the last one goes on")
    gw.stop()


def begin_upgrade_that_drains(bench):
    """An upgrade whose old worker waits for its last answer. Returns gateway, lock, tracker, old master."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database, TELEM_DRAIN_TIMEOUT_MS=60000)
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_positions IN ACCESS EXCLUSIVE MODE")
    tracker = bench.tracker(gw, imei).login()
    tracker.send(wire.frame(8, [wire.Record(int(time.time() * 1000), 54.5, 25.5, sats=7)]))
    proc.wait_until(lambda: gw.metrics().in_flight() == 1, 5, "the record is in flight")
    old = gw.pid()
    gw.send_signal(signal.SIGUSR2)
    gw.heir = proc.wait_until(lambda: gw.status()["pid"] != old and gw.status()["pid"], 20,
                              "the successor is in charge")
    return gw, lock, tracker, old


def test_stop_while_predecessor_drains(bench):
    """Whoever manages the service kills what the main process leaves behind: it leaves last."""
    gw, lock, tracker, old = begin_upgrade_that_drains(bench)
    proc.check(gw.heir not in proc.children(old), "the main process is no child of the old one")
    gw.send_signal(signal.SIGTERM)
    proc.wait_until(lambda: gw.workers() == [], 20, "the successor's workers have left")
    proc.check(proc.alive(gw.heir), "it waits for its predecessor")
    lock.run("COMMIT")
    proc.equal(tracker.ack(), 1, "ACK of the old worker")
    proc.equal(gw.process.wait(30, "the predecessor leaves"), 0, "its exit status")
    proc.wait_until(lambda: not proc.alive(gw.heir), 20, "the successor leaves")


def test_stop_at_once_while_predecessor_drains(bench):
    """A second SIGTERM waits for nobody."""
    gw, lock, _, old = begin_upgrade_that_drains(bench)
    gw.send_signal(signal.SIGTERM)
    proc.wait_until(lambda: gw.workers() == [], 20, "the successor's workers have left")
    proc.check(proc.alive(gw.heir), "it waits for its predecessor")
    gw.send_signal(signal.SIGTERM)
    proc.wait_until(lambda: not proc.alive(gw.heir), 20, "the successor leaves")
    proc.check(proc.alive(old), "the predecessor drains")
    lock.run("COMMIT")
    proc.equal(gw.process.wait(30, "the predecessor leaves"), 0, "its exit status")


def test_process_one(bench):
    """The first process of a container can't be replaced: it says so, and serves."""
    if os.geteuid() != 0:
        print("# not root: no namespace of processes")
        return
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    program = os.path.join(bench.folder, "first")
    # With a /proc of its own: in another one the numbers are other processes'.
    install(program, text="#!/bin/sh\nexec unshare --pid --fork --kill-child --mount-proc %s \"$@\"\n" % gateway.DAEMON)
    gw = bench.gateway(database, program=program)
    gw.heir = proc.children(gw.process.pid)[0]
    gw.send_signal(signal.SIGUSR2)
    proc.wait_until(lambda: gw.logged("process 1 of a container can't hand over"), 10, "it says so")
    proc.equal(gw.status()["pid"], 1, "the master in charge")
    proc.equal(bench.tracker(gw, imei).handshake(), b"\x01", "it serves")
    gw.stop()


def test_background(bench):
    """In the background, with a pidfile and a log file: upgrade by the pidfile, stop, both gone."""
    database = bench.database()
    database.add_devices(imeis(1))
    pidfile = os.path.join(bench.folder, "bg.pid")
    gw = bench.gateway(database, start=False, TELEM_PIDFILE=pidfile,
                       TELEM_LOG_FILE=os.path.join(bench.folder, "bg.log"),
                       TELEM_GATEWAY_PORT=proc.free_port())
    gw.port = int(gw.keys["TELEM_GATEWAY_PORT"])
    gw.write_conf()
    start = proc.Process([gateway.DAEMON, "-c", gw.conf_path], gw.log, env=gw.env, cwd=bench.folder)
    proc.equal(start.wait(30, "the start returns"), 0, "its exit status")
    pids = [read_pid(pidfile)]

    def end():
        for pid in pids:
            if proc.alive(pid):
                for one in proc.children(pid) + [pid]:
                    os.kill(one, signal.SIGKILL)
    bench.scope.later(end)
    for _ in range(2):
        os.kill(pids[-1], signal.SIGUSR2)
        proc.wait_until(lambda: read_pid(pidfile) != pids[-1], 20, "the pidfile names the successor")
        before = pids[-1]
        pids.append(read_pid(pidfile))
        proc.wait_until(lambda: not proc.alive(before), 20, "the predecessor has left")
        proc.equal(gw.status()["pid"], pids[-1], "the master that answers")
        proc.equal(bench.tracker(gw, imeis(1)[0]).handshake(), b"\x01", "it serves")
        proc.check(os.getsid(pids[-1]) != os.getsid(0), "it has a session of its own")
        # A second start finds the lock taken, whoever holds it now.
        again = proc.Process([gateway.DAEMON, "-c", gw.conf_path], gw.log, env=gw.env)
        proc.equal(again.wait(20, "the second start returns"), 1, "its exit status")
    os.kill(pids[-1], signal.SIGTERM)
    proc.wait_until(lambda: not proc.alive(pids[-1]), 20, "it ends")
    proc.check(not os.path.exists(pidfile), "the pidfile is gone")


def test_dropped_privileges(bench):
    """Started by root with TELEM_USER: the successor is that user, and may open more sockets beside."""
    if os.geteuid() != 0:
        print("# not root: nothing to drop")
        return
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    run = os.path.join(bench.folder, "run")
    os.mkdir(run)
    nobody = proc.unprivileged_user()
    os.chown(run, nobody.pw_uid, nobody.pw_gid)
    pidfile = os.path.join(run, "gw.pid")
    # The build tree may lie where only root can go.
    program = os.path.join(bench.folder, "telematics-gateway")
    install(program, gateway.DAEMON)
    gw = bench.gateway(database, program=program, TELEM_USER="nobody", TELEM_PIDFILE=pidfile)

    def check():
        proc.equal(read_pid(pidfile), gw.pid(), "the pidfile")
        proc.equal({os.stat("/proc/%d" % p).st_uid for p in gw.workers() + [gw.pid()]},
                   {nobody.pw_uid}, "who they are")
        for _ in range(20):
            proc.equal(bench.tracker(gw, imei).handshake(), b"\x01", "answer")
    check()
    gw.upgrade()
    check()
    gw.write_conf(TELEM_WORKERS=4)
    gw.hup()
    proc.wait_until(lambda: len(gw.workers()) == 4 and gw.all_accept(), 30, "a reload to four workers")
    check()
    gw.write_conf(TELEM_WORKERS=5)
    gw.upgrade()
    proc.equal(len(gw.workers()), 5, "workers")
    check()
    gw.stop()
    proc.check(not os.path.exists(pidfile), "the pidfile is gone")


def test_control_socket(bench):
    """The successor has the control socket's place, and its workers tell who follows a device."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    path = os.path.join(bench.folder, "control.sock")
    gw = bench.gateway(database, TELEM_CONTROL_SOCKET=path)
    before = os.stat(path).st_ino
    gw.upgrade()
    proc.wait_until(lambda: os.stat(path).st_ino != before, 10, "the successor's socket")
    watch = Follower(bench, gw, "trace", imei, "--json", began='"tracing"')
    bench.tracker(gw, imei).login()
    watch.wait_for("accepted")
    gw.stop()
    proc.check(not os.path.exists(path), "the socket is gone")


def test_service_manager(bench):
    """Type=notify: ready, reloading, the next main process, stopping, each when it is so."""
    database = bench.database()
    path = os.path.join(bench.folder, "notify")
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(path)
    told.settimeout(30 * proc.PATIENCE)
    bench.scope.later(told.close)

    def next_message():
        return told.recv(4096).decode().split("\n")
    gw = bench.gateway(database, env={"NOTIFY_SOCKET": path})
    proc.equal(next_message()[0], "READY=1", "told at the start")
    gw.hup()
    message = next_message()
    proc.equal(message[0], "RELOADING=1", "told at a reload")
    proc.check(message[1].startswith("MONOTONIC_USEC="), "its time: %s" % message)
    proc.equal(next_message()[0], "READY=1", "told after the reload")
    old = gw.pid()
    gw.upgrade()
    # One by the old master when it has handed over, the other by the new one.
    proc.equal({next_message()[0], next_message()[0]}, {"MAINPID=%d" % gw.pid(), "READY=1"},
               "told at an upgrade (of pid %d)" % old)
    gw.stop()
    proc.equal(next_message()[0], "STOPPING=1", "told at the end")


suite.main(globals())
