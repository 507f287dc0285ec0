#!/usr/bin/env python3
"""The administrator's and the installer's screens of the web application, in a real Chromium with the real server and gateway.

Units and time zone of one's own; API tokens that are shown once; the audit log and its filters; what stands in the configuration,
without secrets; the check of a tracker that was just built in, from the phone in the car.
"""
import csv
import io
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import browser, proc, suite, web, wire
from lib.fleet import imeis
from lib.office import put, record, started

web.need()
browser.need()


def test_reading(bench):
    """Speeds, distances and times are in the user's own units and time zone on every screen and in every browser."""
    database = bench.database()
    imei = imeis(1)[0]
    ident = put(database, imei, "Truck 1")
    gw = bench.gateway(database)
    server, admin, page = started(bench, database)
    tracker = bench.tracker(gw, imei)
    tracker.login()
    tracker.exchange(wire.frame(8, [record(speed=80)]))
    page.open("/?device=%s" % ident)
    page.see("80 km/h", within="aside")
    page.open("/account")
    page.click("button", "Speeds and distances")
    page.click("option", "Imperial")
    page.see("50 mph")
    page.click("button", "Time zone")
    page.click("option", "Asia/Dubai")
    proc.wait_until(lambda: admin.get("/me")["settings"].get("timeZone") == "Asia/Dubai", 15, "the zone is kept")
    proc.equal(admin.get("/me")["settings"].get("units"), "imperial", "units that are kept")
    other = browser.Page(bench, server)
    other.sign_in("admin", web.PASSWORD)
    other.open("/?device=%s" % ident)
    other.see("50 mph", within="aside")
    other.open("/devices/%s/history" % ident)
    other.see("mph")
    other.open("/audit")
    minutes = database.query("SELECT to_char(at AT TIME ZONE 'Asia/Dubai', 'HH24:MI') FROM omnitrack.audit ORDER BY id DESC LIMIT 1")
    other.see(minutes, within="table")
    page.open("/account")
    page.click("button", "Time zone")
    page.click("option", "As the browser")
    proc.wait_until(lambda: "timeZone" not in admin.get("/me")["settings"], 15, "the zone is the browser's again")
    proc.equal(admin.ask("PATCH", "/me", {"settings": {"timeZone": "Nowhere/City"}}).status, 422, "a zone that isn't there")
    page.clean("units and zones")


def test_tokens(bench):
    """A token is shown once, works until it is ended, and says when it was used."""
    server, admin, page = started(bench, bench.database())
    page.open("/account")
    page.see("You have no tokens.")
    page.click("button", "Make a token")
    page.fill("What it is for", "Nightly report")
    page.click("button", "Make token")
    page.see("it is shown this once")
    secret = page.value("document.querySelector('[role=dialog] code').textContent")
    page.press("Escape")
    page.gone("it is shown this once")
    page.see("Nightly report")
    proc.check(secret not in page.value("document.documentElement.outerHTML"), "the token is gone from the page")
    program = web.Browser(server, token=secret)
    proc.equal(program.get("/me")["login"], "admin", "whose name it acts in")
    proc.equal(program.ask("PATCH", "/me", {"name": "Other"}).status, 403, "it may only read")
    proc.wait_until(lambda: admin.get("/tokens")["items"][0]["lastUsedAt"] is not None, 90, "its use is noted")
    page.open("/account")
    page.see("only read")
    page.gone("Last used: never")
    page.click("button", "End Nightly report")
    page.click("button", "End token")
    page.see("You have no tokens.")
    proc.wait_until(lambda: program.ask("GET", "/me").status == 401, 10, "it is turned away")
    page.clean("tokens")


def test_audit(bench):
    """Who did what is found by who, what, to what and when; older entries come page by page; nobody else sees it."""
    database = bench.database()
    _, admin, page = started(bench, database)
    admin.make_user("oper", ("1", "operator"))
    group = admin.post("/groups", {"name": "North"}, 201)["id"]
    admin.patch("/groups/%s" % group, {"name": "Far north"})
    page.open("/people")
    page.click("link", "Audit log")
    page.see("Made a group")
    page.see("Signed in")
    page.see("Far north")
    # Whoever leaves it for a moment and comes back sees what was done meanwhile.
    page.click("link", "Groups")
    admin.patch("/groups/%s" % group, {"name": "Farthest north"})
    page.click("link", "Audit log")
    page.see("Farthest north")
    page.click("button", "What")
    page.click("option", "Groups")
    page.gone("Signed in")
    page.see("Changed a group")
    page.open("/audit?object=group:%s" % group)
    page.see("Made a group")
    page.gone("Made a user")
    page.open("/audit?from=2001-01-01&to=2001-01-02")
    page.see("Nothing found")
    proc.check("from=2001-01-01" in page.value("location.search"), "the filter is in the address")
    database.query("INSERT INTO omnitrack.audit (user_name, action) SELECT 'many', 'session.refused' FROM generate_series(1, 120)")
    page.open("/audit?action=session.refused")
    page.see("Was not let in")
    rows = "document.querySelectorAll('tbody tr').length"
    proc.equal(page.value(rows), 50, "one page")
    page.click("button", "Show more")
    page.wait(rows + " === 100")
    page.click("button", "Show more")
    page.wait(rows + " === 120")
    page.gone("Show more")
    # As a file: all that passes the filter, none of it a formula.
    bad = admin.post("/groups", {"name": "=1+1"}, 201)["id"]
    database.query("INSERT INTO omnitrack.audit (user_name, action, object_kind, object_id) VALUES ('=cmd', 'group.update', 'group', '%s')" % bad)
    page.open("/audit?object=group:%s" % bad)
    page.see("=cmd")
    name, text = page.download("link", "Save as CSV")
    lines = list(csv.DictReader(io.StringIO(text)))
    proc.check(name.startswith("omnitrack-audit-") and name.endswith(".csv"), "the file is called %s" % name)
    proc.equal([(l["login"], l["action"], l["object"]) for l in lines],
               [("'=cmd", "group.update", "group:%s" % bad), ("admin", "group.create", "group:%s" % bad)], "what is in it")
    proc.equal(json.loads(lines[1]["detail"])["name"], "=1+1", "the detail")
    database.query("INSERT INTO omnitrack.audit (user_name, action) SELECT 'more', 'session.refused' FROM generate_series(1, 2500)")
    everything = list(csv.DictReader(io.StringIO(admin.ask("GET", "/audit/export?action=session.").text)))
    ids = [int(l["id"]) for l in everything]
    proc.equal(len(ids), database.number("SELECT count(*) FROM omnitrack.audit WHERE action LIKE 'session.%'"), "entries")
    proc.equal(ids, sorted(set(ids), reverse=True), "newest first, each once")
    deeds = [e["detail"] for e in admin.get("/audit?action=export")["items"]]
    proc.equal([(d["of"], d.get("action"), d.get("object")) for d in deeds],
               [("audit", "session.", None), ("audit", None, "group:%s" % bad)], "it is audited itself")
    proc.equal(admin.ask("GET", "/audit/export?limit=3").status, 400, "it takes no page")
    page.clean("the audit log")
    page.new()
    page.sign_in("oper", web.PASSWORD)
    for path in ("/audit", "/settings"):
        page.open(path)
        page.see("This isn’t yours to see")
    page.open("/install")
    page.see("This isn’t yours to see")
    page.clean("what is forbidden")


def test_settings(bench):
    """The configuration is there with its keys, and no secret is; how long things are kept, as the gateways say it."""
    database = bench.database()
    north = bench.gateway(database, TELEM_GATEWAY_ID="north", TELEM_RETENTION_DAYS=400)
    south = bench.gateway(database, TELEM_GATEWAY_ID="south", TELEM_RETENTION_DAYS=365)
    server, admin, page = started(bench, database, WEB_SESSION_IDLE_HOURS="5", WEB_GATEWAYS=",".join(
        "%s=http://127.0.0.1:%s" % (gw.keys["TELEM_GATEWAY_ID"], gw.keys["METRICS_PORT"]) for gw in (north, south)))
    page.open("/settings")
    page.see("Positions: 365 days")
    page.see("Commands that are over: for ever")
    page.see("The gateways are set differently: the shortest time holds.")
    page.see("A session ends after 5 hours without use.")
    page.see("WEB_SESSION_IDLE_HOURS", within="table")
    page.see("set, not shown", within="table")
    answer = admin.ask("GET", "/settings/configuration")
    keys = {item["key"]: item for item in answer.json["items"]}
    proc.equal((keys["DATABASE_URL"]["value"], keys["DATABASE_URL"]["set"]), (None, True), "the database")
    proc.equal((keys["WEB_SESSION_IDLE_HOURS"]["value"], keys["WEB_SESSION_IDLE_HOURS"]["set"]), ("5", True), "what is set")
    proc.equal(keys["WEB_POOL"]["set"], False, "what is not set")
    proc.check("host=" not in answer.text and "postgresql:" not in answer.text, "nothing of the database is said")
    page.clean("settings")


def test_install(bench):
    """From the phone in the car: a tracker is refused, registered, connects, sends, gets a fix, and its ignition turns on and off."""
    database = bench.database()
    imei = imeis(1)[0]
    gw = bench.gateway(database)
    server, admin, page = started(bench, database)
    admin.make_user("inst", ("1", "installer"))
    page.new(390, 844)
    page.sign_in("inst", web.PASSWORD)
    page.click("link", "Install")
    page.fill("IMEI", imei[:14])
    proc.equal(page.value("document.querySelector('form button[type=submit]').disabled"), True, "14 digits are no IMEI")
    page.fill("IMEI", imei)
    page.press("Enter")
    page.see("0 of 5")
    page.see("Nobody has registered it, or")
    proc.equal(bench.tracker(gw, imei).handshake(), b"\0", "the answer to a handshake before it is registered")
    page.see("It has called and was turned away")
    page.click("button", "Register it")
    page.fill("Name", "New van")
    page.click("button", "Add tracker")
    page.see("New van")
    page.see("It has never connected.")
    tracker = bench.tracker(gw, imei)
    proc.wait_until(lambda: database.number("SELECT count(*) FROM devices WHERE imei = '%s'" % imei) == 1, 10, "it is registered")
    tracker.login()
    page.see("2 of 5")
    page.see("It has not sent a record yet.")
    tracker.exchange(wire.frame(8, [wire.Record(record().ts, 0.0, 0.0, sats=0, io=[(239, b"\x00")])]))
    page.see("It has never had a fix.")
    page.see("Turn the ignition on now.")
    tracker.exchange(wire.frame(8, [record(io=[(239, b"\x01")])]))
    page.see("All is well: this tracker is ready.")
    page.see("Vilnius")
    proc.equal(page.value("document.documentElement.scrollWidth > innerWidth"), False, "it fits the phone")
    page.click("button", "Another tracker")
    page.see("15 digits, as on the label")
    page.clean("the install check")


suite.main(globals())
