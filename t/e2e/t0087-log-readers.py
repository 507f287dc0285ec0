#!/usr/bin/env python3
"""Whoever reads the log may stop or be missing: trackers are served all the same, and it is said."""
import os
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, gateway, proc, suite
from lib.fleet import imeis


def start(gw):
    """Without its log: the port is known, and /status says when it accepts."""
    gw.port = int(gw.keys["TELEM_GATEWAY_PORT"])
    gw.launch()
    gw.wait_ready()
    proc.wait_until(lambda: gw.metrics()["telematics_registry_reloads_total"] > 0, 30, "the devices are loaded")


def dropped(gw):
    return gw.metrics()["telematics_log_lines_dropped_total"]


def make_noise(bench, gw, names):
    """More lines than any reader's queue holds."""
    def enough():
        for imei in names:
            bench.tracker(gw, imei).login().close()
        return dropped(gw) > 0
    proc.wait_until(enough, 60, "lines are dropped")


def serves(bench, gw, database, names):
    load = bench.fleet(gw, names)
    load.wait_all_progress()
    time.sleep(1.5)   # a tick of the master, whose lines may wait too
    load.wait_all_progress()
    before = gw.status()["generation"]
    gw.hup()
    proc.wait_until(lambda: gw.status()["generation"] == before + 1 and gw.all_accept(), 20, "a reload")
    load.wait_all_progress()
    load.stop()
    audit.audit(database, load)
    proc.equal(gw.metrics()["telematics_worker_hangs_total"], 0, "workers killed as hung")


def test_pipe(bench):
    """Standard error is a pipe that nobody empties."""
    database = bench.database()
    names = imeis(4)
    database.add_devices(names)
    pipe, script = os.path.join(bench.folder, "pipe"), os.path.join(bench.folder, "daemon")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    bench.scope.later(lambda: os.close(reader))
    with open(script, "w") as f:
        f.write("#!/bin/sh\nexec %s \"$@\" 2>%s\n" % (gateway.DAEMON, pipe))
    os.chmod(script, 0o755)
    gw = bench.gateway(database, program=script, start=False, TELEM_LOG_LEVEL="debug",
                       TELEM_GATEWAY_PORT=proc.free_port())
    start(gw)
    make_noise(bench, gw, names)
    serves(bench, gw, database, names)
    text = b""

    def said():
        nonlocal text
        try:
            text += os.read(reader, 1 << 20)
        except BlockingIOError:
            pass
        return re.search(rb"WARN (master|worker \d): \d+ lines of the log could not be written", text)
    proc.wait_until(said, 10, "the log says that lines are missing")
    gw.stop()


def view_of_dev(folder, syslog):
    """A script that runs the daemon with a /dev of its own, in which syslog listens at a path of ours."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return None
    dev, path = os.path.join(folder, "dev"), os.path.join(folder, "daemon")
    os.mkdir(dev)
    with open(path, "w") as f:
        f.write("#!/bin/sh\nexec unshare -m sh -c '\n"
                "mount -t tmpfs tmpfs %(dev)s || exit 1\n"
                "for f in null zero full random urandom tty; do\n"
                "\ttouch %(dev)s/$f && mount --bind /dev/$f %(dev)s/$f || exit 1\ndone\n"
                "ln -s /proc/self/fd %(dev)s/fd\nln -s %(log)s %(dev)s/log\n"
                "mount --move %(dev)s /dev || mount --rbind %(dev)s /dev || exit 1\n"
                "exec %(daemon)s \"$@\"' sh \"$@\"\n"
                % {"dev": dev, "log": syslog, "daemon": gateway.DAEMON})
    os.chmod(path, 0o755)
    if subprocess.run([path, "-V"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        return None
    return path


def test_syslog(bench):
    """/dev/log whose reader has stopped."""
    where = os.path.join(bench.folder, "syslog")
    script = view_of_dev(bench.folder, where)
    if script is None:
        print("# SKIP needs root and unshare")
        return
    database = bench.database()
    names = imeis(4)
    database.add_devices(names)
    reader = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    reader.bind(where)
    bench.scope.later(reader.close)
    gw = bench.gateway(database, program=script, start=False, TELEM_LOG_LEVEL="debug", TELEM_LOG_FILE="syslog",
                       TELEM_GATEWAY_PORT=proc.free_port())
    start(gw)
    make_noise(bench, gw, names)
    serves(bench, gw, database, names)
    reader.setblocking(False)
    text = b""

    def said():
        nonlocal text
        try:
            text = reader.recv(65536)
        except BlockingIOError:
            pass
        return re.match(rb"<28>.*telematics-gateway\[\d+\]: .*lines of the log could not be written", text)
    proc.wait_until(said, 10, "the log says that lines are missing")
    gw.stop()


def test_no_syslog(bench):
    """In the background, without a log file, and no syslog anywhere: said at the start."""
    script = view_of_dev(bench.folder, os.path.join(bench.folder, "nobody"))
    if script is None:
        print("# SKIP needs root and unshare")
        return
    pidfile, err = os.path.join(bench.folder, "pid"), os.path.join(bench.folder, "err")
    gw = bench.gateway(bench.database(), start=False, TELEM_PIDFILE=pidfile)
    gw.write_conf()
    name, mark = proc.RUN_MARK.split("=")
    with open(err, "wb") as out:
        code = subprocess.run([script, "-c", gw.conf_path], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                              env=dict(os.environ, **{name: mark}), timeout=60 * proc.PATIENCE).returncode
    with open(err) as f:
        text = f.read()
    proc.equal(code, 0, "exit status: " + text)
    proc.check("no syslog listens" in text and "TELEM_LOG_FILE" in text, "said at the start: %r" % text)
    with open(pidfile) as f:
        pid = int(f.read())
    os.kill(pid, 15)
    proc.wait_until(lambda: not proc.alive(pid), 20, "it stops")


suite.main(globals())
