#!/usr/bin/env python3
"""Admission: who may connect, how many connections, how many unknown IMEIs a minute; the warning of an open port."""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite, wire
from lib.fleet import imeis

RECORD = wire.Record(int(time.time() * 1000), 54.5, 25.5, sats=7)


def setup(bench, n, **keys):
    database = bench.database()
    database.add_devices(imeis(n))
    return database, bench.gateway(database, **keys)


def refused(gw, reason):
    return gw.metrics()['telematics_connections_refused_total{reason="%s"}' % reason]


def may_come(bench, gw, imei, **more):
    """True if the gateway serves one more; it stays connected."""
    try:
        bench.tracker(gw, imei, **more).login()
        return True
    except (proc.Failure, OSError):
        return False


def test_networks(bench):
    """TELEM_GATEWAY_ALLOW_CIDR: others are closed without a byte, counted, and one line a minute is logged."""
    _, gw = setup(bench, 1, TELEM_GATEWAY_ALLOW_CIDR="10.0.0.0/8,127.0.0.2/31", TELEM_WORKERS=1)
    bench.tracker(gw, imeis(1)[0], source="127.0.0.2").login()
    bench.tracker(gw, imeis(1)[0], source="127.0.0.3").login()
    for _ in range(20):
        bench.tracker(gw, "?", source="127.0.0.4").expect_closed(5, "one from outside")
    proc.equal(refused(gw, "cidr"), 20, "refusals counted")
    metrics = gw.metrics()
    proc.equal(metrics["telematics_tcp_connections_total"], 2, "connections accepted")
    proc.equal(metrics['telematics_imei_rejected_total{reason="malformed"}'], 0, "bad handshakes")
    lines = [line for line in gw.log_text().splitlines() if "ALLOW_CIDR" in line]
    proc.check(1 <= len(lines) <= 2 and "peer=127.0.0.4:" in lines[0], "lines: %s" % lines)


def test_in_all(bench):
    """TELEM_MAX_CONNECTIONS holds over all workers; who leaves makes room; those inside are served."""
    _, gw = setup(bench, 8, TELEM_MAX_CONNECTIONS=5)
    inside = [bench.tracker(gw, i).login() for i in imeis(5)]
    for _ in range(6):
        bench.tracker(gw, "?").expect_closed(5, "one too many")
    proc.equal(refused(gw, "max"), 6, "refusals counted")
    proc.check(gw.logged(r"refused: TELEM_MAX_CONNECTIONS are open .* peer=127\.0\.0\.1:"), "in the log")
    proc.equal([t.exchange(wire.frame(wire.CODEC_8, [RECORD])) for t in inside], [1] * 5, "ACKs")
    inside[0].close()
    proc.wait_until(lambda: may_come(bench, gw, imeis(8)[6]), 10, "there is room again")
    gw.write_conf(TELEM_MAX_CONNECTIONS=0)
    gw.hup()
    proc.wait_until(lambda: all(may_come(bench, gw, i) for i in imeis(8)), 20, "no limit after a reload")


def test_per_address(bench):
    """TELEM_MAX_CONNECTIONS_PER_ADDRESS: exact over workers, also after one of them was killed."""
    _, gw = setup(bench, 20, TELEM_MAX_CONNECTIONS_PER_ADDRESS=4)
    names = imeis(20)
    inside = [bench.tracker(gw, i).login() for i in names[:4]]
    for _ in range(6):
        bench.tracker(gw, "?").expect_closed(5, "one too many of its address")
    proc.equal(refused(gw, "address"), 6, "refusals counted")
    proc.check(gw.logged(r"TELEM_MAX_CONNECTIONS_PER_ADDRESS .* peer=127\.0\.0\.1:"), "in the log")
    others = [bench.tracker(gw, i, source="127.0.0.2").login() for i in names[4:8]]
    inside[0].close()
    proc.wait_until(lambda: may_come(bench, gw, names[8]), 10, "there is room again")
    for pid in gw.workers():
        os.kill(pid, signal.SIGKILL)
    proc.wait_until(lambda: all(t.is_closed() for t in inside[1:] + others), 10, "the connections are gone")
    proc.wait_until(lambda: may_come(bench, gw, names[9]), 20, "a new one is served")
    for name in names[10:13]:
        proc.check(may_come(bench, gw, name), "the dead worker's are no longer counted")
    proc.check(not may_come(bench, gw, names[13]), "the limit holds as before")


def answer(bench, gw, imei, **more):
    """The gateway's answer to an IMEI; b'' if it closed without one."""
    tracker = bench.tracker(gw, imei, **more)
    try:
        return tracker.handshake()
    except (proc.Failure, OSError) as failure:
        if "closed" in str(failure) or "reset" in str(failure):
            return b""
        raise
    finally:
        tracker.close()


def test_unknown_rate(bench):
    """An address that tries too many unknown IMEIs is not asked about further ones, and known ones are served."""
    database, gw = setup(bench, 20, TELEM_UNKNOWN_IMEI_RATE=5)
    strangers = imeis(60, 860000000000000)
    # The count is one of the minute, by the monotonic clock.
    proc.wait_until(lambda: time.monotonic() % 60 < 35, 30, "the minute is young")
    proc.equal([answer(bench, gw, i) for i in strangers[:5]], [b"\0"] * 5, "answers up to the limit")
    asked = gw.metrics()["telematics_device_lookups_total"]
    proc.equal([answer(bench, gw, i) for i in strangers[5:25]], [b""] * 20, "answers beyond it")
    metrics = gw.metrics()
    proc.equal(metrics["telematics_device_lookups_total"], asked, "questions to the database")
    proc.equal(refused(gw, "unknown_rate"), 20, "refusals counted")
    proc.equal(metrics['telematics_imei_rejected_total{reason="unknown"}'], 5, "unknown ones counted")
    lines = [line for line in gw.log_text().splitlines() if "TELEM_UNKNOWN_IMEI_RATE" in line]
    proc.check(1 <= len(lines) <= 2 and " peer=127.0.0.1:" in lines[0], "one line a worker: %s" % lines)
    fleet = [bench.tracker(gw, i).login() for i in imeis(20)]
    proc.equal([t.exchange(wire.frame(wire.CODEC_8, [RECORD])) for t in fleet], [1] * 20, "ACKs of the known ones")
    proc.equal(answer(bench, gw, strangers[30], source="127.0.0.2"), b"\0", "another address")
    database.add_devices([strangers[31]])
    proc.wait_until(lambda: answer(bench, gw, strangers[31]) == b"\x01", 5, "a new row takes effect all the same")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM rejected_devices") >= 6, 5, "on record")


@suite.quick
def test_open_to_world(bench):
    """-t warns when everybody may connect, with status 0; a list of networks or a private address is quiet."""
    def check(**keys):
        path = os.path.join(bench.folder, "t.conf")
        with open(path, "w") as f:
            f.write("DATABASE_URL=dbname=x\n" + "".join("%s=%s\n" % item for item in keys.items()))
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TELEM_", "METRICS_", "DATABASE_"))}
        env.update(gateway.sanitizer_env(bench.folder))
        done = subprocess.run([gateway.DAEMON, "-t", "-c", path], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=env, timeout=60 * proc.PATIENCE)
        proc.equal(done.returncode, 0, "exit status with %s" % keys)
        proc.equal(done.stdout, b"configuration ok\n", "stdout")
        return done.stderr.decode()
    said = check()
    proc.check("warning: " in said and "TELEM_GATEWAY_ALLOW_CIDR" in said and said.count("\n") == 1,
               "the warning: %r" % said)
    proc.check(check(TELEM_GATEWAY_BIND="127.0.0.1,::") != "", "one open address of two")
    proc.equal(check(TELEM_GATEWAY_BIND="10.1.2.3,::1"), "", "private addresses")
    proc.equal(check(TELEM_GATEWAY_ALLOW_CIDR="0.0.0.0/0,::/0"), "", "everybody, and on purpose")


suite.main(globals())
