#!/usr/bin/env python3
"""Five hundred simulated trackers of `tgctl sim` over all three codecs, with faults and kills; the audit."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, gateway, proc, suite
from lib.fleet import imeis


class Sim:
    """`tgctl sim` in the background, with both its logs."""

    def __init__(self, bench, gw, names, *options):
        self.sent = os.path.join(bench.folder, "sent.log")
        self.acked = os.path.join(bench.folder, "acked.log")
        listed = os.path.join(bench.folder, "imeis")
        with open(listed, "w") as f:
            f.write("\n".join(names) + "\n")
        self.process = proc.Process(
            [gateway.TGCTL, "sim", "--port", str(gw.port), "--imei-file", listed, "--sent-log", self.sent,
             "--acked-log", self.acked] + list(options), os.path.join(bench.folder, "sim.out"),
            env=gateway.sanitizer_env(bench.folder), cwd="/")
        bench.scope.later(self.process.kill_group)

    def wait(self, seconds):
        return self.process.wait(seconds, "the fleet ends")


def test_mixed_fleet(bench):
    """All of them: split segments, duplicates, wrong CRCs, reconnects, a backlog; every frame acknowledged."""
    database = bench.database()
    names = imeis(500)
    database.add_devices(names)
    gw = bench.gateway(database)
    watch = bench.watch(gw)
    sim = Sim(bench, gw, names, "--codec", "mix", "--records", "5", "--frames", str(proc.scaled(20, 3)),
              "--backlog", "2", "--split", "--duplicate", "3", "--bad-crc", "1", "--no-fix", "10",
              "--clock-wrong", "2", "--reconnect-every", "7", "--window", "2")
    proc.equal(sim.wait(240), 0, "exit status of the simulator:\n" + sim.process.output()[-1500:])
    watch.finish()
    acked, stored = audit.audit_logs(database, sim.sent, sim.acked)
    print("# %d acknowledged, %d stored" % (acked, stored))
    proc.equal(database.query("SELECT count(DISTINCT device_id), count(DISTINCT codec) FROM device_positions"),
               "500\t3", "devices and codecs")
    proc.check(acked >= 500 * 5 * proc.scaled(20, 3), "records acknowledged: %d" % acked)
    page = gw.metrics()
    proc.equal(page.outcome("stored"), stored, "the counter of stored records")
    print("# %d duplicates, %d of connections that hung up before their batch began" % (
        page.outcome("duplicate"), page.outcome("refused")))
    gw.stop()


def test_with_kills(bench):
    """The same fleet while workers are killed and the configuration is reloaded."""
    database = bench.database()
    names = imeis(500)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_WORKERS=3)
    sim = Sim(bench, gw, names, "--codec", "mix", "--records", "5", "--duration", str(proc.scaled(12, 6)),
              "--ack-timeout", "5", "--rate", str(proc.scaled(5000)))
    goal = 0
    for what in ("kill", "reload", "kill", "kill"):
        goal += proc.scaled(6000)
        stored = "SELECT count(*) FROM device_positions"
        proc.wait_until(lambda: sim.process.exited() or database.number(stored) > goal, 60,
                        "%d rows" % goal, every=0.2)
        if what == "kill":
            os.kill(gw.workers()[-1], signal.SIGKILL)
        else:
            gw.hup()
    sim.wait(180)
    acked, stored = audit.audit_logs(database, sim.sent, sim.acked)
    print("# %d acknowledged, %d stored" % (acked, stored))
    proc.check(acked > proc.scaled(10000, 500), "records acknowledged: %d" % acked)
    wrong = gw.metrics().identity()
    proc.check(not wrong, "identity: %s" % wrong)
    gw.stop()


suite.main(globals())
