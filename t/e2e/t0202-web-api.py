#!/usr/bin/env python3
"""The web application's API: other sites, tokens, several processes, devices, commands, users; what is audited."""
import gzip
import http.client
import os
import re
import select
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import live, proc, suite, web, wire
from lib.fleet import imeis

web.need()


def test_audit_or_nothing(bench):
    """What can't be written into the audit log isn't done."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    one, two = imeis(2)
    device = admin.post("/devices", {"imei": one, "group": "1"}, 201)["id"]
    group = admin.post("/groups", {"name": "G"}, 201)["id"]
    template = admin.post("/command-templates", {"name": "T", "text": "getinfo"}, 201)["id"]
    user = admin.post("/users", {"login": "ann", "name": "Ann"}, 201)["id"]
    command = admin.send_text([device], "getver")[0]["command"]
    database.query("REVOKE INSERT ON omnitrack.audit FROM %s;" % server.url.split("user=")[1] + " ALTER TABLE omnitrack.audit"
                   " ADD CONSTRAINT full_up CHECK (false) NOT VALID")
    tables = ("devices", "omnitrack.device_details", "omnitrack.groups", "omnitrack.command_templates", "omnitrack.links",
              "device_commands", "omnitrack.api_tokens", "omnitrack.roles")

    def content():
        rows = [database.query("SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM %s t" % t) for t in tables]
        return rows + [database.query("SELECT string_agg(concat(id, login, name, password, disabled), '|' ORDER BY id)"
                                      " FROM omnitrack.users")]
    before = content()
    for method, path, body in (
            ("POST", "/devices", {"imei": two, "group": "1", "notes": "x"}), ("PATCH", "/devices/" + device, {"name": "x"}),
            ("DELETE", "/devices/" + device, None), ("POST", "/groups", {"name": "H"}),
            ("PATCH", "/groups/" + group, {"name": "H"}), ("DELETE", "/groups/" + group, None),
            ("POST", "/command-templates", {"name": "U", "text": "x"}), ("DELETE", "/command-templates/" + template, None),
            ("PUT", "/command-templates/" + template, {"name": "V", "text": "x"}), ("DELETE", "/users/" + user, None),
            ("POST", "/users", {"login": "bob", "name": "Bob"}), ("PATCH", "/users/" + user, {"name": "B", "disabled": True}),
            ("POST", "/users/%s/password-link" % user, None), ("POST", "/devices/%s/commands" % device, {"template": template}),
            ("POST", "/commands/%s/cancel" % command, None),
            ("POST", "/me/password", {"current": web.PASSWORD, "password": "another good one"})):
        proc.check(admin.ask(method, path, body).status >= 400, "%s %s is refused" % (method, path))
        proc.equal(content(), before, "%s %s: nothing is done" % (method, path))


def test_flood_of_notices(bench):
    """Somebody notifies the server as fast as it goes: its work stays bounded, and a change is still heard of within 2 s."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    ann = admin.make_user("ann", ("1", "viewer"))

    def reads():
        return database.number("SELECT coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0) FROM pg_stat_user_tables"
                               " WHERE relname = 'roles'")
    before = reads()
    flood = database.session(bench.scope, user="tg")
    flood.run("\n".join("SELECT pg_notify('telematics_web', k || ':' || %d) FROM unnest('{user,group,device}'::text[]) k;" % n
                        for n in range(1, 2001)))
    proc.wait_until(lambda: server.metric('omnitrack_feed_dropped_total{reason="flood"}') > 0, 20, "the flood is not even read")
    admin.patch("/users/%s" % ann.id, {"roles": [{"group": "1", "role": "operator"}]})
    proc.equal(ann.get("/me")["highest"], "operator", "a change is heard")
    database.query("UPDATE omnitrack.users SET disabled = true WHERE id = " + ann.id)
    proc.wait_until(lambda: ann.ask("GET", "/me").status == 401, 2, "one that only a notice tells of, too")
    proc.check(reads() - before < 100, "roles were read %d times for 6000 notices" % (reads() - before))


def test_other_sites(bench):
    """What another site makes a browser send is refused; a GET changes nothing; a body must be JSON of known fields."""
    server = web.Web(bench, bench.database())
    admin = server.admin()
    own = "http://127.0.0.1:%d" % server.port
    for headers, want in (({"Sec_Fetch_Site": "cross-site"}, 403), ({"Sec_Fetch_Site": "same-site"}, 403),
                          ({"Sec_Fetch_Site": "none"}, 403), ({"Sec_Fetch_Site": None}, 403),
                          ({"Sec_Fetch_Site": None, "Origin": "http://evil.example"}, 403),
                          ({"Sec_Fetch_Site": None, "Origin": own}, 200)):
        answer = admin.ask("PATCH", "/me", {"name": "Eve"}, **headers)
        proc.equal(answer.status, want, "%s: %s" % (headers, answer))
    proc.equal(admin.ask("PATCH", "/me", "name=x", Content_Type="application/x-www-form-urlencoded").status, 415, "a form")
    for body, field in (({"name": "x", "extra": 1}, "extra"), ({"name": ""}, "name"), ({"name": "a\u0000b"}, "name"),
                        ({"settings": {"theme": "pink"}}, "settings.theme")):
        answer = admin.ask("PATCH", "/me", body)
        proc.equal((answer.status, answer.json["errors"][0]["field"]), (400, field), "%s" % body)
        proc.check(answer.json["requestId"] == answer.headers["X-Request-Id"], "requestId")
    for raw, want in (("{", 400), ('"x"', 400), ("x" * 200000, 413)):
        proc.equal(admin.ask("PATCH", "/me", raw, Content_Type="application/json").status, want, raw[:9])
    proc.equal(admin.ask("GET", "/nothing").status, 404, "no such route")
    answer = admin.ask("PUT", "/me", {})
    proc.equal((answer.status, answer.headers["Allow"]), (405, "GET, PATCH, HEAD"), "another method")
    for path in ("/devices/0", "/devices/imei:1", "/devices/%2e%2e", "/devices/1/why/x", "/users/%zz"):
        proc.check(admin.ask("GET", path).status in (400, 404), path)
    for path in ("/devices?limit=0", "/devices?sort=size", "/devices?cursor=!", "/devices?x=1", "/commands?cursor=-1", "/me?x=1"):
        proc.equal(admin.ask("GET", path).status, 400, path)


def test_tokens(bench):
    """A token does what its scopes say, until it ends or its user does; the cookie beside it counts for nothing."""
    database = bench.database()
    server = web.Web(bench, database, WEB_REQUESTS_PER_MINUTE=50)
    admin = server.admin()
    ann = admin.make_user("ann", ("1", "viewer"))

    def token(scopes, until="1 hour"):
        secret = "token-of-%s-%s" % (scopes.strip("{}").replace(",", "-") or "nothing", until.replace(" ", "_")) + "x" * 20
        database.query("INSERT INTO omnitrack.api_tokens (user_id, name, token_hash, scopes, expires_at) VALUES"
                       " (%s, 't', sha256('%s'), '%s', now() + interval '%s')" % (ann.id, secret, scopes, until))
        return web.Browser(server, token=secret)
    reads, writes, nothing, over = token("{read}"), token("{write}"), token("{}"), token("{write}", "-1 hour")
    for who, get, patch in ((reads, 200, 403), (writes, 200, 200), (nothing, 403, 403), (over, 401, 401)):
        proc.equal((who.ask("GET", "/me").status, who.ask("PATCH", "/me", {"name": "Ann"}, Sec_Fetch_Site=None).status),
                   (get, patch), who.token)
    # The administrator's cookie gives the token of a viewer nothing, and is not ended by it.
    writes.cookie = admin.cookie
    proc.equal(writes.get("/me")["login"], "ann", "who asks")
    writes.get("/users", want=403)
    writes.delete("/session")
    admin.get("/users")
    admin.patch("/users/%s" % ann.id, {"disabled": True})
    reads.get("/me", want=401)
    codes = [web.Browser(server, token="y" * 30).ask("GET", "/me").status for _ in range(70)]
    proc.equal((codes[0], codes[-1]), (401, 429), "tokens that are none: %s" % codes)


def test_headers(bench):
    """Pages and answers have their security headers; what is live is not stored."""
    server = web.Web(bench, bench.database())
    browser = web.Browser(server)
    for path in ("/", "/login", "/api/docs", "/api/v1/session"):
        _, _, answer = browser.raw("GET", path)
        policy = answer.headers["Content-Security-Policy"]
        proc.check("default-src 'none'" in policy and "frame-ancestors 'none'" in policy, "%s: %s" % (path, policy))
        proc.check("unsafe" not in policy, policy)
        proc.equal(answer.headers["X-Content-Type-Options"], "nosniff", path)
        proc.equal(answer.headers["Strict-Transport-Security"], None, "no HSTS unless it is asked for")
        proc.equal(answer.headers["X-Powered-By"], None, path)
    proc.equal(answer.headers["Cache-Control"], "no-store", "of the API")


def test_compressed(bench):
    """Scripts and styles go out compressed to whoever takes that, as they are to others, and nothing else by that way."""
    server = web.Web(bench, bench.database())
    anyone = web.Browser(server)
    page = anyone.raw("GET", "/login")[1]
    path = re.search(r'src="(/assets/[^"]+\.js)"', page).group(1)

    def fetch(method="GET", path=path, **headers):
        link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30 * proc.BUSY)
        link.request(method, path, headers=headers)
        answer = link.getresponse()
        body = answer.read()
        link.close()
        return answer.status, answer.headers, body

    status, plain, text = fetch()
    proc.equal((status, plain["Content-Encoding"]), (200, None), "for one that takes nothing")
    for method in ("GET", "HEAD"):
        status, packed, body = fetch(method, **{"Accept-Encoding": "gzip, deflate, br"})
        proc.equal((status, packed["Content-Encoding"], packed["Content-Type"], packed["Cache-Control"]),
                   (200, "gzip", plain["Content-Type"], plain["Cache-Control"]), "%s by one that takes gzip" % method)
        proc.check("accept-encoding" in packed["Vary"].lower() and "accept-encoding" in plain["Vary"].lower(), "Vary")
        if method == "GET":
            proc.equal(gzip.decompress(body), text, "the same")
            proc.check(len(body) < len(text) / 2, "%d of %d bytes" % (len(body), len(text)))
    proc.equal(fetch(path="/assets/none.js", **{"Accept-Encoding": "gzip"})[0], 404, "what is not there")


def test_two_processes(bench):
    """What one process is told, the other knows within moments: sessions, rights, devices."""
    database = bench.database()
    first = web.Web(bench, database)
    second = web.Web(bench, database, url=first.url)
    admin = first.admin()
    ann = admin.make_user("ann", ("1", "viewer"))
    there = web.Browser(second)
    there.cookie = ann.cookie
    proc.equal(there.get("/me")["highest"], "viewer", "the session holds in the other process")
    admin.patch("/users/%s" % ann.id, {"roles": [{"group": "1", "role": "operator"}]})
    proc.wait_until(lambda: there.get("/me")["highest"] == "operator", 2, "the new role")
    ident = admin.post("/devices", {"imei": imeis(1)[0], "group": "1", "name": "New"}, 201)["id"]
    proc.wait_until(lambda: there.ask("GET", "/devices/" + ident).status == 200, 5, "the new device")
    admin.delete("/users/%s" % ann.id)
    proc.wait_until(lambda: there.ask("GET", "/me").status == 401, 2, "a deleted user is out")


def test_rights_unreadable(bench):
    """A user who is disabled while rights can't be read is out as soon as they can, though nothing tells of it again."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    ann = admin.make_user("ann", ("1", "viewer"))
    socket = live.Live(ann, bench.scope)
    holder = database.session(bench.scope)
    holder.run("BEGIN; LOCK TABLE omnitrack.groups IN ACCESS EXCLUSIVE MODE")
    database.query("UPDATE omnitrack.users SET disabled = true WHERE id = %s" % ann.id)
    proc.wait_until(lambda: '"message":"a notice"' in server.log_text(), 20, "reading has failed")
    holder.run("ROLLBACK")
    ann.get("/me", want=401)
    proc.check(socket.ended.wait(10 * proc.BUSY), "the socket of a disabled user ends")


def test_devices(bench):
    """Registered, found, changed with a check for who was faster, deleted; and the audit log knows."""
    server = web.Web(bench, bench.database())
    admin = server.admin()
    one, two = imeis(2)
    made = admin.post("/devices", {"imei": one, "name": " Van 1 ", "plate": "ABC 123", "group": "1", "model": "FMC130"}, 201)
    proc.equal((made["name"], made["state"], made["out"]), ("Van 1", "out", "never"), "made")
    admin.post("/devices", {"imei": one}, 409)
    admin.post("/devices", {"imei": "12"}, 400)
    admin.post("/devices", {"imei": two, "group": None, "category": "truck"}, 201)
    for query, found in (("q=abc", 1), ("q=van%20123", 1), ("q=" + two, 1), ("state=moving", 0), ("state=out,silent", 2),
                         ("group=1", 1), ("model=FMC130", 1), ("sort=-imei&limit=1", 1), ("ids=" + made["id"], 1)):
        proc.equal(len(admin.get("/devices?" + query)["items"]), found, query)
    answer = admin.ask("GET", "/devices/" + made["id"])
    tag = answer.headers["ETag"]
    proc.equal(admin.ask("GET", "/devices/" + made["id"], If_None_Match=tag).status, 304, "not changed")
    admin.patch("/devices/" + made["id"], {"notes": "roof"}, If_Match=tag)
    admin.patch("/devices/" + made["id"], {"notes": "late"}, 412, If_Match=tag)
    proc.equal(admin.get("/devices/" + made["id"])["notes"], "roof", "notes")
    proc.equal(admin.patch("/devices/" + made["id"], {"enabled": False, "plate": None})["out"], "disabled", "disabled")
    proc.equal(admin.get("/fleet/summary")["out"], {"disabled": 1, "refused": 0, "never": 1}, "summary")
    proc.equal(admin.get("/models")["items"][0]["model"], "FMC130", "models")
    empty = admin.patch("/devices/" + made["id"], {"name": " ", "model": "", "phone": "", "category": "", "notes": ""})
    proc.equal([empty[k] for k in ("name", "model", "phone", "category", "notes")], [None] * 5, "nothing written, nothing known")
    admin.delete("/devices/" + made["id"])
    admin.get("/devices/" + made["id"], want=404)
    proc.equal(server.database.number("SELECT count(*) FROM omnitrack.device_details"), 1, "its details are gone")
    deeds = [a["action"] for a in admin.get("/audit?object=device:" + made["id"])["items"]]
    proc.equal(deeds, ["device.delete"] + ["device.update"] * 3 + ["device.create"], "audit")


def test_commands(bench):
    """A template is filled, previewed, sent once whatever is repeated, answered by the device, seen by who may."""
    database = bench.database()
    gw = bench.gateway(database)
    server = web.Web(bench, database)
    admin = server.admin()
    one, two = imeis(2)
    first = admin.post("/devices", {"imei": one, "group": "1", "name": "One"}, 201)["id"]
    second = admin.post("/devices", {"imei": two, "group": "1"}, 201)["id"]
    admin.post("/command-templates", {"name": "Bad", "text": "set {x}"}, 422)
    template = admin.post("/command-templates", {
        "name": "Set", "text": "setparam 2001:{apn}", "parameters": [{"name": "apn", "label": "APN"}]}, 201)["id"]
    danger = admin.post("/command-templates", {"name": "Stop engine", "text": "setdigout 1", "dangerous": True}, 201)["id"]
    oper = admin.make_user("oper", ("1", "operator"))
    reader = admin.make_user("reader", ("1", "operator"), reads=True)
    body = {"devices": [first, second, "999"], "template": template, "parameters": {"apn": "net"}, "dryRun": True}
    preview = oper.post("/commands", body)
    proc.equal([(i["outcome"], i["text"]) for i in preview["items"]],
               [("would-queue", "setparam 2001:net")] * 2 + [("refused", None)], "preview")
    proc.equal(database.number("SELECT count(*) FROM device_commands"), 0, "nothing is sent by a preview")
    oper.post("/commands", dict(body, parameters={"apn": "a;b"}), 422)
    oper.post("/commands", dict(body, text="x"), 422)
    proc.equal(oper.post("/commands", {"devices": [first], "text": "cpureset"})["items"][0]["outcome"], "refused",
               "an operator's own text")
    sent = oper.post("/commands", dict(body, dryRun=False), Idempotency_Key="k1")
    proc.equal(sent["queued"], 2, "queued")
    again = oper.post("/commands", dict(body, dryRun=False), Idempotency_Key="k1")
    proc.equal(again, sent, "the same key: the first answer")
    oper.post("/commands", dict(body, devices=[first], dryRun=False), 422, Idempotency_Key="k1")
    proc.equal(database.number("SELECT count(*) FROM device_commands"), 2, "queued once")
    path = "/devices/%s/commands" % first
    oper.post(path, {"template": danger}, 422)
    oper.post(path, {"template": danger, "confirm": "Stop engine"}, 428)
    stop = oper.post(path, {"template": danger, "confirm": "Stop engine"}, 201, Idempotency_Key="k2")
    row = database.rows("SELECT max_attempts, expires_at <= created_at + interval '10 minutes 5 s', created_by"
                        " FROM device_commands WHERE id = " + stop["id"])[0]
    proc.equal(row, ["1", "t", "oper"], "a dangerous one: attempts, expiry, who")
    tracker = bench.tracker(gw, one)
    tracker.login()
    tracker.read(len(wire.message(12, 5, b"setparam 2001:net")))
    tracker.send(wire.message(12, 6, b"New value 2001:net"))
    ident = sent["items"][0]["command"]
    proc.wait_until(lambda: admin.get("/commands/" + ident)["status"] == "acked", 20, "the answer is booked")
    proc.equal(reader.get("/commands/" + ident)["response"], "New value 2001:net", "whoever may read texts")
    hidden = oper.get("/commands/" + ident)
    proc.equal((hidden["text"], hidden["response"], hidden["status"]), (None, None, "acked"), "whoever may not")
    waiting = sent["items"][1]["command"]
    proc.equal(oper.post("/commands/%s/cancel" % waiting, None)["status"], "cancelled", "cancelled")
    oper.post("/commands/%s/cancel" % waiting, None, 409)
    ledger = oper.get("/commands?limit=2")
    rest = oper.get("/commands?cursor=" + ledger["next"])
    proc.equal(len(ledger["items"]) + len(rest["items"]), 3, "the ledger, by pages")
    proc.equal(len(oper.get("/devices/%s/commands?status=cancelled" % second)["items"]), 1, "by status")


def test_templates(bench):
    """What nobody could use is refused, and what somebody else has changed is not deleted."""
    server = web.Web(bench, bench.database())
    admin = server.admin()
    choice = {"name": "x", "type": "choice", "choices": ["0", "1"]}
    for body, want in (({"text": "  "}, 400), ({"text": "set {x}", "parameters": [{"name": "x", "label": " "}]}, 422),
                       ({"text": "set {x}", "parameters": [dict(choice, choiceLabels=["Off", " "])]}, 422),
                       ({"text": "set {x}", "parameters": [dict(choice, choiceLabels=["Off", "On"])]}, 201)):
        proc.equal(admin.ask("POST", "/command-templates", dict(body, name="T")).status, want, "%s" % body)
    path = "/command-templates/" + admin.get("/command-templates")["items"][0]["id"]
    stale = admin.ask("GET", path).headers["ETag"]
    admin.put(path, {"name": "T", "text": "getver"})
    admin.delete(path, 412, If_Match=stale)
    admin.delete(path, If_Match=admin.ask("GET", path).headers["ETag"])
    admin.delete(path, 404)


def test_files(bench):
    """Of files that nobody reads a few are under way, and some wait; a head alone is no file; a zero character is found nowhere."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    device = admin.post("/devices", {"imei": imeis(1)[0], "group": "1"}, 201)["id"]
    exports = "SELECT count(*) FROM omnitrack.audit WHERE action = 'export'"
    for path in ("/audit/export", "/exports?format=csv&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&devices=" + device):
        answer = admin.ask("HEAD", path)
        proc.equal((answer.status, answer.headers["Content-Type"].split(";")[0]), (200, "text/csv"), path)
        proc.equal(database.number(exports), 0, "nothing was taken")
    for path in ("/audit?object=%00", "/audit/export?object=%00"):
        proc.equal(admin.ask("GET", path).status, 400, path)
    # More than a connection holds.
    database.query("INSERT INTO omnitrack.audit (action, details) SELECT 'session.refused', to_jsonb(repeat('x', 50000))"
                   " FROM generate_series(1, 1000)")
    head = "GET /api/v1/audit/export HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % "\r\n".join(
        "%s: %s" % h for h in admin.headers().items())
    links = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(11)]
    for link in links:
        bench.scope.later(link.close)
        link.sendall(head.encode())
    answers = {}

    def answered():
        for link in select.select([x for x in links if x not in answers], [], [], 0)[0]:
            answers[link] = link.recv(12).decode()
        return len(answers) >= 3
    proc.wait_until(answered, 30, "two are sent, one is one too many")
    proc.equal(sorted(answers.values()), ["HTTP/1.1 200"] * 2 + ["HTTP/1.1 503"], "answers")
    proc.equal(database.number(exports), 2, "those that are under way are in the log")
    for link in links:
        link.close()
    proc.wait_until(lambda: admin.ask("GET", "/audit/export?action=export").status == 200, 30, "there is room again")


def test_template_above_role(bench):
    """A template for a higher role is not there for an operator; its text isn't told by a preview, also not where one is less."""
    server = web.Web(bench, bench.database())
    admin = server.admin()
    groups = [admin.post("/groups", {"name": name}, 201)["id"] for name in ("A", "B")]
    one, two = [admin.post("/devices", {"imei": i, "group": g}, 201)["id"] for i, g in zip(imeis(2), groups)]
    secret = admin.post("/command-templates", {
        "name": "Secret name", "text": "setparam 2003:hunter2", "role": "installer", "dangerous": True}, 201)["id"]
    oper = admin.make_user("oper", (groups[0], "operator"))
    both = admin.make_user("both", (groups[0], "operator"), (groups[1], "installer"))
    for body in ({"dryRun": True}, {"dryRun": False}, {"dryRun": False, "confirm": "x"}):
        answer = oper.ask("POST", "/commands", dict(body, devices=[one], template=secret))
        proc.equal((answer.status, answer.json["detail"]), (422, "template: there is no such template"), "%s" % body)
    items = both.post("/commands", {"devices": [one, two], "template": secret, "dryRun": True})["items"]
    proc.equal([(i["outcome"], i["text"]) for i in items],
               [("refused", None), ("would-queue", "setparam 2003:hunter2")], "who is an installer of the second alone")


def test_idempotency_race(bench):
    """The same request ten times at once: one command."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    ident = admin.post("/devices", {"imei": imeis(1)[0], "group": "1"}, 201)["id"]
    codes = []

    def send():
        one = web.Browser(server)
        one.cookie = admin.cookie
        codes.append(one.ask("POST", "/devices/%s/commands" % ident, {"text": "getinfo", "confirm": "getinfo"},
                             Idempotency_Key="same").status)
    threads = [threading.Thread(target=send) for _ in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    proc.equal(set(codes) - {201, 409}, set(), "answers: %s" % codes)
    proc.check(201 in codes, "one is done: %s" % codes)
    proc.equal(database.number("SELECT count(*) FROM device_commands"), 1, "commands")


def test_why(bench):
    """The verdict is that of tgctl why, by the web's own role."""
    database = bench.database()
    gw = bench.gateway(database)
    server = web.Web(bench, database, WEB_GATEWAYS="e2e=http://127.0.0.1:%s,gone=http://127.0.0.1:1"
                     % gw.keys["METRICS_PORT"])
    admin = server.admin()
    imei = imeis(1)[0]
    ident = admin.post("/devices", {"imei": imei, "group": "1"}, 201)["id"]
    why = admin.get("/devices/%s/why" % ident)
    proc.equal((why["imei"], why["reason"]), (imei, "never_seen"), "%s" % why)
    proc.check(why["answer"] and why["reasons"] and why["facts"], "%s" % why)
    there, gone = admin.get("/gateways")["items"]
    proc.equal((there["id"], there["alive"], there["error"]), ("e2e", True, None), "the gateway")
    proc.check(there["status"]["workers"] and not gone["alive"] and "does not answer" in gone["error"], "%s" % [there, gone])
    server.keys["WEB_TGCTL"] = "/nonexistent"
    server.stop()
    server.start()
    admin.port = server.port
    problem = admin.get("/devices/%s/why" % ident, want=502)
    proc.check("/nonexistent" in problem["detail"], "%s" % problem)


def test_last_admin(bench):
    """Nobody locks everybody out; groups that are not empty stay; the root stays."""
    server = web.Web(bench, bench.database())
    admin = server.admin()
    me = admin.get("/me")["id"]
    for body in ({"disabled": True}, {"roles": []}, {"roles": [{"group": "1", "role": "viewer"}]}):
        admin.patch("/users/" + me, body, 409)
    admin.delete("/users/" + me, 409)
    admin.patch("/users/" + me, {"roles": [{"group": "9", "role": "viewer"}]}, 422)
    group = admin.post("/groups", {"name": "G"}, 201)["id"]
    admin.patch("/users/" + me, {"roles": [{"group": group, "role": "admin"}]}, 422)
    admin.post("/groups", {"name": "g"}, 409)
    below = admin.post("/groups", {"name": "g", "parent": group}, 201)["id"]
    admin.patch("/groups/" + group, {"parent": below}, 409)
    admin.delete("/groups/" + group, 409)
    admin.delete("/groups/1", 409)
    admin.delete("/groups/" + below)
    admin.delete("/groups/" + group)


def test_admins_at_once(bench):
    """Two administrators disable one another, and two setup links are used, at the same time: one of each is done."""
    server = web.Web(bench, bench.database())
    tokens = [server.run("setup")[1].strip().split("#")[1] for _ in range(2)]
    holder = server.database.session(bench.scope)

    def at_once(*works):
        """Answers of requests that wait for the same lock, and so meet."""
        codes = []
        holder.run("BEGIN; SELECT pg_advisory_xact_lock(hashtext('omnitrack.roles'), 1)")
        threads = [threading.Thread(target=lambda w=w: codes.append(w().status)) for w in works]
        for t in threads:
            t.start()
        proc.wait_until(lambda: server.database.number("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
                        == 2, 20, "both wait")
        holder.run("ROLLBACK")
        for t in threads:
            t.join()
        return sorted(codes)
    claim = [lambda t=t, n=n: web.Browser(server).ask("POST", "/session/claim", {"token": t, "login": n, "password": web.PASSWORD})
             for t, n in zip(tokens, ("ann", "bob"))]
    proc.equal(at_once(*claim), [200, 410], "claims")
    proc.equal(server.database.number("SELECT count(*) FROM omnitrack.users"), 1, "users")
    one, two = server.admin("one"), server.admin("two")
    server.database.query("DELETE FROM omnitrack.users WHERE login IN ('ann', 'bob')")
    ids = [b.get("/me")["id"] for b in (one, two)]
    proc.equal(at_once(lambda: one.ask("PATCH", "/users/" + ids[1], {"disabled": True}),
                       lambda: two.ask("PATCH", "/users/" + ids[0], {"disabled": True})), [200, 409], "disabling")


suite.main(globals())
