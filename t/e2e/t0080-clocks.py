#!/usr/bin/env python3
"""Wrong clocks: of the gateway's host, hours or years off, also jumping; and of trackers that are ahead."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import commands, faketime, proc, suite, wire
from lib.fleet import imeis


def now_ms():
    return int(time.time() * 1000)


def frame(ts, lat=54.5, sats=7):
    return wire.frame(wire.CODEC_8, [wire.Record(ts, lat, 25.5, sats=sats)])


# The times of a live row and of what was stored, all within a minute of the database's clock.
RIGHT = """SELECT bool_and(abs(extract(epoch FROM now() - t)) < 60) FROM (
    SELECT unnest(ARRAY[connected_at, last_seen_at, received_at,
        to_timestamp((session_id >> 11) / 1000000.0)]) AS t FROM device_online
    UNION ALL SELECT received_at FROM device_positions
    UNION ALL SELECT received_at FROM device_messages
    UNION ALL SELECT unnest(ARRAY[received_at, last_seen_at]) FROM device_ingest_raw
    UNION ALL SELECT unnest(ARRAY[first_seen_at, last_seen_at]) FROM rejected_devices
    UNION ALL SELECT unnest(ARRAY[sent_at, responded_at]) FROM device_commands
    UNION ALL SELECT last_ping FROM devices WHERE last_ping IS NOT NULL) AS times (t)"""


def use(bench, gw, database, imei):
    """A tracker does all that leaves a time somewhere; returns it."""
    tracker = bench.tracker(gw, imei).login()
    proc.equal(tracker.exchange(frame(now_ms())), 1, "ACK")
    proc.equal(tracker.exchange(wire.frame(8, [wire.Record(now_ms())], count2=2)), 1, "ACK of quarantine")
    tracker.send(wire.message(12, 6, b"unasked"))
    ident = commands.queue(database, imei, "getinfo")
    proc.equal(commands.read(tracker)[1], "getinfo", "the command")
    commands.answer(tracker, b"Ver:1")
    commands.wait_status(database, ident, "acked", 5)
    proc.equal(bench.tracker(gw, "350000000000777").handshake(), b"\x00", "answer to a stranger")
    for table in ("rejected_devices", "device_ingest_raw", "device_messages"):
        proc.wait_until(lambda: database.number("SELECT count(*) FROM " + table) > 0, 5, table)
    proc.wait_until(lambda: database.query("SELECT online AND last_ping IS NOT NULL AND recorded_at IS NOT NULL"
                                           " FROM device_online JOIN devices ON id = device_id") == "t", 5,
                    "the live row follows")
    return tracker


def test_gateway_wrong(bench):
    """A host's clock 2 h ahead, 10 years ahead, a day behind: all that is stored has the database's time; it is said."""
    for offset, seconds in (("+2h", 7200), ("+3650d", 3650 * 86400), ("-1d", -86400)):
        database = bench.database()
        imei = imeis(1)[0]
        database.add_devices([imei])
        gw = bench.gateway(database, env=faketime.env(offset))
        use(bench, gw, database, imei).close()
        proc.equal(database.query(RIGHT), "t", "times with a clock %s" % offset)
        proc.wait_until(lambda: database.query("SELECT online FROM device_online") == "f", 5, "offline")
        proc.check(abs(gw.metrics()["telematics_clock_offset_seconds"] - seconds) < 30, "the metric")
        proc.check(gw.logged(r"clock of this host is \d+\.\d s %s the database"
                             % ("ahead of" if seconds > 0 else "behind")), "the log says so")
        code, out, err = bench.tgctl("status", "-c", gw.conf_path)
        proc.check(code == 0 and "clock_ahead" in out, "tgctl status: %s%s" % (out, err))
        gw.stop()
        # The host's clock is mended: the next sessions come after those.
        gw = bench.gateway(database)
        tracker = bench.tracker(gw, imei).login()
        proc.wait_until(lambda: database.query("SELECT online FROM device_online") == "t", 5, "online again")
        tracker.close()
        gw.stop()


def test_jump(bench):
    """The host's clock jumps by three hours and back while the gateway runs: sessions stay in order, times are right."""
    database = bench.database()
    names = imeis(2)
    database.add_devices(names)
    path = os.path.join(bench.folder, "clock")
    faketime.set_clock(path, "+0")
    gw = bench.gateway(database, env=faketime.following(path), TELEM_WORKERS=2)
    old = bench.tracker(gw, names[0]).login()
    for offset in ("+3h", "-3h", "+0"):
        faketime.set_clock(path, offset)
        want = {"+3h": 10800, "-3h": -10800, "+0": 0}[offset]
        proc.wait_until(lambda: abs(gw.metrics()["telematics_clock_offset_seconds"] - want) < 30, 10,
                        "the host's clock is at " + offset)
        new = bench.tracker(gw, names[0]).login()
        proc.wait_until(old.is_closed, 2, "the older connection is closed")
        proc.equal(new.exchange(frame(now_ms())), 1, "ACK of the newer")
        proc.equal(new.exchange(frame(now_ms() + 1)), 1, "and another one")
        old = new
    proc.wait_until(lambda: database.query("SELECT online AND last_record_at > now() - interval '1 minute'"
                                           " FROM device_online") == "t", 5, "the live row follows")
    proc.equal(database.query(RIGHT), "t", "times")


def test_left_behind(bench):
    """What an older release with a clock that was ahead has left counts as older: it is replaced, and said."""
    database = bench.database()
    names = imeis(2)
    database.add_devices(names)
    ahead = "(extract(epoch FROM now() + interval '%s') * 1000000)::bigint << 11"
    database.query("INSERT INTO device_online (device_id, online, gateway, worker, session_id, connected_at,"
                   " last_seen_at) SELECT id, true, 'e2e', 0, %s, now() + interval '2 hours',"
                   " now() + interval '10 years' FROM devices" % (ahead % "10 years"))
    database.query("UPDATE devices SET last_ping = now() + interval '10 years'")
    gw = bench.gateway(database)
    row = "SELECT online FROM device_online JOIN devices ON id = device_id WHERE imei = '%s'"
    proc.wait_until(lambda: database.query(row % names[1]) == "f", 10, "its sessions are found at the start")
    # The other one comes back, and has a command waiting.
    database.query("UPDATE device_online SET online = true, gateway = 'other'")
    ident = commands.queue(database, names[0], "getinfo")
    tracker = bench.tracker(gw, names[0]).login()
    proc.equal(commands.read(tracker)[1], "getinfo", "the command")
    proc.equal(tracker.exchange(frame(now_ms())), 1, "ACK")
    commands.wait_status(database, ident, "sent", 5)
    proc.wait_until(lambda: database.query(
        "SELECT gateway = 'e2e' AND online AND abs(extract(epoch FROM now() - last_seen_at)) < 60"
        " AND abs(extract(epoch FROM now() - last_ping)) < 60 AND session_id >> 11 <"
        " extract(epoch FROM now()) * 1000000 FROM device_online JOIN devices ON id = device_id"
        " WHERE imei = '%s'" % names[0]) == "t", 5, "the row is the new session's")
    proc.check(gw.logged(r"session that was stored had begun \d+ s ahead of the clock"), "the log says so")
    tracker.close()
    proc.wait_until(lambda: database.query(row % names[0]) == "f", 5, "its goodbye counts")


def test_start_without_database(bench):
    """A gateway that starts while the database is away, with a clock a year behind, finds what it had left before."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    names = imeis(1)
    database.add_devices(names)
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, names[0]).login()
    proc.equal(tracker.exchange(frame(now_ms())), 1, "ACK")
    proc.wait_until(lambda: database.query("SELECT online FROM device_online") == "t", 5, "online")
    gw.process.kill_group()
    cluster.stop()
    gw = bench.gateway(database, start=False, env=faketime.env("-365d"))
    gw.start(ready=False)
    cluster.start()
    gw.wait_ready(40)
    proc.wait_until(lambda: database.query("SELECT online FROM device_online") == "f", 10, "its session is over")
    proc.equal(database.query(RIGHT), "t", "times")


def live(database):
    return database.query("SELECT latitude, (extract(epoch FROM recorded_at) * 1000)::bigint,"
                          " (extract(epoch FROM last_record_at) * 1000)::bigint, round(extract(epoch FROM"
                          " clock_ahead)) FROM device_online").split("\t")


def test_tracker_ahead(bench):
    """Records more than 10 min ahead don't move the live row; a tracker that is so for 10 min is shown by arrival."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    good = now_ms() - 60000
    proc.equal(tracker.exchange(frame(good, 50.0)), 1, "ACK")
    proc.wait_until(lambda: live(database)[0] == "50", 5, "the live row follows")
    off = 2 * 3600 * 1000
    proc.equal(tracker.exchange(frame(now_ms() + 9 * 60000, 51.0)), 1, "ACK of one 9 min ahead")
    proc.wait_until(lambda: live(database)[0] == "51", 5, "one 9 min ahead moves it")
    proc.equal(tracker.exchange(frame(now_ms() + off, 52.0)), 1, "ACK of one 2 h ahead")
    proc.wait_until(lambda: live(database)[3] != "", 5, "it is marked")
    row = live(database)
    proc.equal(row[0], "51", "latitude of the live row")
    proc.check(abs(int(row[3]) - 7200) < 60, "by how much it is ahead: %s" % row)
    # Ten minutes on.
    database.query("UPDATE device_online SET clock_ahead_since = clock_ahead_since - interval '10 minutes',"
                   " recorded_at = now() - interval '5 minutes', last_record_at = now() - interval '5 minutes'")
    for lat in (53.0, 54.0):
        proc.equal(tracker.exchange(frame(now_ms() + off, lat)), 1, "ACK")
        proc.wait_until(lambda: live(database)[0] == "%g" % lat, 5, "the live row follows by arrival")
        row = live(database)
        proc.check(all(abs(int(t) - now_ms()) < 60000 for t in row[1:3]) and abs(int(row[3]) - 7200) < 60,
                   "its times, and the mark: %s" % row)
    # By another amount: the ten minutes begin anew.
    proc.equal(tracker.exchange(frame(now_ms() + 2 * off, 55.0)), 1, "ACK")
    proc.wait_until(lambda: abs(int(live(database)[3]) - 14400) < 60, 5, "the mark follows")
    proc.equal(live(database)[0], "54", "latitude")
    # The tracker's clock is mended.
    proc.equal(tracker.exchange(frame(now_ms(), 56.0)), 1, "ACK")
    proc.wait_until(lambda: live(database)[0] == "56" and live(database)[3] == "", 5, "all is well again")


def test_ahead_left_by_a_dead_worker(bench):
    """What a killed worker had not yet shown, its replacement shows; but nothing that is ahead."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database, TELEM_WORKERS=1)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_online IN SHARE MODE")
    good = now_ms()
    proc.equal(tracker.exchange(frame(good, 51.0)), 1, "ACK")
    proc.equal(tracker.exchange(frame(good + 3600 * 1000, 52.0)), 1, "ACK of one an hour ahead")
    for pid in gw.workers():
        os.kill(pid, 9)
    lock.run("COMMIT")
    proc.wait_until(lambda: live(database)[:2] == ["51", str(good)], 15, "the live row is brought up to date")


def test_migration_heals(bench):
    """Live rows that lie ahead are healed by tgctl migrate: sessions, positions, times."""
    database = bench.older_database("_gateways")
    database.add_devices(imeis(3))
    position = ("INSERT INTO device_positions SELECT 1, now() + interval '%s', 1, now(), %s, 25, 0, 0, 0, 0, 7, 0, 8,"
                " NULL, true, '{\"1\": %d}'")
    for lat, when in enumerate(("-3 hours", "-2 hours", "5 hours")):
        database.query(position % (when, lat + 50, lat + 50))
    database.query("INSERT INTO device_online (device_id, recorded_at, latitude, last_record_at, io, online, gateway,"
                   " session_id, last_seen_at) VALUES"
                   " (1, now() + interval '5 hours', 52, now() + interval '5 hours', '{\"1\": 52}', true, 'old', 1, now()),"
                   " (2, now() + interval '5 hours', 52, now() + interval '5 hours', '{}', true, 'old', 1, now()),"
                   " (3, now(), 52, now(), '{}', true, 'old',"
                   "  (extract(epoch FROM now() + interval '2 hours') * 1000000)::bigint << 11,"
                   "  now() + interval '2 hours')")
    database.query("UPDATE devices SET last_ping = now() + interval '2 hours' WHERE id = 3")
    code, out, err = bench.tgctl("migrate", url=database.url)
    proc.equal(code, 0, "tgctl migrate: %s%s" % (out, err))
    proc.equal(database.rows("SELECT latitude, io, recorded_at < now(), last_record_at < now() FROM device_online"
                             " WHERE device_id < 3 ORDER BY device_id"),
               [["51", '{"1": 51}', "t", "t"], ["", "", "", ""]], "positions")
    proc.equal(database.query("SELECT online, session_id IS NULL, last_seen_at <= now() FROM device_online"
                              " WHERE device_id = 3"), "f\tt\tt", "the session")
    proc.equal(database.query("SELECT last_ping <= now() FROM devices WHERE id = 3"), "t", "last_ping")
    proc.equal(database.query("SELECT id, seen_at > now() + interval '23 hours' FROM gateways"), "old\tt", "gateways")


if faketime.library() is None:
    print("1..0 # SKIP no libfaketime (scripts/install-deps test)")
    sys.exit(77)
suite.main(globals())
