#!/usr/bin/env python3
"""The API for those who run a fleet: API tokens, events, quarantine, Fleet health, imports and changes of many devices."""
import os
import select
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, web, wire
from lib.fleet import imeis

web.need()


def quarantine(database, imei, reason, frame):
    """A row as the gateway writes it; returns its id."""
    return database.query(
        "INSERT INTO device_ingest_raw (imei, reason, frame, frame_hash, received_at, last_seen_at) VALUES"
        " ('%s', '%s', '\\x%s', (SELECT count(*) FROM device_ingest_raw), now(), now()) RETURNING id"
        % (imei, reason, frame.hex()))


def two_groups(bench, admin):
    """Ids of two groups, and an installer of each."""
    groups = [admin.post("/groups", {"name": name}, 201)["id"] for name in ("North", "South")]
    return groups, [admin.make_user(name, (g, "installer")) for name, g in zip(("nora", "sam"), groups)]


def test_tokens(bench):
    """A token is shown once, does what its scopes say, makes no other, and ends at once when it is revoked."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    ann = admin.make_user("ann", ("1", "viewer"))
    for body in ({"name": "x", "scopes": [], "expiresInDays": 1}, {"name": "x", "scopes": ["all"], "expiresInDays": 1},
                 {"name": "", "scopes": ["read"], "expiresInDays": 1}, {"name": "x", "scopes": ["read"], "expiresInDays": 400}):
        ann.post("/tokens", body, 400)
    made = ann.post("/tokens", {"name": "report", "scopes": ["read"], "expiresInDays": 30}, 201)
    secret = made.pop("token")
    proc.equal(ann.get("/tokens")["items"], [made], "listed, without its secret")
    proc.check(secret not in database.query("SELECT row_to_json(t) FROM omnitrack.api_tokens t")
               and secret not in database.query("SELECT string_agg(details::text, '') FROM omnitrack.audit")
               and secret not in server.log_text(), "the secret is kept nowhere")
    program = web.Browser(server, token=secret)
    proc.equal(program.get("/me")["login"], "ann", "who asks")
    program.patch("/me", {"name": "A"}, 403)
    writer = web.Browser(server, token=ann.post("/tokens", {"name": "w", "scopes": ["write"], "expiresInDays": 1}, 201)["token"])
    writer.patch("/me", {"name": "A"})
    writer.post("/tokens", {"name": "another", "scopes": ["write"], "expiresInDays": 366}, 403)
    writer.delete("/tokens/" + made["id"], 403)
    bob = admin.make_user("bob", ("1", "installer"))
    bob.delete("/tokens/" + made["id"], 404)
    bob.get("/tokens?user=" + ann.id, 403)
    proc.equal(len(admin.get("/tokens?user=" + ann.id)["items"]), 2, "an administrator sees them")
    admin.delete("/tokens/" + made["id"])
    program.get("/me", 401)
    # In the address it counts for nothing.
    proc.equal(web.Browser(server).ask("GET", "/me?token=" + secret).status, 401, "not in the address")
    deeds = [(a["action"], a["login"]) for a in admin.get("/audit?object=token:" + made["id"])["items"]]
    proc.equal(deeds, [("token.revoke", "admin"), ("token.create", "ann")], "audit")


def test_events(bench):
    """What happened to devices comes by arrival: filters, pages, what is new since the last answer, and one's own groups alone."""
    database = bench.database()
    gw = bench.gateway(database)
    server = web.Web(bench, database)
    admin = server.admin()
    groups, (nora, sam) = two_groups(bench, admin)
    one, two = imeis(2)
    first = admin.post("/devices", {"imei": one, "group": groups[0], "name": "One", "model": "FMB920"}, 201)["id"]
    admin.post("/devices", {"imei": two, "group": groups[1], "model": "FMB920"}, 201)
    now = int(time.time() * 1000)

    def send(imei, *events):
        tracker = bench.tracker(gw, imei)
        tracker.login()
        records = [wire.Record(now + n, 54.5, 25.5, sats=7, priority=p, event=e, io=[(e, b"\x01")]) for n, p, e in events]
        proc.equal(tracker.exchange(wire.frame(8, records)), len(records), "ACK")
        tracker.close()
    send(one, (0, 0, 239), (1, 2, 246), (2, 0, 0))
    send(two, (0, 0, 239))
    got = admin.get("/events")
    proc.equal(sorted((e["kind"], e["imei"]) for e in got["items"]),
               sorted([("ignition_on", one), ("towing", one), ("ignition_on", two)]), "all")
    proc.equal([e["deviceName"] for e in nora.get("/events")["items"]], ["One", "One"], "of one's own group")
    nora.get("/events?device=imei:" + two, 404)
    for query, many in (("severity=alarm", 1), ("kind=ignition_on", 2), ("kind=ignition_on,towing&severity=info,warning,alarm", 3),
                        ("severity=alarm,warning", 1), ("kind=ignition_on&severity=alarm", 0), ("kind=io_9999", 0),
                        ("from=2020-01-01T00:00:00Z", 3), ("to=2020-01-01T00:00:00Z", 0), ("to=2999-01-01T00:00:00Z", 3),
                        ("group=" + groups[1], 1), ("device=" + first, 2), ("kind=nothing", 0)):
        proc.equal(len(admin.get("/events?" + query)["items"]), many, query)
    proc.check(got["next"] is None and got["lookedBackTo"] < got["items"][-1]["receivedAt"], "all of a month was looked at: %s" % got)
    pages, path = [], "/events?limit=1"
    while path:
        page = admin.get(path)
        pages += [e["id"] for e in page["items"]]
        path = page["next"] and "/events?limit=1&cursor=" + page["next"]
    proc.equal(pages, [e["id"] for e in got["items"]], "page by page")
    # One that the tracker sends late is new, though it is old.
    send(one, (-86400000, 0, 239))
    later = admin.get("/events?arrivedAfter=" + got["asOf"])
    fresh = [e for e in later["items"] if e["id"] not in pages]
    proc.equal([e["receivedAt"] > got["asOf"] for e in fresh], [True], "what is new: %s" % later)
    proc.equal(len(admin.get("/devices/%s/events?severity=alarm" % first)["items"]), 1, "of one device")
    for query in ("severity=panic", "cursor=1.2.3", "arrivedAfter=now", "kind=A"):
        admin.get("/events?" + query, 400)


def test_quarantine(bench):
    """Frames are listed with what they say, for who may; marked, the gateway decodes or drops them and says what became of it."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    groups, (nora, sam) = two_groups(bench, admin)
    imei = imeis(1)[0]
    admin.post("/devices", {"imei": imei, "group": groups[0], "name": "One"}, 201)
    record = wire.Record(int(time.time() * 1000), 54.5, 25.5, sats=7, io=[(239, b"\x01")])
    good = quarantine(database, imei, "codec", wire.frame(8, [record]))
    bad = quarantine(database, imei, "crc", b"\x00\x01")
    text = quarantine(database, imei, "codec", wire.message(12, 6, b"password=secret"))
    stranger = quarantine(database, "359999999999999", "structure", wire.frame(8, [record]))
    quarantine(database, imei, "raw", wire.frame(8, [record]))
    proc.equal([f["id"] for f in admin.get("/quarantine")["items"]], [stranger, text, bad, good], "all")
    proc.equal([f["id"] for f in nora.get("/quarantine?limit=2")["items"]], [text, bad], "of one's own group")
    proc.equal(sam.get("/quarantine")["items"], [], "of another group")
    sam.get("/quarantine/" + good, 404)
    nora.get("/quarantine/" + stranger, 404)
    proc.equal([f["id"] for f in nora.get("/quarantine?reason=crc&imei=" + imei)["items"]], [bad], "filtered")
    shown = nora.get("/quarantine/" + good)
    proc.equal((shown["codec"], shown["deviceName"], shown["decoded"]["records"][0]["latitude"]), (8, "One", 54.5),
               "what it says: %s" % shown)
    hidden = nora.get("/quarantine/" + text)
    proc.equal((hidden["hex"], hidden["decoded"]), (None, None), "a message may hold a password")
    proc.check("secret" in str(admin.get("/quarantine/" + text)["decoded"]), "who may read it")
    proc.equal(sam.post("/quarantine/drop", {"frames": [good]}), {"marked": 0, "refused": [good]}, "not one's own")
    proc.equal(nora.post("/quarantine/decode", {"frames": [good, "999999"]}), {"marked": 1, "refused": ["999999"]}, "decode")
    proc.equal(nora.post("/quarantine/drop", {"frames": [bad]})["marked"], 1, "drop")
    waiting = nora.get("/quarantine/" + good)
    proc.equal((waiting["request"], waiting["requestedBy"]), ("decode", "nora"), "it waits for a gateway")
    bench.gateway(database)
    proc.wait_until(lambda: nora.get("/quarantine/" + good)["result"] == "decoded: 1 stored, 0 were there already", 20, "decoded")
    proc.wait_until(lambda: nora.get("/quarantine/" + bad)["result"] == "dropped", 20, "dropped")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 1, "stored")
    proc.equal([f["id"] for f in nora.get("/quarantine")["items"]], [text], "what is left")
    proc.equal(len(nora.get("/quarantine?done=true")["items"]), 3, "with what is done")
    proc.equal(database.query("SELECT string_agg(action, ' ' ORDER BY id) FROM omnitrack.audit WHERE action LIKE 'quarantine%'"),
               "quarantine.decode quarantine.drop", "audit")


def test_fleet_health(bench):
    """Who is silent by their own rhythm, never seen, in quarantine, with commands that wait; of one's own groups."""
    database = bench.database()
    gw = bench.gateway(database)
    server = web.Web(bench, database)
    admin = server.admin()
    groups, (nora, sam) = two_groups(bench, admin)
    some = imeis(4)
    ids = [admin.post("/devices", {"imei": i, "group": g}, 201)["id"] for i, g in zip(some, (groups[0],) * 3 + (groups[1],))]
    for imei, age in zip(some[:2], (3 * 86400, 60)):
        tracker = bench.tracker(gw, imei)
        tracker.login()
        tracker.exchange(wire.frame(8, [wire.Record(int((time.time() - age) * 1000), 54.5, 25.5, sats=7)]))
        tracker.close()
    quarantine(database, some[1], "crc", b"\x00\x01")
    admin.send_text([ids[2]], "getinfo")
    database.query("ALTER TABLE device_commands DISABLE TRIGGER USER;"
                   " UPDATE device_commands SET created_at = now() - interval '2 hours';"
                   " ALTER TABLE device_commands ENABLE TRIGGER USER")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM telematics_silence() WHERE seen AND silent") == 1, 20, "silent")
    # An answer is kept for some seconds: a process that was never asked has none.
    server = web.Web(bench, database, url=server.url)
    for one in (admin, nora, sam):
        one.port = server.port
    health = nora.get("/fleet/silent")
    proc.equal(health["counts"], {"silent": 1, "never": 1, "nofix": 0, "clock": 0, "quarantined": 1, "commands": 1}, "counts")
    (one,) = health["items"]
    proc.equal((one["device"], one["patienceS"], one["forS"] > 3 * 86400 - 600, one["times"] > 2), (ids[0], 86400, True, True),
               "%s" % one)
    proc.equal([d["device"] for d in nora.get("/fleet/silent?kind=never")["items"]], [ids[2]], "never seen")
    proc.equal([(d["device"], d["count"]) for d in nora.get("/fleet/silent?kind=quarantined")["items"]], [(ids[1], 1)], "quarantine")
    proc.equal([d["device"] for d in nora.get("/fleet/silent?kind=commands")["items"]], [ids[2]], "commands")
    proc.equal(sam.get("/fleet/silent")["counts"]["never"], 1, "of another group")
    page = admin.get("/fleet/silent?kind=never&limit=1")
    rest = admin.get("/fleet/silent?kind=never&limit=1&cursor=" + page["next"])
    proc.equal((sorted(d["device"] for d in page["items"] + rest["items"]), rest["next"]), (sorted(ids[2:]), None), "by pages")
    admin.get("/fleet/silent?cursor=x", 422)


def test_import(bench):
    """A CSV file: what would be done with each line, then all of it or nothing, with one notification, by one's rights."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    groups, (nora, sam) = two_groups(bench, admin)
    one, two, three, four = imeis(4)
    admin.post("/devices", {"imei": one, "group": groups[0], "name": "Old", "plate": "AAA 1", "notes": "keep"}, 201)
    admin.post("/devices", {"imei": two, "group": groups[1]}, 201)
    text = ("\ufeffimei;name;group;plate;enabled\r\n%s;New;North;;\r\n%s;Theirs;;;\r\n%s;\"Van; three\";All/North;BBB 2;no\r\n"
            "%s;x;Nowhere;;\r\n12;;;;\r\n%s;;;;\r\n" % (one, two, three, four, three)).encode()

    def load(who, data, query="", want=200, kind="text/csv"):
        answer = who.ask("POST", "/devices/import?" + query, data, Content_Type=kind)
        proc.equal(answer.status, want, "%s" % answer)
        return answer.json
    dry = load(nora, text, "group=" + groups[0])
    proc.equal([(line["line"], line["outcome"]) for line in dry["lines"]],
               [(2, "update"), (3, "wrong"), (4, "create"), (5, "wrong"), (6, "wrong"), (7, "wrong")], "%s" % dry)
    proc.equal((dry["dryRun"], dry["applied"], dry["create"], dry["update"], dry["wrong"]), (True, False, 1, 1, 4), "counts")
    proc.equal(load(nora, text, "dryRun=false")["applied"], False, "a wrong line stops all")
    proc.equal(database.number("SELECT count(*) FROM devices"), 2, "nothing was done")
    listener = database.session(bench.scope)
    listener.run("LISTEN telematics_web")
    done = load(nora, text, "dryRun=false&skipWrong=true")
    proc.equal((done["applied"], done["create"], done["update"]), (True, 1, 1), "%s" % done)
    told = [line for line in listener.run("SELECT 1") if "Asynchronous" in line and '"device:' in line]
    proc.check(1 <= len(told) <= 3, "notifications: %s" % told)
    changed, made = nora.get("/devices/imei:" + one), nora.get("/devices/imei:" + three)
    proc.equal((changed["name"], changed["plate"], changed["notes"]), ("New", "AAA 1", "keep"), "an empty cell leaves what is there")
    proc.equal((made["name"], made["plate"], made["enabled"], made["group"]), ("Van; three", "BBB 2", False, groups[0]), "made")
    for device, deeds in ((changed, ["device.import", "device.create"]), (made, ["device.import"])):
        found = admin.get("/audit?object=device:" + device["id"])["items"]
        proc.equal([a["action"] for a in found], deeds, "what the audit log says of a device")
    proc.equal(admin.get("/devices/imei:" + two)["name"], None, "another group's")
    proc.equal([line["outcome"] for line in load(nora, "imei,name\n%s,New\n" % one)["lines"]], ["same"], "nothing to do")
    load(nora, "imei\n" + four, want=200)
    proc.equal(load(nora, "imei\n" + four)["lines"][0]["message"], "group: needed", "without a group: an administrator's")
    for data, want in (("name\nx\n", 422), ("imei,imei\n1,2\n", 422), ("imei,size\n", 422), ("", 400), ("imei\n\"1", 422),
                       (b"imei\n\xff\xfe\n", 422)):
        load(nora, data, want=want) if data else proc.check(nora.ask("POST", "/devices/import", "", Content_Type="text/csv").status
                                                            in (400, 415, 422), "nothing")
    load(nora, '{"imei": 1}', want=415, kind="application/json")
    proc.equal(nora.ask("POST", "/devices/import", b"imei\n" + b"1\n" * 10500000, Content_Type="text/csv").status, 413, "21 MB")
    load(nora, "imei\n", "dryRun=maybe", 400)
    deed = database.rows("SELECT user_name, details->>'created', details->>'updated' FROM omnitrack.audit"
                         " WHERE action = 'device.import'")
    proc.equal(deed, [["nora", "1", "1"]], "audit")


def test_import_slow(bench):
    """Files that come slowly keep nobody from importing; they are given up, and that is no fault in the log."""
    server = web.Web(bench, bench.database())
    admin = server.admin()
    one, = imeis(1)
    groups, (nora, sam) = two_groups(bench, admin)

    def slow(who):
        """Sends the half of a file."""
        link = socket.create_connection(("127.0.0.1", server.port), timeout=60 * proc.BUSY)
        bench.scope.later(link.close)
        head = dict(who.headers(), Host="x", **{"Content-Type": "text/csv", "Content-Length": "1000"})
        link.sendall(("POST /api/v1/devices/import HTTP/1.1\r\n%s\r\n\r\nimei\n"
                      % "\r\n".join("%s: %s" % h for h in head.items())).encode())
        return link
    links = [slow(nora) for _ in range(3)]
    load = "/devices/import?dryRun=false&group=" + groups[0]
    refused, = select.select(links, [], [], 60 * proc.BUSY)[0]
    proc.check(refused.recv(65536).startswith(b"HTTP/1.1 503 "), "of one person two")
    links.remove(refused)
    answer = admin.ask("POST", load, "imei\n" + one, Content_Type="text/csv")
    proc.equal((answer.status, answer.json["create"]), (200, 1), "another's, meanwhile")
    for link in links:
        answer = link.recv(65536).decode()
        proc.check(answer.startswith("HTTP/1.1 408 "), "given up: %s" % answer)
    # Of what was broken off nothing stays.
    for _ in range(4):
        slow(nora).close()
    proc.wait_until(lambda: nora.ask("POST", load, "imei\n" + one, Content_Type="text/csv").status == 200, 10, "its turn again")
    proc.check('"level":"error"' not in server.log_text(), "errors stand in the log")


def test_import_many(bench):
    """Twenty thousand devices in one file are known to this process when it answers, and to another within moments."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    other = web.Web(bench, database, url=server.url)
    text = "imei,name\n" + "".join("3500000%08d,Van %d\n" % (n, n) for n in range(20000))
    answer = admin.ask("POST", "/devices/import?dryRun=false&group=1", text, Content_Type="text/csv")
    proc.equal((answer.status, answer.json["create"]), (200, 20000), answer.text[:300])
    proc.equal(admin.get("/fleet/summary")["devices"], 20000, "here")
    there = web.Browser(other)
    there.cookie = admin.cookie
    proc.wait_until(lambda: there.get("/fleet/summary")["devices"] == 20000, 20, "in another process")


def test_bulk(bench):
    """The same change to many devices: what would become of each, then in one transaction; not to those of others."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    groups, (nora, sam) = two_groups(bench, admin)
    some = imeis(3)
    ids = [admin.post("/devices", {"imei": i, "group": g}, 201)["id"] for i, g in zip(some, (groups[0], groups[0], groups[1]))]
    body = {"devices": ids[:1] + ["imei:" + some[1], ids[2], ids[0]], "change": {"model": "FMC130", "category": "truck"}}
    dry = nora.post("/devices/bulk", dict(body, dryRun=True))
    proc.equal([i["outcome"] for i in dry["items"]], ["would-change", "would-change", "refused", "refused"], "%s" % dry)
    proc.equal(nora.get("/devices/" + ids[0])["model"], None, "nothing is done")
    done = nora.post("/devices/bulk", body)
    proc.equal((done["changed"], done["refused"]), (2, 2), "%s" % done)
    proc.equal([(d["model"], d["category"]) for d in nora.get("/devices")["items"]], [("FMC130", "truck")] * 2, "changed")
    proc.equal(admin.get("/devices/" + ids[2])["model"], None, "another group's")
    nora.post("/devices/bulk", dict(body, change={"group": groups[1]}), 422)
    nora.post("/devices/bulk", dict(body, change={"group": None}), 403)
    nora.post("/devices/bulk", dict(body, change={}), 422)
    admin.post("/devices/bulk", {"devices": ids, "change": {"enabled": False, "group": groups[1]}})
    proc.equal(admin.get("/fleet/summary")["out"]["disabled"], 3, "disabled")
    proc.equal(len(sam.get("/devices")["items"]), 3, "moved")
    for change, want in (({"model": "a\0b"}, 400), ({"category": "x" * 33}, 400), ({"name": "x"}, 400), ({"model": " "}, 200)):
        proc.equal(admin.ask("POST", "/devices/bulk", {"devices": ids, "change": change}).status, want, "%s" % change)
    proc.equal(admin.get("/devices/" + ids[0])["model"], None, "nothing written, nothing known")
    for silent in (None, True, "5", -1):
        admin.post("/devices/bulk", {"filter": {"silentForS": silent}, "change": {"enabled": True}}, 400)
    # What was done to many was done to each, also page by page; the third was refused, or was so already.
    log = "/audit?object=device:"
    deeds = [[a["action"] for a in admin.get(log + i)["items"]] for i in (ids[0], ids[2])]
    proc.equal(deeds, [["device.bulk"] * 3 + ["device.create"], ["device.bulk", "device.create"]], "audit")
    first = admin.get(log + ids[0] + "&limit=2")
    rest = admin.get("%s%s&limit=2&cursor=%s" % (log, ids[0], first["next"]))
    proc.equal([a["action"] for a in first["items"] + rest["items"]], deeds[0], "by pages")
    proc.equal([a["object"] for a in rest["items"]], [None, "device:" + ids[0]], "what it is about")


def test_group_gone(bench):
    """A group that goes while devices are put into it is no group any more: that is said, and nothing is done."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    one, two = imeis(2)
    device = admin.post("/devices", {"imei": one, "group": "1"}, 201)["id"]
    for method, path, body, more in (
            ("POST", "/devices", lambda g: {"imei": two, "group": g}, {}),
            ("PATCH", "/devices/" + device, lambda g: {"group": g}, {}),
            ("POST", "/devices/bulk", lambda g: {"devices": [device], "change": {"group": g}}, {}),
            ("POST", "/devices/import?dryRun=false", lambda g: "imei,group\n%s,Gone\n" % one, {"Content_Type": "text/csv"})):
        group = admin.post("/groups", {"name": "Gone"}, 201)["id"]
        other = database.session(bench.scope)
        other.run("BEGIN; DELETE FROM omnitrack.groups WHERE id = %s;" % group)
        answers = []
        asked = threading.Thread(target=lambda: answers.append(admin.ask(method, path, body(group), **more)))
        asked.start()
        proc.wait_until(lambda: database.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == 1, 20,
                        "it waits for the other")
        other.run("COMMIT;")
        asked.join()
        proc.equal((answers[0].status, answers[0].json["detail"]), (422, "group: there is no such group"), "%s %s" % (method, path))
    proc.equal([(d["id"], d["group"]) for d in admin.get("/devices")["items"]], [(device, "1")], "nothing is done")


def test_bulk_expected(bench):
    """What a dry run has shown is what is done: not with others that match by then, nor with what has changed meanwhile."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    one, two = [admin.post("/devices", {"imei": i, "group": "1", "name": n, "model": "FMB920"}, 201)["id"]
                for i, n in zip(imeis(2), ("alpha", "beta"))]
    body = {"filter": {"q": "alpha"}, "change": {"enabled": False}}
    dry = admin.post("/devices/bulk", dict(body, dryRun=True))
    proc.equal((dry["toChange"], [i["device"] for i in dry["items"]]), (1, [one]), "%s" % dry)
    admin.patch("/devices/" + one, {"name": "beta"})
    admin.patch("/devices/" + two, {"name": "alpha"})
    admin.post("/devices/bulk", dict(body, expect=dry["tag"]), 409)
    proc.equal(admin.get("/fleet/summary")["out"]["disabled"], 0, "nobody saw that one")
    dry = admin.post("/devices/bulk", dict(body, dryRun=True))
    admin.post("/devices/bulk", dict(body, expect=dry["tag"], change={"enabled": False, "model": None}), 409)
    proc.equal(admin.post("/devices/bulk", dict(body, expect=dry["tag"]))["changed"], 1, "as it was shown")
    proc.equal([admin.get("/devices/" + d)["enabled"] for d in (one, two)], [True, False], "disabled")
    # What the server has not heard of yet counts as well.
    body = {"devices": [one, two], "change": {"model": "FMC130"}}
    dry = admin.post("/devices/bulk", dict(body, dryRun=True))
    other = database.session(bench.scope)
    other.run("BEGIN; UPDATE devices SET device_model = 'FMM003' WHERE id = %s;" % two)
    codes = []
    asked = threading.Thread(target=lambda: codes.append(admin.ask("POST", "/devices/bulk", dict(body, expect=dry["tag"])).status))
    asked.start()
    proc.wait_until(lambda: database.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == 1, 20,
                    "it waits for the other")
    other.run("COMMIT;")
    asked.join()
    proc.equal(codes, [409], "changed under its hands")
    proc.equal(admin.get("/devices/" + one)["model"], "FMB920", "nothing is done")


suite.main(globals())
