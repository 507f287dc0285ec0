#!/usr/bin/env python3
"""Many trackers that send one record a frame: they share transactions; live rows take turns; last_ping has an interval."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite, wire
from lib.audit import audit_logs
from lib.fleet import imeis

BEHIND = ("SELECT count(*) FROM device_online o JOIN (SELECT device_id, max(recorded_at) AS newest FROM device_positions"
          " GROUP BY 1) AS p USING (device_id) WHERE o.last_record_at IS DISTINCT FROM p.newest")


def sim(bench, gw, trackers, *more):
    """`tgctl sim`, a record a second each; in the background."""
    argv = [gateway.TGCTL, "sim", "--port", str(gw.port), "--trackers", str(trackers), "--records", "1", "--interval",
            "1000", "--seed", "3", "--quiet", "--json"] + list(more)
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    bench.scope.later(child.kill)
    return child


def test_gathered(bench):
    """Records of hundreds of trackers come in transactions of several, each acknowledged and stored once."""
    database = bench.database()
    database.add_devices(imeis(800))
    gw = bench.gateway(database, TELEM_WORKERS=1)
    acked, sent = os.path.join(bench.folder, "acked"), os.path.join(bench.folder, "sent")
    child = sim(bench, gw, 800, "--duration", "15", "--acked-log", acked, "--sent-log", sent)
    proc.wait_until(lambda: gw.metrics()["telematics_acks_total"] > 3000, 60, "the fleet is at work")
    before = gw.metrics()
    proc.wait_until(lambda: gw.metrics()["telematics_acks_total"] > before["telematics_acks_total"] + 2000, 60, "some seconds")
    now = gw.metrics()
    rows, batches = [now[name] - before[name] for name in ("telematics_batch_records_sum", "telematics_batch_records_count")]
    proc.check(rows > 4 * batches, "%d records in %d transactions" % (rows, batches))
    out = child.communicate()[0].decode()
    proc.equal(child.returncode, 0, "tgctl sim: %s" % out)
    gw.stop()
    audit_logs(database, sent, acked)


def test_live_rows_take_turns(bench):
    """Where more live rows move than may be written, the metric says how far apart they are; in the end all are right."""
    database = bench.database()
    database.add_devices(imeis(3000))
    gw = bench.gateway(database)
    interval = "telematics_live_row_interval_seconds"
    child = sim(bench, gw, 3000, "--duration", "20")
    proc.wait_until(lambda: gw.metrics()[interval] > 1.5, 60, "they take turns")
    proc.check(gw.metrics()[interval] < 10, "not longer than 10 s")
    # Who comes or goes is seen at once all the same.
    database.add_devices(imeis(1, 360000000000000))
    guest = bench.tracker(gw, "360000000000000").login()
    online = "SELECT online FROM device_online o JOIN devices d ON d.id = device_id WHERE imei = '360000000000000'"
    proc.wait_until(lambda: database.query(online) == "t", 5, "somebody who came is online")
    guest.close()
    proc.wait_until(lambda: database.query(online) == "f", 5, "and offline")
    out = child.communicate()[0].decode()
    proc.equal(child.returncode, 0, "tgctl sim: %s" % out)
    proc.wait_until(lambda: database.number(BEHIND) == 0, 15, "all live rows are those of the newest records")
    proc.wait_until(lambda: gw.metrics()[interval] < 1, 15, "a second again")
    gw.stop()


@suite.quick
def test_last_ping(bench):
    """last_ping of a device that is online waits for its interval, but not for the end of the session."""
    database = bench.database()
    imei, = imeis(1)
    database.add_devices([imei])
    gw = bench.gateway(database, TELEM_LAST_PING_INTERVAL_S=3600)
    tracker = bench.tracker(gw, imei).login()
    now = int(time.time() * 1000)
    moved = "SELECT (extract(epoch FROM last_record_at) * 1000)::bigint FROM device_online"
    proc.equal(tracker.exchange(wire.frame(8, [wire.Record(now - 5000, 54.5, 25.5, sats=7)])), 1, "ACK")
    proc.wait_until(lambda: database.query("SELECT last_ping IS NOT NULL FROM devices") == "t", 5, "the first")
    first = database.query("SELECT last_ping FROM devices")
    proc.equal(tracker.exchange(wire.frame(8, [wire.Record(now, 54.6, 25.6, sats=7)])), 1, "ACK")
    proc.wait_until(lambda: database.query(moved) == str(now), 5, "the live row moves")
    # The statement for last_ping comes right behind that for the live row: let another live row pass.
    proc.equal(tracker.exchange(wire.frame(8, [wire.Record(now + 1000, 54.7, 25.7, sats=7)])), 1, "ACK")
    proc.wait_until(lambda: database.query(moved) == str(now + 1000), 5, "the live row moves")
    proc.equal(database.query("SELECT last_ping FROM devices"), first, "last_ping")
    tracker.close()
    proc.wait_until(lambda: database.query("SELECT last_ping = last_seen_at FROM devices, device_online") == "t", 5,
                    "it has followed")
    proc.check(database.query("SELECT last_ping FROM devices") != first, "last_ping")


suite.main(globals())
