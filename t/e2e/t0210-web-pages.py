#!/usr/bin/env python3
"""The pages of the web application in a real Chromium, with the real server, gateway and PostgreSQL.

What a user does and sees: signing in, a position that appears and moves, a command and its answer, why a tracker is silent,
what isn't one's own, a database that goes and comes back.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import browser, commands, proc, suite, web, wire
from lib.fleet import imeis
from lib.office import put, record, started

web.need()
browser.need()

MARKS = "document.querySelector('.maplibregl-canvas')?.dataset.marks === '%d'"


def test_signing_in(bench):
    """A wrong password is said; one comes back to where one wanted to; signing out ends it."""
    server = web.Web(bench, bench.database())
    server.admin()
    page = browser.Page(bench, server)
    address = page.open("/commands?status=failed")
    proc.check("/login?next=" in address, "one is sent to sign in: %s" % address)
    page.fill("Sign-in name", "admin")
    page.fill("Password", "not the password")
    page.click("button", "Sign in")
    page.see("Name or password is wrong.")
    page.fill("Password", web.PASSWORD)
    page.click("button", "Sign in")
    page.wait("location.pathname === '/commands' && location.search === '?status=failed'")
    page.see("No commands")
    page.click("button", "Account: admin")
    page.click("menuitem", "Sign out")
    page.wait("location.pathname === '/login'")
    proc.check("/login" in page.open("/"), "signed out")
    page.clean("signing in and out")


def test_one_time_links(bench):
    """The link of `omnitrack-web setup` makes the first administrator, once; an administrator's link sets a password."""
    server = web.Web(bench, bench.database())
    code, out, err = server.run("setup")
    proc.equal(code, 0, "setup: %s" % err)
    link = out[out.index("/setup#"):].split()[0]
    page = browser.Page(bench, server)
    page.open(link)
    page.see("Set up OmniTrack")
    proc.equal(page.value("location.hash"), "", "the token leaves the address bar")
    page.fill("Sign-in name", "boss")
    page.fill("Your name", "The Boss")
    page.fill("Password", web.PASSWORD)
    page.fill("Password again", web.PASSWORD)
    page.click("button", "Finish")
    page.see("No devices yet")
    page.open("/people")
    page.click("button", "Add user")
    page.fill("Name", "Ann")
    page.fill("Sign-in name", "ann")
    page.click("button", "Save")
    page.see("Give this link to Ann")
    ann = page.value("[...document.querySelectorAll('code')].map((c) => c.textContent).find((t) => t.includes('/setup#'))")
    page.new()
    page.open(link)
    page.see("This link doesn’t work any more")
    page.open("/login")
    page.open(ann[ann.index("/setup#"):])
    page.see("Set your password")
    page.fill("Password", web.PASSWORD)
    page.fill("Password again", web.PASSWORD)
    page.click("button", "Finish")
    page.see("No devices yet")
    page.clean("one-time links")


def test_position(bench):
    """A record is a mark on the map in the colour of its state, and a row in the list; the next one moves it."""
    database = bench.database()
    imei = imeis(1)[0]
    ident = put(database, imei, "Truck 7")
    gw = bench.gateway(database)
    _, _, page = started(bench, database)
    page.open("/?at=54.68,25.28,13")
    page.see("Truck 7")
    page.see("Never seen")
    tracker = bench.tracker(gw, imei)
    tracker.login()
    tracker.exchange(wire.frame(8, [record(speed=60)]))
    page.see("60 km/h")
    page.wait(MARKS % 1)
    middle = page.value("(() => { const b = document.querySelector('.maplibregl-canvas').getBoundingClientRect();"
                        " return [b.x + b.width / 2, b.y + b.height / 2]; })()")
    want = page.value("(() => { const s = document.createElement('span'); s.style.color = 'var(--moving)';"
                      " document.body.append(s); const c = getComputedStyle(s).color; s.remove();"
                      " return c.match(/\\d+/g).map(Number); })()")
    proc.wait_until(lambda: page.colour(*middle) == tuple(want), 15, "the pixel in the middle has the colour of moving")
    tracker.exchange(wire.frame(8, [record(lat=54.69, ago=-1)]))
    page.see("Standing", within="[role=option]")
    proc.wait_until(lambda: page.colour(*middle) != tuple(want), 15, "it is no longer in the middle")
    page.click("option", "Truck 7")
    page.see("Connected since", within="aside")
    page.see(imei, within="aside")
    proc.check("device=%s" % ident in page.value("location.search"), "the address names the device")
    page.press("Escape")
    page.wait("!location.search.includes('device=')")
    page.fill("Search the fleet", "nothing like it")
    page.see("No device matches")
    page.fill("Search the fleet", "truck")
    page.see("1 of 1 device")
    page.clean("a position")


# A click on a link as soon as the map is there, and then some milliseconds later each time: somewhere in between it moves to the fleet.
SOON = """new Promise((go) => {
	const look = () => {
		const link = document.querySelector('a[href^="/events"]');
		if (link === null || document.querySelector('.maplibregl-canvas') === null) return void setTimeout(look, 5);
		setTimeout(() => { link.click(); go(true); }, %d);
	};
	look();
})"""


def test_leave(bench):
    """Whoever leaves the map while it still moves to the fleet gets to where they go."""
    database = bench.database()
    imei = imeis(1)[0]
    put(database, imei, "Van 3")
    gw = bench.gateway(database)
    _, _, page = started(bench, database)
    tracker = bench.tracker(gw, imei).login()
    tracker.exchange(wire.frame(8, [record()]))
    for delay in range(0, 360, 20):
        page.open("/")
        page.value(SOON % delay)
        page.wait("document.querySelector('h1')?.textContent === 'Events'")
    page.clean("leaving the map")


def test_command(bench):
    """A command is sent from its form after a preview; the ledger shows it go out and its answer, by itself."""
    database = bench.database()
    imei = imeis(1)[0]
    ident = put(database, imei, "Van 3")
    gw = bench.gateway(database)
    _, _, page = started(bench, database)
    tracker = bench.tracker(gw, imei)
    tracker.login()
    tracker.exchange(wire.frame(8, [record()]))
    page.open("/commands/send?to=%s" % ident)
    page.see("Van 3")
    page.click("radio", "Free text")
    page.fill("Command text", "getver")
    page.see("Will be queued")
    # A text of one's own may be anything: its first word opens the button.
    page.fill("Type “getver” to confirm", "getver")
    page.click("button", "Send to 1 device")
    page.see("1 command is on its way.")
    proc.equal(commands.read(tracker)[1], "getver", "what the tracker reads")
    page.click("link", "See the ledger")
    page.see("Sent", within="tbody")
    commands.answer(tracker, b"Ver:03.28.07 Hw:FMB120")
    page.see("Answered", within="tbody")
    page.see("Ver:03.28.07 Hw:FMB120")
    page.clean("a command")


def test_dangerous(bench):
    """A dangerous template is fenced: only its name, typed, opens the button."""
    database = bench.database()
    imei = imeis(1)[0]
    ident = put(database, imei, "Van 4")
    _, admin, page = started(bench, database)
    admin.post("/command-templates", {"name": "Block the engine", "text": "setdigout 1", "dangerous": True}, 201)
    page.open("/commands/send?to=%s" % ident)
    page.click("radio", "Block the engine")
    page.see("Will be queued")
    off = "[...document.querySelectorAll('button')].find((b) => b.textContent.startsWith('Send to')).disabled"
    proc.equal(page.value(off), True, "the button is off")
    page.fill("Type “Block the engine” to confirm", "Block the engin")
    proc.equal(page.value(off), True, "the button is off")
    page.fill("Type “Block the engine” to confirm", "Block the engine")
    page.click("button", "Send to 1 device")
    page.see("1 command is on its way.")
    proc.equal(database.query("SELECT max_attempts, expires_at < now() + interval '11 min' FROM device_commands"), "1\tt",
               "attempts and expiry")
    page.clean("a dangerous command")


def test_why(bench):
    """A tracker that stopped is silent in the list, and the diagnosis says why."""
    database = bench.database()
    imei = imeis(1)[0]
    put(database, imei, "Bus 12")
    gw = bench.gateway(database)
    _, _, page = started(bench, database)
    tracker = bench.tracker(gw, imei)
    tracker.login()
    tracker.exchange(wire.frame(8, [record(speed=50)]))
    page.see("50 km/h")
    tracker.close()
    proc.wait_until(lambda: database.query("SELECT online FROM device_online") == "f", 20, "the session has ended")
    # Two hours go by.
    database.query("UPDATE device_online SET last_seen_at = last_seen_at - interval '2 h',"
                   " last_record_at = last_record_at - interval '2 h', recorded_at = recorded_at - interval '2 h',"
                   " updated_at = clock_timestamp()")
    page.see("Silent", within="[role=option]")
    page.click("option", "Bus 12")
    page.click("link", "Why silent?")
    page.see("What to do")
    page.see("Facts")
    proc.check(len(page.value("document.querySelector('[aria-live] p').textContent")) > 20, "a verdict in a sentence")
    page.clean("why silent")


def test_not_ones_own(bench):
    """A device of another group is not there; a screen of administrators is not for others."""
    database = bench.database()
    one, two = imeis(2)
    server, admin, page = started(bench, database)
    north = admin.post("/groups", {"name": "North"}, 201)["id"]
    south = admin.post("/groups", {"name": "South"}, 201)["id"]
    put(database, one, "Mine", north)
    hidden = put(database, two, "Theirs", south)
    admin.make_user("ann", (north, "viewer"))
    page.new()
    page.sign_in("ann", web.PASSWORD)
    page.see("Mine", within="[role=option]")
    page.see("1 device")
    page.open("/?device=%s" % hidden)
    page.see("Nothing here")
    page.open("/devices/%s/why" % hidden)
    page.see("Nothing here")
    page.open("/people")
    page.see("This isn’t yours to see")
    proc.check("Theirs" not in page.value("document.body.innerText"), "nothing of the other group")
    page.clean("what isn't one's own")


def test_database_away(bench):
    """The database goes: the page says so and keeps what it has; it comes back, and the page by itself."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    imei = imeis(1)[0]
    put(database, imei, "Car 1")
    gw = bench.gateway(database)
    _, _, page = started(bench, database, WEB_POOL=4)
    page.see("Car 1")
    cluster.stop()
    page.see("What you see is old", within="[role=status]")
    page.see("Car 1")
    cluster.start()
    page.gone("What you see is old")
    tracker = bench.tracker(gw, imei)
    tracker.login()
    tracker.exchange(wire.frame(8, [record(speed=42)]))
    page.see("42 km/h")
    page.clean("a database that was away")


suite.main(globals())
