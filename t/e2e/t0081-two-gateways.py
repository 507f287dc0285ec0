#!/usr/bin/env python3
"""Several gateways on one database: whose a tracker is, who lives, who is who; their clocks may differ."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import faketime, proc, suite, wire
from lib.fleet import imeis


def frame(lat=54.5):
    return wire.frame(wire.CODEC_8, [wire.Record(int(time.time() * 1000), lat, 25.5, sats=7)])


def whose(database):
    return database.query("SELECT gateway FROM device_online WHERE online")


def handshakes(*gateways):
    return [int(g.metrics()["telematics_handshakes_total"]) for g in gateways]


def move(bench, database, gw, imei, older):
    """The tracker comes to `gw`: the connection that it had is closed within 2 s, and stays the only one."""
    tracker = bench.tracker(gw, imei).login()
    proc.equal(tracker.exchange(frame()), 1, "ACK")
    if older:
        proc.wait_until(older.is_closed, 2, "the older connection is closed")
    proc.wait_until(lambda: whose(database) == gw.keys["TELEM_GATEWAY_ID"], 4, "the live row is the newer's")
    return tracker


def wander(bench, one, two, database):
    imei = imeis(1)[0]
    tracker = None
    for gw in (one, two, one, two):
        tracker = move(bench, database, gw, imei, tracker)
    # The session opened last is closed by nobody: not at once, and not by anything that follows late.
    mark = handshakes(one, two)
    proc.equal(mark, [2, 2], "one connection for each move")
    for _ in range(6):
        time.sleep(0.5)
        proc.check(not tracker.is_closed(), "the last connection stays")
    proc.equal(tracker.exchange(frame()), 1, "ACK on it")
    proc.equal(database.query("SELECT gateway, online, abs(extract(epoch FROM now() - connected_at)) < 60"
                              " FROM device_online"), "two\tt\tt", "live row")
    proc.equal(one.metrics()['telematics_connections{state="active"}'], 0, "connections of the other")
    tracker.close()
    proc.wait_until(lambda: whose(database) == "", 4, "offline after the last goodbye")


@suite.quick
def test_moves(bench):
    """A tracker that moves between two gateways and back has one reconnect each; the older closes within 2 s."""
    database = bench.database()
    database.add_devices(imeis(1))
    wander(bench, bench.gateway(database, TELEM_GATEWAY_ID="one"),
           bench.gateway(database, TELEM_GATEWAY_ID="two"), database)


def test_moves_clocks(bench):
    """The same with one gateway's clock 60 s ahead, and 5 minutes behind."""
    for offset in ("+60s", "-5m"):
        database = bench.database()
        database.add_devices(imeis(1))
        wander(bench, bench.gateway(database, TELEM_GATEWAY_ID="one", env=faketime.env(offset)),
               bench.gateway(database, TELEM_GATEWAY_ID="two"), database)


def test_missed_notification(bench):
    """A notification that is lost: the older session closes as soon as its gateway is connected again."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    database.query("ALTER TABLE device_online DISABLE TRIGGER telematics_session_moved")
    one = bench.gateway(database, TELEM_GATEWAY_ID="one")
    two = bench.gateway(database, TELEM_GATEWAY_ID="two")
    older = move(bench, database, one, imei, None)
    newer = move(bench, database, two, imei, None)
    proc.check(not older.is_closed(), "nobody has told the other gateway")
    database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                   " AND application_name LIKE '%tasks'")
    proc.wait_until(older.is_closed, 5, "the older connection is closed")
    proc.equal(newer.exchange(frame()), 1, "ACK of the newer")
    proc.check(not newer.is_closed(), "the newer stays")


def test_written_late(bench):
    """Two sessions whose rows can't be written for a while: in whichever order they come, the one opened last stays."""
    database = bench.database()
    names = imeis(20)
    database.add_devices(names)
    one = bench.gateway(database, TELEM_GATEWAY_ID="one")
    two = bench.gateway(database, TELEM_GATEWAY_ID="two")
    # They know of each other at the next beat of either.
    proc.wait_until(lambda: database.number("SELECT count(*) FROM gateways WHERE seen_at > started_at"
                                            " + interval '1 second'") == 2, 15, "both have said that they live")
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_online IN SHARE MODE")
    older = [bench.tracker(one, n).login() for n in names]
    newer = [bench.tracker(two, n).login() for n in names]
    lock.run("COMMIT")
    proc.wait_until(lambda: all(t.is_closed() for t in older), 5, "the older connections are closed")
    proc.equal([t.exchange(frame()) for t in newer], [1] * len(names), "ACKs of the newer")
    proc.equal([t.is_closed() for t in newer], [False] * len(names), "the newer are open")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_online WHERE online AND gateway = 'two'")
                    == len(names), 4, "the live rows")


def silence(database, gateway):
    database.query("UPDATE gateways SET seen_at = now() - interval '61 seconds' WHERE id = '%s'" % gateway)


def kill(gw):
    """All at once: workers whose master has gone say goodbye for their trackers, and a master starts others."""
    master, workers = gw.pid(), gw.workers()
    os.kill(master, signal.SIGSTOP)
    for pid in workers + [master]:
        os.kill(pid, signal.SIGKILL)
    gw.process.wait(5, "the gateway is dead")


def test_never_returns(bench):
    """A gateway that never comes back leaves nobody online: a minute later another one sees to that."""
    database = bench.database()
    names = imeis(30)
    database.add_devices(names)
    one = bench.gateway(database, TELEM_GATEWAY_ID="one")
    two = bench.gateway(database, TELEM_GATEWAY_ID="two")
    for imei in names:
        bench.tracker(one, imei).login()
    stays = bench.tracker(two, names[0]).login()
    online = "SELECT count(*) FROM device_online WHERE online AND gateway = '%s'"
    proc.wait_until(lambda: database.number(online % "one") == 29 and database.number(online % "two") == 1, 5, "online")
    kill(one)
    held = database.session(bench.scope)
    held.run("BEGIN")
    held.run("SELECT FROM device_online WHERE gateway = 'one' ORDER BY device_id LIMIT 1 FOR UPDATE")
    time.sleep(1)
    silence(database, "one")
    proc.wait_until(lambda: database.number(online % "one") == 1, 15, "its trackers are offline, but for the locked one")
    held.run("COMMIT")
    proc.equal(database.number(online % "two"), 1, "trackers of the other")
    proc.check(two.logged(r'gateway "one" has been silent for \d+ s: 29 trackers|silent for \d+ s: 28 trackers'), "the log")
    database.query("UPDATE gateways SET sweep_at = now() - interval '3 minutes' WHERE id = 'one'")
    proc.wait_until(lambda: database.number(online % "one") == 0, 15, "the last one")
    # A worker that was killed last may have closed one itself.
    proc.equal(database.rows("SELECT count(*), bool_or(reason = 'gateway_silent'), bool_and(ended_at >= started_at) FROM"
                             " device_sessions JOIN device_online USING (device_id, session_id, gateway) WHERE gateway = 'one'"),
               [["29", "t", "t"]], "sessions that ended, as far as anybody knows")
    proc.wait_until(lambda: database.query("SELECT sweep_at FROM gateways WHERE id = 'one'") == "infinity", 5, "it is done")
    code, out, err = bench.tgctl("status", "-c", two.conf_path)
    proc.check(code == 0 and "gateways" in out and "one" in out and "two" in out, "tgctl status: %s%s" % (out, err))
    stays.close()


def test_taken_for_dead(bench):
    """One that was silent and lives: its trackers come online again without reconnecting."""
    database = bench.database()
    names = imeis(5)
    database.add_devices(names)
    one = bench.gateway(database, TELEM_GATEWAY_ID="one")
    two = bench.gateway(database, TELEM_GATEWAY_ID="two")
    trackers = [bench.tracker(one, imei).login() for imei in names]
    online = "SELECT count(*) FROM device_online WHERE online"
    proc.wait_until(lambda: database.number(online) == 5, 5, "online")
    for pid in [one.pid()] + one.workers():
        os.kill(pid, signal.SIGSTOP)
    silence(database, "one")
    proc.wait_until(lambda: database.number(online) == 0, 15, "offline")
    for pid in one.workers() + [one.pid()]:
        os.kill(pid, signal.SIGCONT)
    proc.wait_until(lambda: database.number(online) == 5, 15, "online again")
    proc.equal([t.exchange(frame()) for t in trackers], [1] * 5, "ACKs")
    proc.check(one.logged("others took it for dead"), "the log says so")
    # When such a session ends, that replaces what the others thought.
    ended = "SELECT reason, count(*), sum(records) FROM device_sessions GROUP BY 1"
    proc.equal(database.rows(ended), [["gateway_silent", "5", ""]], "sessions that count as ended")
    for tracker in trackers:
        tracker.close()
    proc.wait_until(lambda: database.rows(ended) == [["peer", "5", "5"]], 15, "sessions that have ended")
    two.stop()


def test_same_id(bench):
    """A second live instance of one id is refused with a sentence; the first goes on; it may have the id afterwards."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    one = bench.gateway(database, TELEM_GATEWAY_ID="twin")
    tracker = bench.tracker(one, imei).login()
    two = bench.gateway(database, start=False, TELEM_GATEWAY_ID="twin")
    two.start(ready=False)
    proc.wait_until(lambda: two.readyz()[0] == 503 and "TELEM_GATEWAY_ID" in two.readyz()[1], 10, "it is refused")
    proc.check(two.logged('another gateway is running as "twin", seen .* s ago'), "the log says why")
    # Also when the database comes and goes.
    database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                   " AND application_name LIKE '%store'")
    proc.wait_until(lambda: one.readyz()[0] == 200, 10, "the first is there again")
    proc.equal(tracker.exchange(frame()), 1, "ACK of the first")
    proc.equal(database.query("SELECT online FROM device_online"), "t", "online")
    one.stop()
    two.wait_ready(20)
    bench.tracker(two, imei).login()


def test_restart(bench):
    """A gateway that was killed and is started again at once has its id back at once; so has one that drains slowly."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    proc.wait_until(lambda: database.query("SELECT pg_postmaster_start_time() < now() - interval '6 s'") == "t", 10,
                    "the server is no news")
    gw = bench.gateway(database)
    for _ in range(3):
        kill(gw)
        began = time.monotonic()
        gw.start()
        proc.check(time.monotonic() - began < 10 * proc.BUSY, "it is ready at once")
    # The master alone: its workers go on to serve what they have.
    tracker = bench.tracker(gw, imei).login()
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_positions IN ACCESS EXCLUSIVE MODE")
    tracker.send(frame())
    proc.wait_until(lambda: gw.metrics().in_flight() == 1, 5, "a record is in flight")
    os.kill(gw.pid(), signal.SIGKILL)
    gw.process.wait(5, "the master is dead")
    again = bench.gateway(database, start=False)
    again.start(ready=False)
    lock.run("COMMIT")
    again.wait_ready(10)
    bench.tracker(again, imei).login()


def test_upgrade_keeps_id(bench):
    """An upgrade (SIGUSR2) and a reload are the same gateway still."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database)
    instance = database.query("SELECT instance FROM gateways")
    gw.upgrade()
    gw.wait_ready()
    gw.hup()
    gw.wait_ready()
    gw.write_conf(TELEM_MAX_DEVICES=20000)   # memory of its own
    gw.upgrade()
    gw.wait_ready()
    proc.equal(database.query("SELECT id, instance FROM gateways"), "e2e\t" + instance, "gateways")
    proc.check(not gw.logged("another gateway is running"), "nobody was refused")


if faketime.library() is None:
    print("1..0 # SKIP no libfaketime (scripts/install-deps test)")
    sys.exit(77)
suite.main(globals())
