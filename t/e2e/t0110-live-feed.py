#!/usr/bin/env python3
"""The live feed: changed rows of device_online reach whoever listens, packed; it is off unless a web application says that
it lives, and no trouble with it reaches a tracker.
"""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import commands, feed, proc, suite, wire
from lib.fleet import imeis

NOW = int(time.time() * 1000) - 60000


def record(i=0, **more):
    return wire.Record(NOW + i * 1000, more.pop("lat", -54.5), more.pop("lon", 25.25), sats=more.pop("sats", 7), **more)


def device(database, imei):
    return database.number("SELECT id FROM devices WHERE imei = '%s'" % imei)


def in_view(database, ident):
    """The row as omnitrack.live has it."""
    line = database.query("SELECT encode(packed, 'hex') FROM omnitrack.live WHERE device_id = %d" % ident)
    return feed.Row(*feed.ROW.unpack(bytes.fromhex(line)))


def test_position(bench):
    """A tracker's position arrives as a row with all that it said; then that it has gone; then that the row is deleted."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    ident = device(database, imei)
    listener = feed.Listener(database, bench.scope, "telematics_live")
    on = feed.Beating(database)
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imei).login()
    row = on.wait_row(listener, lambda r: r.flags & feed.ONLINE, 10, "it is online")
    proc.equal((row.device, row.flags, row.lat, row.recorded_at, row.last_record_at),
               (ident, feed.ONLINE, 0, feed.UNKNOWN, feed.UNKNOWN), "a row without a fix")
    tracker.exchange(wire.frame(wire.CODEC_8E, [record(speed=90, angle=359, sats=12,
                                                       io=[(239, b"\x01"), (240, b"\x00")])]))
    row = on.wait_row(listener, lambda r: r.flags & feed.FIX, 10, "the position")
    flags = (feed.ONLINE | feed.FIX | feed.NEWEST_HAS_FIX | feed.IGNITION_KNOWN | feed.IGNITION | feed.MOVEMENT_KNOWN)
    proc.equal(row[:9], (ident, flags, 90, 359, 12, -545000000, 252500000, NOW * 1000, NOW * 1000), "what it holds")
    proc.equal(row, in_view(database, ident), "the same by omnitrack.live")
    proc.equal(row.last_seen_at, database.number("SELECT (extract(epoch FROM last_seen_at) * 1000000)::bigint"
                                                 " FROM device_online"), "last_seen_at")
    tracker.exchange(wire.frame(wire.CODEC_8E, [record(5, sats=0, io=[(240, b"\x01")])]))
    row = on.wait_row(listener, lambda r: r.last_record_at > r.recorded_at, 10, "a record without a fix")
    proc.equal((row.flags, row.lat), (feed.ONLINE | feed.FIX | feed.MOVEMENT_KNOWN | feed.MOVEMENT, -545000000),
               "the fix stays")
    tracker.close()
    row = on.wait_row(listener, lambda r: not r.flags & feed.ONLINE, 10, "it is gone")
    proc.check(row.disconnected_at > row.last_seen_at - 10 ** 6 and row.updated_at >= row.disconnected_at, "when: %s" % (row,))
    gone = listener.rows("DELETE FROM device_online")
    proc.equal([r[:-1] for r in gone], [(ident, feed.DELETED, 0, 0, 0, 0, 0) + (feed.UNKNOWN,) * 4], "a deleted row")
    proc.check(gone[0].updated_at > row.updated_at, "its time")


def test_many_rows(bench):
    """A statement with thousands of rows sends them in as few notifications as fit; an upsert tells both kinds."""
    database = bench.database()
    listener = feed.Listener(database, bench.scope, "telematics_live")
    feed.beat(database)
    upsert = ("INSERT INTO device_online (device_id, online, updated_at) SELECT n, true, clock_timestamp() FROM"
              " generate_series(%d, %d) n ON CONFLICT (device_id) DO UPDATE SET online = NOT excluded.online,"
              " updated_at = clock_timestamp()")
    payloads = listener.payloads(upsert % (1, 1000))
    proc.equal(len(payloads), 11, "notifications for 1,000 rows")
    proc.equal([r.device for p in payloads for r in feed.decode(p)], list(range(1, 1001)), "devices")
    rows = listener.rows(upsert % (901, 1100))
    proc.equal(sorted((r.device, r.flags) for r in rows),
               [(n, 0 if n <= 1000 else feed.ONLINE) for n in range(901, 1101)], "old and new ones")
    proc.equal(len(listener.rows("DELETE FROM device_online WHERE device_id > 1000")), 100, "deleted ones")
    proc.equal(listener.payloads("UPDATE device_online SET online = true WHERE device_id < 0"), [], "of no row")
    # What no position can be is cut, and hides no other row.
    rows = listener.rows("UPDATE device_online SET latitude = 'NaN', longitude = -1e300, speed = -7, heading = 70000,"
                         " recorded_at = '-infinity', last_seen_at = 'infinity' WHERE device_id IN (1, 2)")
    proc.equal([(r.device, r.lat, r.lon, r.speed, r.heading) for r in rows],
               [(n, 900000000, -1800000000, 0, 65535) for n in (1, 2)], "odd values")
    proc.equal(database.query("SELECT last_value FROM omnitrack.live_failures"), "0", "failures")


def test_off(bench):
    """Nothing is sent without a fresh heartbeat, nor with one in the future, nor while the queue is too full."""
    database = bench.database()
    listener = feed.Listener(database, bench.scope, "telematics_live")
    change = "UPDATE device_online SET updated_at = clock_timestamp()"
    database.query("INSERT INTO device_online (device_id) VALUES (1)")
    proc.equal(listener.payloads(change), [], "before any")
    for age, rows in (("0", 1), ("14 seconds", 1), ("16 seconds", 0), ("-1 hour", 0)):
        database.query("UPDATE omnitrack.heartbeat SET beat_at = clock_timestamp() - interval '%s'" % age)
        proc.equal(len(listener.rows(change)), rows, "rows with a heartbeat %s ago" % age)
    database.query("UPDATE omnitrack.heartbeat SET beat_at = clock_timestamp(), queue_limit = 0")
    proc.equal(listener.payloads(change), [], "with a queue that counts as full")
    proc.equal(database.query("SELECT last_value FROM omnitrack.live_skipped"), "1", "statements that were skipped")
    database.query("UPDATE omnitrack.heartbeat SET beat_at = clock_timestamp(), queue_limit = 0.5")
    proc.equal(len(listener.rows(change)), 1, "and again")


def test_trouble(bench):
    """A feed that fails, a full queue, a table that somebody locks: trackers get their ACKs, live rows are written."""
    database = bench.database()
    names = imeis(2)
    database.add_devices(names)
    feed.beat(database)
    gw = bench.gateway(database)
    trackers = [bench.tracker(gw, name).login() for name in names]
    shown = "SELECT count(*) FROM device_online WHERE recorded_at = to_timestamp(%d / 1000.0)"
    step = [0]

    def goes_on(what):
        step[0] += 1
        for tracker in trackers:
            proc.equal(tracker.exchange(wire.frame(8, [record(step[0])]), 10), 1, "ACK with " + what)
        proc.wait_until(lambda: database.number(shown % (NOW + step[0] * 1000)) == 2, 10, "live rows with " + what)
    goes_on("a feed")
    database.query("UPDATE omnitrack.heartbeat SET beat_at = clock_timestamp(), queue_limit = 0")
    goes_on("a full queue")
    proc.check(database.number("SELECT last_value FROM omnitrack.live_skipped") > 0, "what was skipped is counted")
    database.query("UPDATE omnitrack.heartbeat SET beat_at = clock_timestamp(), queue_limit = 0.5")
    lock = database.session(bench.scope)
    lock.run("BEGIN; LOCK TABLE omnitrack.heartbeat IN ACCESS EXCLUSIVE MODE")
    goes_on("a heartbeat that is locked")
    lock.run("ROLLBACK")
    proc.check(database.number("SELECT last_value FROM omnitrack.live_failures") > 0, "what failed is counted")
    database.query("DROP TABLE omnitrack.heartbeat")
    goes_on("no heartbeat at all")


def test_hanging_commit(bench):
    """Somebody's notifying transaction waits for a standby, with the lock of all that notify: live rows wait, no ACK does."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    # All but that transaction are content with their own disk.
    database.query("ALTER DATABASE %s SET synchronous_commit = local" % database.name)
    names = imeis(3)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_SYNCHRONOUS_COMMIT="local")
    trackers = [bench.tracker(gw, name).login() for name in names]
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_online WHERE online") == 3, 10, "live rows")
    holder = database.session(bench.scope)
    holder.run("CREATE TABLE hanging (); SET synchronous_commit = on")
    cluster.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "postgres")
    cluster.query("SELECT pg_reload_conf()", "postgres")
    proc.wait_until(lambda: database.query("SHOW synchronous_standby_names") == "nobody", 10, "the setting")
    holder.child.stdin.write("BEGIN; INSERT INTO hanging DEFAULT VALUES; NOTIFY telematics_live, 'ping:1'; COMMIT;\n")
    holder.child.stdin.flush()
    held = ("SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass AND objid = 0"
            " AND mode = 'AccessExclusiveLock' AND granted")
    proc.wait_until(lambda: database.number(held) == 1, 20, "the lock is held")
    feed.beat(database)
    for i in range(5):
        for tracker in trackers:
            proc.equal(tracker.exchange(wire.frame(8, [record(100 + i)]), 10), 1, "ACK")
        time.sleep(0.3)   # a turn of live rows lies between
    proc.equal(database.number(held), 1, "the lock is held still")
    proc.check(database.number("SELECT count(*) FROM device_online WHERE recorded_at IS NOT NULL") == 0,
               "a live row was written without the lock: this test shows nothing")
    cluster.query("ALTER SYSTEM RESET synchronous_standby_names", "postgres")
    cluster.query("SELECT pg_reload_conf()", "postgres")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_online WHERE recorded_at ="
                                            " to_timestamp(%d / 1000.0)" % (NOW + 104000)) == 3, 30, "live rows afterwards")


def test_answers(bench):
    """The status of commands is told, also of answers; the transaction that stores an answer notifies nobody itself."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database)
    listener = feed.Listener(database, bench.scope, "telematics_command_status")
    tracker = bench.tracker(gw, imei).login()
    proc.equal(tracker.exchange(wire.frame(8, [record()])), 1, "ACK")
    ident = commands.queue(database, imei, "getinfo")
    commands.read(tracker)
    commands.answer(tracker, b"Ver:1")
    said = []

    def told():
        said.extend(listener.payloads())
        return "%d:acked" % ident in said
    proc.wait_until(told, 10, "the answer is told")
    proc.equal(said, ["%d:%s" % (ident, status) for status in ("pending", "sent", "acked")], "what was told")
    many = ("INSERT INTO device_commands (imei, command_text) SELECT '%s', 'getver' FROM generate_series(1, 2000)" % imei)
    lists = [p for p in listener.payloads(many) if p.count(",") > 100]
    proc.check(len(lists) == 1 and len(lists[0]) <= 7900 and lists[0].endswith(",*"), "a list of many: %s" % lists)
    proc.check(all(part.endswith(":pending") for part in lists[0].split(",")[:-1]), "no half of an item")
    proc.equal([p for p in listener.payloads("SET telematics.storing = on; UPDATE device_commands SET status = 'cancelled'"
                                             " WHERE status = 'pending'; RESET telematics.storing") if "cancelled" in p],
               [], "a statement of the store's")


suite.main(globals())
