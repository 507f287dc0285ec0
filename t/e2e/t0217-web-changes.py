#!/usr/bin/env python3
"""The API when something is changed: texts of one's own, keys of what was not done, what may stand in a field, changes at once."""
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, web
from lib.fleet import imeis

web.need()


def test_text_of_ones_own(bench):
    """It may be the text of a dangerous template: it is confirmed, needs a key, is sent once and expires soon."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    ident = admin.post("/devices", {"imei": imeis(1)[0], "group": "1"}, 201)["id"]
    body = {"text": " setdigout 1", "maxAttempts": 50, "expiresInS": 86400}
    for path, rest in (("/devices/%s/commands" % ident, {}), ("/commands", {"devices": [ident]})):
        told = admin.post(path, dict(body, **rest), 422, Idempotency_Key="k1" + path)
        proc.equal(told["errors"], [{"field": "confirm", "message": "type the first word of the command: setdigout"}], "%s" % told)
        admin.post(path, dict(body, confirm="setdigout 1", **rest), 422, Idempotency_Key="k2" + path)
        admin.post(path, dict(body, confirm="setdigout", **rest), 428)
    proc.equal(database.number("SELECT count(*) FROM device_commands"), 0, "nothing is sent")
    proc.equal(admin.post("/commands", dict(body, devices=[ident], dryRun=True))["items"][0]["outcome"], "would-queue", "a preview")
    admin.post("/devices/%s/commands" % ident, dict(body, confirm="setdigout"), 201, Idempotency_Key="k3")
    row = database.rows("SELECT max_attempts, expires_at <= created_at + interval '10 minutes 5 s' FROM device_commands")
    proc.equal(row, [["1", "t"]], "attempts, expiry")
    admin.post("/commands", {"devices": [ident], "text": "  "}, 422)


def test_key_of_what_was_not_done(bench):
    """What was refused, or failed, was not done: under the same key it is tried again; what was done is not."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    ident = admin.post("/devices", {"imei": imeis(1)[0], "group": "1", "enabled": False}, 201)["id"]
    template = admin.post("/command-templates", {"name": "T", "text": "getinfo"}, 201)["id"]
    one, many = "/devices/%s/commands" % ident, {"devices": [ident], "template": template}
    admin.post(one, {"template": template}, 403, Idempotency_Key="one")
    proc.equal(admin.post("/commands", many, Idempotency_Key="many")["refused"], 1, "a disabled device")
    admin.patch("/devices/" + ident, {"enabled": True})
    sent = admin.post(one, {"template": template}, 201, Idempotency_Key="one")
    proc.equal(admin.post(one, {"template": template}, 201, Idempotency_Key="one"), sent, "again: the first answer")
    proc.equal(admin.post("/commands", many, Idempotency_Key="many")["queued"], 1, "enabled")
    role = server.url.split("user=")[1]
    database.query("REVOKE INSERT ON omnitrack.audit FROM " + role)
    admin.post(one, {"template": template}, 500, Idempotency_Key="failed")
    database.query("GRANT INSERT ON omnitrack.audit TO " + role)
    admin.post(one, {"template": template}, 201, Idempotency_Key="failed")
    proc.equal(database.number("SELECT count(*) FROM device_commands"), 3, "commands")
    # A process that died between has left a key without an answer.
    database.query("UPDATE omnitrack.idempotency_keys SET response = NULL, key = replace(key, ':one', ':dead')"
                   " WHERE key LIKE '%:one'")
    admin.post(one, {"template": template}, 409, Idempotency_Key="dead")
    database.query("UPDATE omnitrack.idempotency_keys SET created_at = created_at - interval '2 minutes' WHERE key LIKE '%:dead'")
    admin.post(one, {"template": template}, 201, Idempotency_Key="dead")
    proc.equal(database.number("SELECT count(*) FROM omnitrack.idempotency_keys WHERE response IS NULL"), 0, "keys without an answer")


def test_what_may_stand_there(bench):
    """Names that show nothing, halves of characters, cursors and zones that do not exist are refused, with the field."""
    server = web.Web(bench, bench.database())
    admin = server.admin()
    one, two = imeis(2)
    device = "/devices/" + admin.post("/devices", {"imei": one, "name": "\U0001f69b Łódź"}, 201)["id"]
    group = admin.post("/groups", {"name": "North"}, 201)["id"]

    def refused(method, path, body, field, status=422):
        answer = admin.ask(method, path, body)
        proc.equal((answer.status, [e["field"] for e in answer.json.get("errors", [])]), (status, [field]), "%s %s: %s" % (path, body, answer))
    for name in ("\u200b", "a\u200fb", "\u2800", "a\ufeffb", "\u3164", "x\ud800"):
        refused("POST", "/groups", {"name": name}, "name")
        refused("POST", "/users", {"login": "l" + name, "name": "x"}, "login")
        refused("PATCH", device, {"name": "x" + name}, "name")
    refused("PATCH", device, {"notes": "x\udfff"}, "notes")
    proc.equal(admin.patch(device, {"notes": "\U0001f468\u200d\U0001f467"})["notes"], "\U0001f468\u200d\U0001f467", "whole ones")
    refused("PATCH", "/me", {"settings": {"timeZone": "Mars/Olympus"}}, "settings.timeZone")
    proc.equal(admin.patch("/me", {"settings": {"timeZone": "Europe/Vilnius"}})["settings"]["timeZone"], "Europe/Vilnius", "a zone")
    refused("GET", "/events?cursor=1.1.9999999999999999999.1", None, "cursor")
    refused("GET", device + "/events?cursor=1.-9999999999999999999", None, "cursor")
    admin.get(device + "/events?cursor=1.-9223372036854775808")
    admin.post("/command-templates", {"name": "T", "text": "x"}, 201)
    for path, body, field in (("/groups", {"name": "North"}, "name"), ("/users", {"login": "admin", "name": "x"}, "login"),
                              ("/devices", {"imei": one}, "imei"), ("/command-templates", {"name": "T", "text": "x"}, "name")):
        refused("POST", path, body, field, 409)
        proc.check("detail" in admin.ask("POST", path, body).json, "%s: what to do" % path)
    for n in range(3):
        admin.post("/groups", {"name": "G%d" % n}, 201)
        admin.post("/command-templates", {"name": "T%d" % n, "text": "x"}, 201)
    for path in ("/groups", "/command-templates"):
        names = [i["name"] for i in admin.get(path)["items"]]
        pages, ask = [], path + "?limit=2"
        while ask:
            page = admin.get(ask)
            proc.check(len(page["items"]) <= 2, "%s: %s" % (ask, page))
            pages += [i["name"] for i in page["items"]]
            ask = page["next"] and path + "?limit=2&cursor=" + page["next"]
        proc.equal(pages, names, "by pages")
        refused("GET", path + "?cursor=999999", None, "cursor")


def test_changes_at_once(bench):
    """Two changes made for the same state at the same moment: one is done, the other is told."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    imei = imeis(1)[0]
    device = admin.post("/devices", {"imei": imei, "group": "1", "plate": "A", "category": "truck"}, 201)["id"]
    group = admin.post("/groups", {"name": "G"}, 201)["id"]
    user = admin.post("/users", {"login": "ann", "name": "Ann", "roles": [{"group": group, "role": "viewer"}]}, 201)["id"]
    template = admin.post("/command-templates", {"name": "T", "text": "getinfo"}, 201)["id"]
    for table, ident, method, path, body in (
            ("devices", device, "PATCH", "/devices/", {"notes": "%s"}), ("omnitrack.groups", group, "PATCH", "/groups/", {"name": "%s"}),
            ("omnitrack.users", user, "PATCH", "/users/", {"name": "%s"}),
            ("omnitrack.command_templates", template, "PUT", "/command-templates/", {"name": "%s", "text": "x"})):
        tag = admin.ask("GET", path + ident).headers["ETag"]
        holder = database.session(bench.scope)
        holder.run("BEGIN; SELECT 1 FROM %s WHERE id = %s FOR UPDATE" % (table, ident))
        codes = []

        def change(name):
            one = web.Browser(server)
            one.cookie = admin.cookie
            codes.append(one.ask(method, path + ident, {k: v.replace("%s", name) for k, v in body.items()}, If_Match=tag).status)
        threads = [threading.Thread(target=change, args=(name,)) for name in ("one", "two")]
        for t in threads:
            t.start()
        # Both have been read, and compared if they compare too early: they wait for the row.
        proc.wait_until(lambda: database.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == 2, 20,
                        "both wait")
        holder.run("COMMIT")
        for t in threads:
            t.join()
        proc.equal(sorted(codes), [200, 412], "%s%s" % (path, ident))
        tag = admin.ask("GET", path + ident).headers["ETag"]
        admin.ask(method, path + ident, {k: "three" for k in body}, If_Match=tag)
        proc.equal(admin.ask(method, path + ident, {k: "four" for k in body}, If_Match='"%s", %s' % ("x" * 22, tag)).status, 412,
                   "a list of old ones")
        tag = admin.ask("GET", path + ident).headers["ETag"]
        proc.equal(admin.ask(method, path + ident, {k: "five" for k in body}, If_Match='"%s", %s' % ("x" * 22, tag)).status, 200,
                   "a list that has it")


suite.main(globals())
