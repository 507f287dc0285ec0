#!/usr/bin/env python3
"""The web application's live feed: from a tracker's record to the frame of a browser, with the real gateway.

A position appears and moves, one tile tells the other; rights hold; the database goes and comes back; a lie is healed.
"""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import deaf, live, proc, suite, web, wire
from lib.fleet import imeis

web.need()


def record(lat=54.68, lon=25.28, speed=0, ago=0, **more):
    return wire.Record(int((time.time() - ago) * 1000), lat, lon, speed=speed, sats=9, **more)


def put(database, imei, group=None, **columns):
    """A device in a group; its id."""
    database.add_devices([imei], **columns)
    ident = database.query("SELECT id FROM devices WHERE imei = '%s'" % imei)
    if group is not None:
        database.query("INSERT INTO omnitrack.device_groups VALUES (%s, %s)" % (ident, group))
    return ident


def test_position(bench):
    """A record is a point in the browser's frame, moving by its speed; the second one moves it."""
    database = bench.database()
    imei = imeis(1)[0]
    ident = put(database, imei, group=1)
    gw = bench.gateway(database)
    server = web.Web(bench, database)
    browser = server.admin()
    socket = live.Live(browser, bench.scope)
    proc.equal(socket.view(), {"ok": True, "mode": "points", "devices": 1}, "the answer to view")
    socket.wait(ident, state="out", out="never")
    tracker = bench.tracker(gw, imei)
    tracker.login()
    tracker.exchange(wire.frame(8, [record(speed=60)]))
    socket.wait(ident, state="moving", lat=546800000, lon=252800000, speed=60, online=True)
    tracker.exchange(wire.frame(8, [record(lat=54.69, speed=0, ago=-1)]))
    socket.wait(ident, state="standing", lat=546900000)
    proc.equal(socket.names[0]["imei"], imei, "the name of the number")
    got = browser.get("/devices/imei:%s" % imei)
    proc.equal((got["state"], got["latitude"], got["online"]), ("standing", 54.69, True), "GET /devices/imei:...")
    state = browser.get("/devices/%s/state" % ident)
    proc.equal(state["session"]["gateway"], "e2e", "the session's gateway")
    tracker.close()
    socket.wait(ident, online=False)


def test_states(bench):
    """A device is silent on the map exactly when it is in SQL, by records alone; one with a wrong clock is marked."""
    database = bench.database()
    many = imeis(8)
    database.add_devices(many)
    ids = database.query("SELECT id FROM devices ORDER BY id").split()
    database.query("INSERT INTO omnitrack.device_groups SELECT id, 1 FROM devices")
    # Minutes since the last record (null: never), the last sign of life, the session's begin; km/h; is the clock ahead?
    facts = [("0", "0", "60", "50", False), ("11", "0", "60", "50", False), ("11", "0", "60", "0", False),
             ("1441", "0", "60", "0", False), ("null", "0", "5", "0", False), ("null", "0", "1441", "0", False),
             ("-5", "1450", "1450", "0", False), ("0", "0", "60", "0", True)]
    for ident, (record, seen, begin, speed, ahead) in zip(ids, facts):
        database.query("INSERT INTO device_online (device_id, recorded_at, last_record_at, last_seen_at, connected_at, latitude,"
                       " longitude, speed, heading, online, clock_ahead, updated_at) SELECT %s, t, t, now() - %s * interval '1 min',"
                       " now() - %s * interval '1 min', 54, 25, %s, 0, true, %s, clock_timestamp() FROM (SELECT now() -"
                       " %s * interval '1 min' AS t) AS q" % (ident, seen, begin, speed, "'1 hour'" if ahead else "NULL", record))
    browser = web.Web(bench, database).admin()
    socket = live.Live(browser, bench.scope)
    socket.view()
    proc.wait_until(lambda: len(socket.devices) == len(ids), 20, "all are there")
    want = dict(line.split("\t") for line in
                database.query("SELECT device_id, silent FROM telematics_silence() ORDER BY 1").splitlines())
    got = {ident: "t" if socket.devices[ident]["state"] == "silent" else "f" for ident in ids}
    proc.equal(got, want, "who is silent on the map, and in SQL")
    proc.equal([want[i] for i in ids], ["f", "t", "f", "t", "f", "t", "t", "f"], "who is silent")
    proc.equal([i for i in ids if socket.devices[i]["clock_ahead"]], [ids[7]], "whose clock is wrong")
    proc.equal([d["id"] for d in browser.get("/devices")["items"] if d["clockAhead"]], [ids[7]], "and by the API")


def test_tiles(bench):
    """A device that leaves a tile is told there once more, and then in its new tile alone."""
    database = bench.database()
    imei = imeis(1)[0]
    ident = put(database, imei, group=1)
    gw = bench.gateway(database)
    browser = web.Web(bench, database).admin()
    tracker = bench.tracker(gw, imei)
    tracker.login()
    tracker.exchange(wire.frame(8, [record(lat=10.0, lon=10.0, speed=50)]))
    west, east = live.Live(browser, bench.scope), live.Live(browser, bench.scope)
    proc.wait_until(lambda: browser.get("/devices/%s" % ident)["latitude"] == 10, 20, "the first fix is known")
    proc.equal(west.view(["2/2/1"])["devices"], 1, "devices in the western tile")   # 0..90 E, 0..66 N
    proc.equal(east.view(["2/3/1"])["devices"], 0, "devices in the eastern tile")
    tracker.exchange(wire.frame(8, [record(lat=10.0, lon=100.0, speed=50, ago=-1)]))
    west.wait(ident, lon=1000000000)
    east.wait(ident, lon=1000000000)
    seen = len(west.frames)
    tracker.exchange(wire.frame(8, [record(lat=11.0, lon=100.0, speed=50, ago=-2)]))
    east.wait(ident, lat=110000000)
    proc.equal(len(west.frames), seen, "frames of the tile that it has left")


def test_rights(bench):
    """One sees the devices of one's groups; a right that is taken is gone from the socket, also a session that ends."""
    database = bench.database()
    one, two, three = imeis(3)
    admin = web.Web(bench, database).admin()
    north = admin.post("/groups", {"name": "North"}, 201)["id"]
    south = admin.post("/groups", {"name": "South"}, 201)["id"]
    below = admin.post("/groups", {"name": "Harbour", "parent": north}, 201)["id"]
    first, second, alone = put(database, one, below), put(database, two, south), put(database, three)
    proc.wait_until(lambda: len(admin.get("/devices")["items"]) == 3, 20, "the devices are known")
    ann = admin.make_user("ann", (north, "viewer"))
    proc.equal([d["id"] for d in ann.get("/devices")["items"]], [first], "what ann may see")
    for ident in (second, alone):
        ann.get("/devices/%s" % ident, want=404)
    socket = live.Live(ann, bench.scope)
    proc.equal(socket.view()["devices"], 1, "devices of ann's socket")
    socket.wait(first)
    admin.patch("/users/%s" % ann.id, {"roles": [{"group": south, "role": "viewer"}]})
    socket.wait(second)
    proc.wait_until(lambda: first not in socket.devices, 10, "the right that was taken is gone")
    database.query("UPDATE omnitrack.device_groups SET group_id = %s WHERE device_id = %s" % (north, second))
    proc.wait_until(lambda: second not in socket.devices, 10, "a device that left the group is gone")
    proc.check(any("me" in c for c in socket.came("changed")), "the page is told to ask again: %s" % socket.events)
    admin.patch("/users/%s" % ann.id, {"disabled": True})
    proc.check(socket.ended.wait(10 * proc.BUSY), "the socket of a disabled user ends")
    ann.get("/me", want=401)


def test_old_session(bench):
    """An open socket ends with the last day of its session, however much that is used; all of one user's have one bound."""
    database = bench.database()
    server = web.Web(bench, database)
    browser = server.admin()
    sockets = [live.Live(browser, bench.scope) for _ in range(20)]
    for number in range(19):   # a second's worth of one socket
        for socket in sockets:
            socket._send_text('42%d["view",{"tiles":["0/0/0"]}]' % (1000 + number))
    proc.wait_until(lambda: all(1018 in s._acks for s in sockets), 20, "all are answered")
    answers = {s._acks[1000 + n]["ok"] for s in sockets for n in range(19)}
    proc.equal(answers, {True, False}, "answers to 380 views at once")
    database.query("UPDATE omnitrack.web_sessions SET sess = jsonb_set(sess::jsonb, '{signedInAt}', '1')::json;"
                   " NOTIFY telematics_web, 'session:*'")
    for socket in sockets:
        proc.check(socket.ended.wait(10 * proc.BUSY), "the socket ends")
    browser.get("/me", want=401)


def test_strangers(bench):
    """No session, another site's page, nonsense: no socket, or an answer that says no."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    for who, origin in ((web.Browser(server), None), (admin, "http://evil.example"), (admin, "null")):
        try:
            live.Live(who, bench.scope, origin=origin)
        except live.Refused:
            continue
        raise proc.Failure("let in: %s" % origin)
    socket = live.Live(admin, bench.scope)
    for bad in ({}, {"tiles": ["x"]}, {"tiles": ["0/0/0"] * 33}, {"tiles": ["20/1/1"]}, None, 7, {"tiles": [], "x": 1}):
        proc.equal(socket.ask("view", bad)["ok"], False, "view %s" % (bad,))
    proc.equal(socket.ask("trace", {"imei": "1"})["ok"], False, "trace of no IMEI")
    socket.emit("view")
    socket.emit("nonsense", {"a": 1})
    proc.equal(socket.view()["ok"], True, "and it goes on")


def test_database_away(bench):
    """The database goes: the page is told within seconds, requests get 503; it comes back, and so does everything."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    imei = imeis(1)[0]
    ident = put(database, imei, group=1)
    gw = bench.gateway(database)
    server = web.Web(bench, database, WEB_POOL=4)
    browser = server.admin()
    socket = live.Live(browser, bench.scope)
    socket.view()
    socket.wait(ident)
    cluster.stop()
    proc.wait_until(lambda: any(s["state"] == "away" for s in socket.came("status")), 15, "the page is told: away")
    answer = browser.ask("GET", "/devices")
    proc.equal((answer.status, answer.headers["Content-Type"].split(";")[0]), (503, "application/problem+json"), "meanwhile")
    proc.equal(server.ops("/readyz")[0], 503, "/readyz")
    proc.equal(server.ops("/healthz")[0], 200, "/healthz")
    cluster.start()
    proc.wait_until(lambda: socket.came("status")[-1]["state"] == "live", 30, "live again")
    tracker = bench.tracker(gw, imei)
    tracker.login()
    tracker.exchange(wire.frame(8, [record(speed=30)]))
    socket.wait(ident, seconds=30, state="moving")
    browser.get("/devices")


def test_lies(bench):
    """Whoever may connect may notify: what can't be right is dropped and counted, and what could be is healed."""
    database = bench.database()
    imei = imeis(1)[0]
    ident = put(database, imei, group=1)
    database.query("INSERT INTO device_online (device_id, recorded_at, last_record_at, last_seen_at, latitude, longitude,"
                   " speed, heading, updated_at) VALUES (%s, now(), now(), now(), 1, 2, 0, 0, clock_timestamp())" % ident)
    server = web.Web(bench, database)
    socket = live.Live(server.admin(), bench.scope)
    socket.view()
    socket.wait(ident, lat=10000000)
    for bad in ("", "hello", "AQ==", "AgAA", "ping:x"):
        database.query("SELECT pg_notify('telematics_live', '%s')" % bad)
    ahead = ("SELECT pg_notify('telematics_live', replace(encode('\\x01' || set_byte(packed, %d, 127), 'base64'), E'\\n', ''))"
             " FROM omnitrack.live")
    database.query(ahead % 56)   # updated_at far ahead
    proc.wait_until(lambda: server.metric('omnitrack_feed_dropped_total{reason="format"}') >= 3
                    and server.metric('omnitrack_feed_dropped_total{reason="implausible"}') == 1, 10, "dropped and counted")
    database.query(ahead % 20)   # a longitude over 180 degrees
    proc.wait_until(lambda: server.metric('omnitrack_feed_dropped_total{reason="implausible"}') == 2, 10, "dropped")
    database.query("SELECT pg_notify('telematics_live', replace(encode('\\x01' || set_byte(packed, 17, 1), 'base64'),"
                   " E'\\n', '')) FROM omnitrack.live")
    proc.wait_until(lambda: socket.devices[ident]["lat"] != 10000000, 10, "the lie is believed")
    socket.wait(ident, seconds=30, lat=10000000)


def test_resume(bench):
    """A client that comes back to the same process gets what has changed, and not the world."""
    database = bench.database()
    many = imeis(20)
    database.add_devices(many)
    database.query("INSERT INTO omnitrack.device_groups SELECT id, 1 FROM devices")
    gw = bench.gateway(database)
    browser = web.Web(bench, database).admin()
    socket = live.Live(browser, bench.scope)
    proc.equal(socket.view()["devices"], 20, "devices")
    proc.wait_until(lambda: len(socket.devices) == 20, 20, "all are there")
    as_of, epoch = socket.frames[-1][2], socket.hello["epoch"]
    time.sleep(6)   # longer than the overlap of differences
    as_of = max(as_of, time.time() * 1000 - 500)
    socket.close()
    tracker = bench.tracker(gw, many[3])
    tracker.login()
    tracker.exchange(wire.frame(8, [record(speed=40)]))
    proc.wait_until(lambda: browser.get("/devices?state=moving")["items"], 20, "it moves")
    back = live.Live(browser, bench.scope)
    proc.equal(back.hello["epoch"], epoch, "the epoch of the same process")
    back.view(since=as_of, epoch=epoch)
    proc.wait_until(lambda: back.frames, 10, "a frame")
    proc.equal((back.frames[0][1], len(back.frames[0][3])), (0, 1), "kind and number of devices of the first frame")
    other = live.Live(browser, bench.scope)
    other.view(since=as_of, epoch="another")
    proc.wait_until(lambda: other.frames, 10, "a frame")
    proc.equal((other.frames[0][1], len(other.frames[0][3])), (1, 20), "with another epoch: everything")


def test_hidden(bench):
    """A hidden tab is sent nothing; when it is seen again it gets one difference, and then goes on."""
    database = bench.database()
    many = imeis(20)
    database.add_devices(many)
    database.query("INSERT INTO omnitrack.device_groups SELECT id, 1 FROM devices")
    gw = bench.gateway(database)
    browser = web.Web(bench, database).admin()
    seen, hidden = live.Live(browser, bench.scope), live.Live(browser, bench.scope)
    for socket in (seen, hidden):
        socket.view()
        proc.wait_until(lambda socket=socket: len(socket.devices) == 20, 20, "all are there")
    tracker = bench.tracker(gw, many[3])
    tracker.login()
    turns = [0]

    def moved():
        """The tracker drives on; True when differences, which overlap, no longer reach back to the beginning."""
        turns[0] += 1
        lat = 54.0 + turns[0] / 100
        tracker.exchange(wire.frame(8, [record(lat=lat, speed=40, ago=-turns[0])]))
        proc.wait_until(lambda: any(d["lat"] == round(lat * 1e7) for d in seen.devices.values()), 10, "it is seen to move")
        return seen.frames[-1][2] - seen.frames[0][2] > 7000
    proc.wait_until(moved, 30, "some seconds go by", every=0.5)
    hidden.emit("pause")
    had = len(hidden.frames)
    for _ in range(4):
        moved()
    before = len(hidden.frames)
    proc.check(before <= had + 1, "frames while it was hidden: %d" % (before - had))
    hidden.emit("resume")
    proc.wait_until(lambda: len(hidden.frames) > before, 10, "a difference")
    kind, devices = hidden.frames[before][1], hidden.frames[before][3]
    proc.equal((kind, len(devices)), (0, 1), "kind and number of devices of the frame")
    moved()
    proc.wait_until(lambda: hidden.devices == seen.devices, 10, "it goes on")


def test_trace(bench):
    """A page follows a tracker live; who may not is refused, and closing the page ends the child."""
    database = bench.database()
    imei = imeis(1)[0]
    ident = put(database, imei, group=1)
    control = os.path.join(proc.scratch(bench.scope), "control")
    gw = bench.gateway(database, TELEM_CONTROL_SOCKET=control)
    server = web.Web(bench, database, control=control)
    admin = server.admin()
    viewer = live.Live(admin.make_user("view", ("1", "viewer")), bench.scope)
    proc.equal(viewer.ask("trace", {"imei": imei})["ok"], False, "a viewer")
    socket = live.Live(admin, bench.scope)
    proc.equal(socket.ask("trace", {"imei": imei}), {"ok": True}, "an administrator")
    tracker = bench.tracker(gw, imei)

    def seen():
        # The child may not follow yet when the first frame comes.
        tracker.exchange(wire.frame(8, [record(speed=60)]))
        return [line for line in socket.came("trace") if line["event"] == "ack"]
    tracker.login()
    proc.wait_until(seen, 20, "the acknowledgement in the trace", every=0.3)
    proc.wait_until(lambda: server.children(), 5, "a child")
    socket.close()
    proc.wait_until(lambda: not server.children(), 10, "the child ends with the page")
    proc.equal(database.number("SELECT count(*) FROM omnitrack.audit WHERE action = 'device.trace' AND object_id = '%s'"
                               % imei), 1, "audit")
    proc.check(ident, "there")


def test_trace_of_what_left(bench):
    """A trace ends when its device leaves the groups where one may, and when a group leaves its place in the tree."""
    database = bench.database()
    imei = imeis(1)[0]
    control = os.path.join(proc.scratch(bench.scope), "control")
    gw = bench.gateway(database, TELEM_CONTROL_SOCKET=control)
    server = web.Web(bench, database, control=control)
    admin = server.admin()
    north, south = [admin.post("/groups", {"name": n}, 201)["id"] for n in ("North", "South")]
    inner = admin.post("/groups", {"name": "Inner", "parent": north}, 201)["id"]
    ident = admin.post("/devices", {"imei": imei, "group": north}, 201)["id"]
    # Sees all groups whatever happens, so that nothing but the right to trace is lost.
    socket = live.Live(admin.make_user("inst", (north, "installer"), ("1", "viewer")), bench.scope)
    for change in (lambda: admin.patch("/devices/" + ident, {"group": south}),
                   lambda: admin.patch("/groups/" + inner, {"parent": south})):
        ended = len(socket.came("traceEnd"))
        proc.equal(socket.ask("trace", {"imei": imei}), {"ok": True}, "an installer of the group")
        proc.wait_until(lambda: server.children(), 5, "a child")
        change()
        proc.wait_until(lambda: len(socket.came("traceEnd")) > ended and not server.children(), 5, "the end of the trace")
        proc.equal(socket.ask("trace", {"imei": imei})["ok"], False, "another one")
        admin.patch("/devices/" + ident, {"group": inner})
    proc.check(not gw.process.exited(), "the gateway runs")


def test_slow_client(bench):
    """Who doesn't read leaves the rooms, gets one difference when it reads again, and is cut off in the end."""
    database = bench.database()
    many = 4000
    database.query("INSERT INTO devices (imei, name) SELECT 350000000000000 + n, repeat('long name ', 20) FROM"
                   " generate_series(1, %d) AS n; INSERT INTO omnitrack.device_groups SELECT id, 1 FROM devices" % many)
    server = web.Web(bench, database)
    admin = server.admin()
    good = live.Live(admin, bench.scope)
    good.view()
    proc.wait_until(lambda: len(good.devices) == many, 20, "the good one has all")
    turns = [0]

    def stalled():
        """One more change of everything; True when a client no longer reads what it is sent."""
        seen = len(good.frames)
        turns[0] += 1
        database.query("UPDATE devices SET name = '%d ' || repeat('y', 200)" % turns[0])
        proc.wait_until(lambda: len(good.frames) > seen, 10, "a frame")
        return server.metric("omnitrack_live_stalled") == 1
    slow = live.Live(admin, bench.scope, buffer=4096)
    slow.view()
    slow.stop_reading()
    proc.wait_until(stalled, 60, "the slow one is seen to be slow")
    slow.go_on()
    proc.wait_until(lambda: server.metric("omnitrack_live_stalled") == 0, 20, "it reads again")
    want = "%d y" % turns[0]
    proc.wait_until(lambda: len(slow.devices) == many and all(n["name"].startswith(want) for n in slow.names.values()), 20,
                    "it has what it has missed")
    slow.stop_reading()
    proc.wait_until(stalled, 60, "it is slow again")
    proc.wait_until(lambda: server.metric("omnitrack_live_cut_total") == 1, 45, "it is cut off", every=0.5)
    proc.equal(good.ended.is_set(), False, "the others stay")


def test_dumb_listen(bench):
    """Where notifications are not heard, the fleet is asked for each second, and rights hold all the same."""
    database = bench.database()
    imei = imeis(1)[0]
    ident = put(database, imei, group=1)
    gw = bench.gateway(database)
    pooler = deaf.Pooler(bench.scope, database.cluster)
    url = web.role(bench, database).replace("host=" + database.cluster.socket, "host=" + pooler.folder)
    server = web.Web(bench, database, url=url)
    admin = server.admin()
    ann = admin.make_user("ann", ("1", "viewer"))
    socket = live.Live(ann, bench.scope)
    socket.view()
    proc.equal(socket.hello["status"]["way"], "poll", "how it is fed")
    tracker = bench.tracker(gw, imei)
    tracker.login()
    tracker.exchange(wire.frame(8, [record(speed=60)]))
    socket.wait(ident, state="moving")
    database.query("DELETE FROM omnitrack.roles WHERE user_id = %s" % ann.id)
    proc.wait_until(lambda: ident not in socket.devices, 5, "the right that was taken is gone")


def test_stop(bench):
    """SIGTERM: clients are told to come back, each at a time of its own, and the process ends well."""
    server = web.Web(bench, bench.database())
    admin = server.admin()
    sockets = [live.Live(admin, bench.scope) for _ in range(5)]
    server.stop()
    times = {s.came("bye")[0]["retryMs"] for s in sockets if proc.wait_until(lambda s=s: s.came("bye"), 5, "bye")}
    proc.check(len(times) > 1, "times to come back: %s" % times)


suite.main(globals())
