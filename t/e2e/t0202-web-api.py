#!/usr/bin/env python3
"""The web application's API: signing in and its limits, other sites, sessions, one-time links, devices, commands, users."""
import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import live, proc, suite, web, wire
from lib.fleet import imeis

web.need()


def test_sign_in(bench):
    """The cookie is what it should be; a wrong password, a user who isn't there and a disabled one sound the same."""
    server = web.Web(bench, bench.database())
    nobody = web.Browser(server)
    proc.equal(nobody.get("/session"), {"signedIn": False, "setup": True}, "before there is an administrator")
    admin = server.admin("Admin@Example.org")
    answer = web.Browser(server).ask("POST", "/session", {"login": " ADMIN@example.org", "password": web.PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    for word in ("__Host-omnitrack=", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"):
        proc.check(word in cookie, "%s in %s" % (word, cookie))
    proc.check("Domain" not in cookie, "no domain")
    proc.equal(answer.json["login"], "admin@example.org", "login")
    admin.post("/users", {"login": "gone", "name": "Gone", "password": web.PASSWORD}, 201)
    admin.patch("/users/2", {"disabled": True})
    said = set()
    for login, password in (("admin@example.org", "wrong"), ("nobody", web.PASSWORD), ("gone", web.PASSWORD)):
        answer = nobody.ask("POST", "/session", {"login": login, "password": password})
        body = answer.json
        body.pop("requestId")
        said.add((answer.status, json.dumps(body, sort_keys=True)))
    proc.equal(len(said), 1, "kinds of refusals: %s" % said)
    proc.equal(said.pop()[0], 401, "status")
    audit = [(a["action"], a["login"]) for a in admin.get("/audit")["items"]]
    proc.check(("session.begin", "admin@example.org") in audit and ("session.refused", None) in audit, "audit: %s" % audit)
    log = server.log_text()
    for secret in (web.PASSWORD, admin.cookie.split("=")[1]):
        proc.check(secret not in log, "a secret stands in the log")


def test_login_flood(bench):
    """Too many tries are refused with 429 before anything is computed, and others still get in."""
    server = web.Web(bench, bench.database())
    admin = server.admin()
    admin.make_user("ann", ("1", "viewer"))
    states = [web.Browser(server).ask("POST", "/session", {"login": "ann", "password": "wrong %d" % i}) for i in range(14)]
    codes = [a.status for a in states]
    proc.equal((codes[0], codes[-1]), (401, 429), "the first and the last try: %s" % codes)
    proc.check(int(states[-1].headers["Retry-After"]) > 0, "Retry-After")
    proc.equal(admin.get("/me")["login"], "admin", "who is in stays in")
    database = server.database
    proc.check(database.number("SELECT count(*) FROM omnitrack.login_attempts") > 0, "kept in the table")


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


def test_sessions(bench):
    """Sessions are listed and ended; a new password ends the others; a table that is stolen lets nobody in."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    other = web.Browser(server).sign_in("admin")
    third = web.Browser(server).sign_in("admin")
    items = admin.get("/me/sessions")["items"]
    proc.equal((len(items), sum(s["current"] for s in items)), (3, 1), "sessions, and the present one")
    proc.check(admin.cookie.split("=")[1].split(".")[0].replace("s%3A", "") not in database.query("SELECT sid FROM omnitrack.web_sessions"),
               "the table holds no id that a browser could send")
    proc.equal([s for s in other.get("/me/sessions")["items"] if s["current"]][0]["address"], "127.0.0.1", "address")
    ident = [s for s in other.get("/me/sessions")["items"] if s["current"]][0]["id"]
    admin.delete("/me/sessions/" + ident)
    other.get("/me", want=401)
    admin.post("/me/password", {"current": "wrong", "password": "another good one"}, 422)
    admin.post("/me/password", {"current": web.PASSWORD, "password": "short"}, 400)
    admin.post("/me/password", {"current": web.PASSWORD, "password": "another good one"}, 204)
    third.get("/me", want=401)
    admin.get("/me")
    web.Browser(server).post("/session", {"login": "admin", "password": web.PASSWORD}, 401)
    stolen = admin.cookie
    admin.delete("/session")
    admin.cookie = stolen
    admin.get("/me", want=401)


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


def test_links(bench):
    """A link makes the first administrator, once; another sets a password; a display's link only shows."""
    server = web.Web(bench, bench.database())
    code, out, err = server.run("setup", "--url", "https://fleet.example")
    proc.equal(code, 0, err)
    address, token = out.strip().split("#")
    proc.equal(address, "https://fleet.example/setup", "the link")
    proc.check(token not in server.database.query("SELECT encode(token_hash, 'hex') FROM omnitrack.links"), "only a hash is kept")
    browser = web.Browser(server)
    proc.equal(browser.post("/session/link", {"token": token}), {"kind": "setup", "login": None}, "what it is for")
    browser.post("/session/link", {"token": "x" * 43}, 410)
    browser.post("/session/claim", {"token": token, "password": web.PASSWORD}, 422)
    me = browser.post("/session/claim", {"token": token, "login": "boss", "name": "Boss", "password": web.PASSWORD})
    proc.equal((me["admin"], me["login"]), (True, "boss"), "signed in as")
    web.Browser(server).post("/session/claim", {"token": token, "login": "eve", "password": web.PASSWORD}, 410)
    proc.equal(server.run("setup")[0], 1, "setup when there is an administrator")
    user = browser.post("/users", {"login": "ann", "name": "Ann", "roles": [{"group": "1", "role": "operator"}]}, 201)
    proc.equal(user["hasPassword"], False, "no password yet")
    link = browser.post("/users/%s/password-link" % user["id"], None, 201)["path"].split("#")[1]
    ann = web.Browser(server)
    ann.post("/session/claim", {"token": link, "password": web.PASSWORD})
    proc.equal(web.Browser(server).sign_in("ann").get("/me")["name"], "Ann", "the new password")
    link = browser.post("/users/%s/display-link" % user["id"], None, 201)["path"].split("#")[1]
    display = web.Browser(server)
    display.post("/session/claim", {"token": link})
    display.get("/devices")
    display.patch("/me", {"name": "Wall"}, 403)
    display.post("/commands", {"devices": ["1"], "text": "x"}, 403)
    display.delete("/session")
    code, out, err = server.run("link", "--login", "Ann")
    proc.equal(code, 0, err)
    guest = web.Browser(server)
    proc.equal(guest.post("/session/claim", {"token": out.strip().split("#")[1]})["login"], "ann", "a link that signs in")
    proc.equal(server.run("link", "--login", "nobody")[0], 1, "of nobody")


def test_old_links(bench):
    """A link that was made before dies with a new password, and when the user is disabled."""
    server = web.Web(bench, bench.database())
    admin = server.admin()
    ann = admin.make_user("ann", ("1", "viewer"))
    path = "/users/%s" % ann.id

    def link(kind):
        return admin.post("%s/%s-link" % (path, kind), None, 201)["path"].split("#")[1]
    for change in (lambda: ann.post("/me/password", {"current": web.PASSWORD, "password": "another good one"}, 204),
                   lambda: admin.patch(path, {"password": "a third good one"}),
                   lambda: [admin.patch(path, {"disabled": d}) for d in (True, False)],
                   lambda: web.Browser(server).post("/session/claim", {"token": link("password"), "password": web.PASSWORD})):
        tokens = [link("display"), link("password")]
        web.Browser(server).post("/session/link", {"token": tokens[0]})
        change()
        for token in tokens:
            web.Browser(server).post("/session/claim", {"token": token, "password": web.PASSWORD}, 410)


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
    admin.delete("/devices/" + made["id"])
    admin.get("/devices/" + made["id"], want=404)
    proc.equal(server.database.number("SELECT count(*) FROM omnitrack.device_details"), 1, "its details are gone")
    deeds = [a["action"] for a in admin.get("/audit?object=device:" + made["id"])["items"]]
    proc.equal(deeds, ["device.delete", "device.update", "device.update", "device.create"], "audit")


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
        codes.append(one.ask("POST", "/devices/%s/commands" % ident, {"text": "getinfo"}, Idempotency_Key="same").status)
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
