#!/usr/bin/env python3
"""Signing in to the web application: what is refused and how it sounds, floods of tries, a new password, sessions, one-time links."""
import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import live, proc, suite, web
from lib.fleet import imeis

web.need()


def test_sign_in(bench):
    """The cookie is what it should be; a wrong password, a user who isn't there and a disabled one sound the same."""
    server = web.Web(bench, bench.database())
    nobody = web.Browser(server)
    proc.equal(nobody.get("/session"), {"signedIn": False, "setup": True}, "before there is an administrator")
    admin = server.admin("Admin@Example.org")
    answer = web.Browser(server).ask("POST", "/session", {"login": " ADMIN@example.org", "password": web.PASSWORD})
    cookie, known = sorted(answer.headers.get_all("Set-Cookie"), key=lambda c: "-known" in c)
    for word in ("Path=/", "HttpOnly", "Secure", "SameSite=Lax"):
        proc.check(word in known, "%s in %s" % (word, known))
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


def flooded(server, names, seconds=40):
    """Wrong logins from ever new addresses, by these names, until the answer is called."""
    over, codes = threading.Event(), []

    def flood(number):
        one, n = web.Browser(server), 0
        while not over.is_set():
            n += 1
            codes.append(one.ask("POST", "/session", {"login": names(n), "password": "wrong"}, X_Forwarded_Proto="https",
                                 X_Forwarded_For="10.%d.%d.%d" % (number, n // 250 % 250, n % 250 + 1)).status)
    threads = [threading.Thread(target=flood, args=(n,)) for n in range(24)]
    for t in threads:
        t.start()
    proc.wait_until(lambda: codes.count(429) > 50, seconds, "the flood is refused")

    def end():
        over.set()
        for t in threads:
            t.join()
    return end


def test_login_flood_from_everywhere(bench):
    """Wrong logins from many addresses: who has signed in here before gets in at once; so do others, if it is about one name."""
    server = web.Web(bench, bench.database(), WEB_TRUST_PROXY="127.0.0.1")
    code, out, err = server.run("admin", "create", "--login", "admin", stdin=web.PASSWORD + "\n")
    proc.equal(code, 0, out + err)

    def sign_in(browser, login, address):
        return browser.ask("POST", "/session", {"login": login, "password": web.PASSWORD}, X_Forwarded_Proto="https",
                           X_Forwarded_For=address).status
    known = web.Browser(server)
    proc.equal(sign_in(known, "admin", "192.0.2.1"), 200, "before the flood")
    known.ask("POST", "/users", {"login": "bob", "name": "Bob", "password": web.PASSWORD}, X_Forwarded_Proto="https")
    end = flooded(server, lambda n: "admin")
    proc.equal([sign_in(known, "admin", "192.0.2.%d" % n) for n in range(2, 12)], [200] * 10, "in a browser that is known")
    proc.equal(sign_in(web.Browser(server), "bob", "198.51.100.1"), 200, "another user, in a new browser")
    end()
    end = flooded(server, lambda n: "nobody%d" % n)
    proc.equal([sign_in(known, "admin", "192.0.2.%d" % n) for n in range(12, 22)], [200] * 10, "a flood of many names")
    end()
    # Whoever has the cookie and not the password gets ten tries by it.
    tries = [known.ask("POST", "/session", {"login": "admin", "password": "wrong"}, X_Forwarded_Proto="https",
                       X_Forwarded_For="203.0.113.5").status for _ in range(40)]
    proc.equal((tries[0], tries[-1]), (401, 429), "wrong passwords in a known browser: %s" % tries)


def test_sign_in_during_reset(bench):
    """A login that began with the old password ends with nothing when a new one is set meanwhile; so does a link."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    ann = admin.make_user("ann", ("1", "viewer"))
    link = admin.post("/users/%s/display-link" % ann.id, None, 201)["path"].split("#")[1]
    for work in (lambda b: b.ask("POST", "/session", {"login": "ann", "password": web.PASSWORD}),
                 lambda b: b.ask("POST", "/session/claim", {"token": link})):
        holder = database.session(bench.scope)
        holder.run("BEGIN; LOCK TABLE omnitrack.web_sessions IN EXCLUSIVE MODE")
        late, answers = web.Browser(server), []
        thread = threading.Thread(target=lambda: answers.append(work(late)))
        thread.start()
        proc.wait_until(lambda: database.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == 1, 20,
                        "the password was right, the session is about to be written")
        # As the server does it: one transaction.
        holder.run("UPDATE omnitrack.users SET password = password || 'A' WHERE id = %s;"
                   " DELETE FROM omnitrack.web_sessions WHERE user_id = %s; COMMIT" % (ann.id, ann.id))
        thread.join()
        proc.check(answers[0].status in (401, 410), "%s" % answers)
        late.get("/me", want=401)
        proc.equal(database.number("SELECT count(*) FROM omnitrack.web_sessions WHERE user_id = " + ann.id), 0, "sessions")
        database.query("UPDATE omnitrack.users SET password = left(password, -1) WHERE id = " + ann.id)


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
    # Made for an administrator, it shows what a viewer may see, and no more.
    link = browser.post("/users/%s/display-link" % me["id"], None, 201)["path"].split("#")[1]
    wall = web.Browser(server)
    shown = wall.post("/session/claim", {"token": link})
    proc.equal((shown["display"], shown["admin"], shown["highest"], shown["roles"][0]["role"]), (True, False, "viewer", "viewer"), "me")
    proc.equal(wall.get("/me"), shown, "me, asked again")
    imei = imeis(1)[0]
    device = browser.post("/devices", {"imei": imei}, 201)["id"]
    proc.equal([d["id"] for d in wall.get("/devices")["items"]], [device], "also those in no group")
    command = browser.send_text([device], "getver")[0]["command"]
    proc.equal((wall.get("/commands/" + command)["text"], wall.get("/groups")["items"][0]["role"]), (None, "viewer"), "no texts")
    for path in ("/audit", "/users", "/command-templates", "/quarantine", "/gateways", "/devices/%s/why" % device):
        wall.get(path, 403)
    ask = {"imei": imei, "seconds": 30}
    proc.equal(live.Live(wall, bench.scope).ask("trace", ask), {"ok": False, "error": "You may not do this"}, "a trace")
    proc.equal(live.Live(browser, bench.scope).ask("trace", ask), {"ok": True}, "of who signed in by hand")
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


def test_background(bench):
    """What a page asks for by itself leaves the end of its session where it is; what its user does moves it."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    # Another process has written no session yet, and writes each once a minute.
    there = web.Browser(web.Web(bench, database, url=server.url))
    there.cookie = admin.cookie
    end = lambda: database.query("SELECT max(expire) FROM omnitrack.web_sessions")
    # An hour ago somebody used it last.
    database.query("UPDATE omnitrack.web_sessions SET expire = expire - interval '1 hour'")
    before = end()
    for path in ("/me", "/devices"):
        there.get(path, Omnitrack_Background="1")
    proc.equal(end(), before, "the end after what a page asked for by itself")
    there.get("/me")
    proc.wait_until(lambda: end() != before, 5, "the end moves")


suite.main(globals())
