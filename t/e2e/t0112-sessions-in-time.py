#!/usr/bin/env python3
"""What the tables remember of a device: its sessions in time, and how long its pauses usually are (its rhythm)."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

NOW = int(time.time() * 1000) - 10 ** 6


def frame(n, first=0):
    return wire.frame(8, [wire.Record(NOW + (first + i) * 1000, 54.5, 25.5, sats=7) for i in range(n)])


def sessions(database):
    return database.rows("SELECT d.imei, s.reason, s.records, s.gateway, host(s.remote_addr), s.ended_at >= s.started_at,"
                         " s.started_at > now() - interval '10 minutes' FROM device_sessions s JOIN devices d ON d.id = s.device_id"
                         " ORDER BY s.started_at")


def test_ends(bench):
    """Each session that ends is a row, once: closed by the tracker, taken over, closed by us, ended by a stop."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database)

    def row(reason, records):
        return [imei, reason, str(records), "e2e", "127.0.0.1", "t", "t"]
    first = bench.tracker(gw, imei).login()
    proc.equal((first.exchange(frame(3)), first.exchange(frame(2, 3))), (3, 2), "ACKs")
    first.close()
    proc.wait_until(lambda: sessions(database) == [row("peer", 5)], 10, "the first session")
    second = bench.tracker(gw, imei).login()
    proc.equal(second.exchange(frame(1, 10)), 1, "ACK")
    third = bench.tracker(gw, imei).login()
    proc.wait_until(lambda: sessions(database)[1:] == [row("takeover", 1)], 10, "the second session")
    third.send(b"\x01" * 16)
    third.expect_closed(10, "junk")
    proc.wait_until(lambda: sessions(database)[2:] == [row("out_of_step", 0)], 10, "the third session")
    bench.tracker(gw, imei).login()
    proc.wait_until(lambda: database.query("SELECT online FROM device_online") == "t", 10, "the fourth session")
    gw.stop()
    proc.equal(sessions(database)[3:], [row("drain", 0)], "the fourth, when the gateway has stopped")
    for args, rows in (([], 4), ([imei], 4), (["350000000000999"], 0), (["--limit", "1"], 1)):
        code, out, err = bench.tgctl("session", "list", "--past", "--json", *args, url=database.url)
        listed = json.loads(out)
        proc.equal((code, len(listed)), (0, rows), "tgctl session list --past %s (%s)" % (args, err))
        proc.check(rows == 0 or (listed[0]["reason"], listed[0]["records"]) == ("drain", 0), "the latest first: %s" % listed)
    proc.equal(bench.tgctl("session", "list", "--past", "12", url=database.url)[0], 2, "exit status for no IMEI")
    # They belong to the live row's own ids.
    proc.equal(database.query("SELECT count(*) FROM device_sessions s JOIN device_online o USING (device_id, session_id)"), "1",
               "the last session by its id")


def test_killed(bench):
    """A session of a killed worker is a row too, of which nobody knows how many records it brought."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database, TELEM_WORKERS="1")
    tracker = bench.tracker(gw, imei).login()
    proc.equal(tracker.exchange(frame(3)), 3, "ACK")
    proc.wait_until(lambda: database.query("SELECT online FROM device_online") == "t", 10, "the live row")
    os.kill(gw.workers()[0], 9)
    proc.wait_until(lambda: [r[:5] for r in sessions(database)] == [[imei, "worker_died", "", "e2e", "127.0.0.1"]], 20,
                    "its session")


def test_away(bench):
    """Sessions that end while the database is away are written when it is back; a retention deletes old ones."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    names = imeis(3)
    database.add_devices(names)
    database.query("INSERT INTO device_sessions (device_id, session_id, ended_at) SELECT n, n, now() - interval '1 day' * (n - 0.5)"
                   " FROM generate_series(1, 20) n")
    gw = bench.gateway(database, TELEM_SESSION_RETENTION_DAYS="10")
    trackers = [bench.tracker(gw, name).login() for name in names]
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_online WHERE online") == 3, 10, "live rows")
    cluster.stop()
    for tracker in trackers:
        tracker.close()
    proc.wait_until(lambda: gw.readyz()[0] == 503, 20, "the gateway has noticed")
    cluster.start()
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_sessions WHERE reason = 'peer'") == 3, 30, "rows")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_sessions WHERE reason IS NULL") == 10, 60, "old rows go")


def history(database, device, kind, gaps, newest="1 minute"):
    """Records of a device, the newest some time ago, with these pauses in seconds between them, the newest first."""
    speed, io = {"speed": (50, "{}"), "stands": (0, "{}"), "element": (0, '{"240":1}'), "towed": (50, '{"240":0}')}[kind]
    database.query("INSERT INTO device_positions SELECT %d, now() - interval '%s' - s * interval '1 second', %d, now(), 54, 25, 0,"
                   " %d, 0, 0, 7, 0, 8, NULL, true, '%s' FROM unnest(ARRAY[%s]::float8[]) s"
                   % (device, newest, hash(kind) % 1000, speed, io, ",".join(str(sum(gaps[:i])) for i in range(len(gaps) + 1))))


def rhythm(database, device):
    return [None if v == "" else float(v) for v in database.rows("SELECT * FROM telematics_rhythm(%d)" % device)[0]]


def test_rhythm(bench):
    """Nine of ten of the last 50 pauses, of moving and standing apart, by the element where it is sent and by speed otherwise."""
    database = bench.database()
    proc.equal(rhythm(database, 1), [None, 0, None, 0], "of a device without records")
    history(database, 1, "speed", [10] * 9 + [3600])
    proc.equal(rhythm(database, 1), [10, 10, None, 0], "one long pause in ten changes nothing")
    history(database, 2, "speed", [10] * 8 + [3600, 60])
    proc.equal(rhythm(database, 2), [60, 10, None, 0], "two do")
    history(database, 3, "stands", [600] * 60 + [86400] * 30)
    proc.equal(rhythm(database, 3), [None, 0, 600, 50], "the last 50 count")
    history(database, 4, "element", [20] * 12)
    history(database, 4, "towed", [300] * 12, newest="2 days")
    proc.equal(rhythm(database, 4)[0::2], [20, 300], "the element says whether it moves")
    # A clock in 2080 or 1970 makes no pause.
    history(database, 5, "speed", [10] * 10)
    history(database, 5, "speed", [10], newest="-50 years")
    history(database, 5, "speed", [10], newest="50 years")
    proc.equal(rhythm(database, 5), [10, 10, None, 0], "clocks that are wrong")


def test_silence(bench):
    """Each is silent by its own rhythm, which the gateway computes; before there is one by 10 minutes and 24 hours."""
    database = bench.database()
    names = imeis(7)
    database.add_devices(names)
    seen = ("INSERT INTO device_online (device_id, last_record_at, recorded_at, last_seen_at, connected_at, speed, io)"
            " VALUES (%d, now() - interval '%s', now() - interval '%s', now() - interval '%s', now(), %d, '{}')")
    for device, since, speed in ((1, "15 minutes", 50), (2, "15 minutes", 0), (3, "25 hours", 0), (4, "40 minutes", 50),
                                 (5, "80 minutes", 0), (6, "1 minute", 50)):
        database.query(seen % (device, since, since, since, speed))
    history(database, 4, "speed", [900] * 20, newest="40 minutes")
    history(database, 5, "stands", [1500] * 20, newest="80 minutes")
    bench.gateway(database)
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_rhythm WHERE moving_gaps >= 10 OR standing_gaps >= 10")
                    == 2, 40, "the rhythm is computed")
    proc.equal(database.rows("SELECT device_id, seen, moving, usual_gap_s, patience_s, silent FROM telematics_silence()"
                             " ORDER BY 1"),
               [["1", "t", "t", "", "600", "t"], ["2", "t", "f", "", "86400", "f"], ["3", "t", "f", "", "86400", "t"],
                ["4", "t", "t", "900", "2700", "f"], ["5", "t", "f", "1500", "4500", "t"], ["6", "t", "t", "", "600", "f"],
                ["7", "f", "f", "", "86400", "t"]], "silence")
    code, out, err = bench.tgctl("why", "--all", "--json", url=database.url, env={"METRICS_PORT": "0"})
    silent = json.loads(out)
    proc.equal({d["imei"]: d["usual_gap_s"] for d in silent["devices"]},
               {names[0]: None, names[2]: None, names[4]: 1500, names[6]: None}, "tgctl why --all (%s)" % err)
    # Pings are no records.
    database.query("UPDATE device_online SET last_seen_at = now() WHERE device_id = 1")
    proc.equal(database.query("SELECT silent FROM telematics_silence() WHERE device_id = 1"), "t", "with pings alone")
    database.query("DELETE FROM devices WHERE id = 4")
    proc.equal(database.number("SELECT count(*) FROM device_rhythm WHERE device_id = 4"), 0, "its rhythm goes with the device")


suite.main(globals())
