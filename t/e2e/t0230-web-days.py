#!/usr/bin/env python3
"""Three days of work in a real Chromium, with the real server, gateway, PostgreSQL and trackers: a dispatcher's at the desk, an
installer's with a phone in the car, an administrator's.

Each is written down as it goes, through the pages alone: by what one sees and clicks, never by an address, and with what the role
may. What the day began with (users, templates, what trackers sent before) is there already.
"""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import browser, commands, proc, suite, web, wire
from lib.drive import Drive
from lib.fleet import imeis
from lib.office import put, record, started, upload

web.need()
browser.need()

IGNITION, TOWING = 239, 246
DAYS = 86400   # seconds


def row(text):
    """The row of a table that says it."""
    return "tr:has-text('%s')" % text


def yesterday(hour):
    """That hour of yesterday, where the browser is, in milliseconds."""
    day = time.localtime(time.time() - DAYS)
    return int(time.mktime((day.tm_year, day.tm_mon, day.tm_mday, hour, 0, 0, 0, 0, -1))) * 1000


def sign_out(page, name):
    page.click("button", "Account: %s" % name)
    page.click("menuitem", "Sign out")
    page.wait("location.pathname === '/login'")


def test_dispatcher(bench):
    """A dispatcher's day: who is silent, an alarm, a vehicle that is followed, where it was yesterday, a command, a track as a file."""
    database = bench.database()
    gw = bench.gateway(database)
    server, admin, page = started(bench, database)
    deliveries = admin.post("/groups", {"name": "Deliveries"}, 201)["id"]
    there, silent, other = imeis(3)
    put(database, there, "Truck 1", deliveries)
    put(database, silent, "Truck 2", deliveries)
    put(database, other, "Somebody else")
    database.query("UPDATE devices SET device_model = 'FMB920'")
    admin.make_user("dora", (deliveries, "operator"), reads=True)
    admin.post("/command-templates", {"name": "Where are you?", "text": "getgps"}, 201)
    lost = bench.tracker(gw, silent).login()
    lost.exchange(wire.frame(8, [record(ago=3 * DAYS)]))
    lost.reset()
    tracker = bench.tracker(gw, there).login()
    drive = Drive(yesterday(8)).stand(1200, every=300).go(1800, 50, 90).stand(1800, every=300).go(1200, 90, 45).stand(900, every=300)
    drive.send(tracker)
    tracker.exchange(wire.frame(8, [record(ago=60)]))

    # Morning: who is silent, and why?
    page.new()
    page.sign_in("dora", web.PASSWORD)
    page.see("2 devices")
    page.gone("Somebody else")
    page.click("link", "Health")
    page.see("Needs attention: 1 of 2 devices")
    page.see("3 d", within=row("Truck 2"))
    page.click("link", "Truck 2")
    page.see("Not connected since", within="aside")
    page.see("The connection broke off", within="aside")
    # The diagnosis is an installer's.
    page.gone("Why silent?")

    # An alarm comes, and leads to the vehicle.
    tracker.exchange(wire.frame(8, [record(speed=40)]))
    tracker.exchange(wire.frame(8, [record(speed=40, ago=-1, event=TOWING, priority=2, io=[(TOWING, b"\x01")])]))
    page.see("Towing", within="[role=log]")
    page.see("Truck 1", within="[role=log]")
    page.click("link", "Show on map")
    page.see("40 km/h", within="aside")
    page.see("Towing", within="aside")

    # It is followed: the map goes where it goes.
    page.click("button", "Follow")
    page.see("Following", within="aside")
    tracker.exchange(wire.frame(8, [record(lat=54.72, lon=25.41, speed=55, ago=-2)]))
    page.see("55 km/h", within="aside")
    page.wait("Math.abs(Number(new URLSearchParams(location.search).get('at')?.split(',')[0]) - 54.72) < 0.001")

    # Where was it yesterday?
    page.click("link", "History", within="aside")
    page.click("button", "Previous day")
    page.see("25 km E of Vilnius")
    page.wait("[...document.querySelectorAll('ul li[data-kind]')].map((e) => e.dataset.kind).join(' ').startsWith('stop trip stop trip stop')")
    page.see("90 km/h")
    page.wait("Number(document.querySelector('.maplibregl-canvas')?.dataset.lines) >= 2")

    # Its track as a file, for the customer.
    page.click("button", "Export")
    name, track = page.download("menuitem", "GPX, for maps")
    proc.check(there in name and name.endswith(".gpx"), "the file is called %s" % name)
    proc.equal(track.count("<trkpt"), len(drive.records), "points of the track")

    # A command by a template; the answer is read.
    page.click("link", "Back")
    page.click("link", "Send command")
    page.see("Truck 1")
    page.gone("Free text")
    page.click("radio", "Where are you?")
    page.see("Will be queued")
    page.click("button", "Send to 1 device")
    page.see("1 command is on its way.")
    proc.equal(commands.read(tracker)[1], "getgps", "what the tracker reads")
    page.click("link", "See the ledger")
    page.see("Sent", within="tbody")
    commands.answer(tracker, b"GPS:1 Sat:9 Lat:54.720000 Long:25.410000")
    page.see("Answered", within=row("getgps"))
    page.see("Lat:54.720000", within=row("getgps"))
    page.clean("a dispatcher's day")
    sign_out(page, "dora")


def test_installer(bench):
    """An installer's day with a phone: a tracker is added in the car and checked, a refused one let in, a silent one explained."""
    database = bench.database()
    control = os.path.join(bench.folder, "control")
    gw = bench.gateway(database, TELEM_CONTROL_SOCKET=control)
    server, admin, page = started(bench, database, control=control)
    admin.post("/groups", {"name": "Vans"}, 201)
    new, waiting, silent = imeis(3)
    put(database, silent, "Bus 12")
    say = bench.tracker(gw, silent).login()
    say.exchange(wire.frame(8, [record(ago=3 * DAYS)]))
    say.reset()
    admin.make_user("ivo", ("1", "installer"))

    # Morning, in the car: the tracker has power, and nobody has registered it.
    proc.equal(bench.tracker(gw, new).handshake(), b"\0", "the answer to a tracker that nobody knows")
    page.new(390, 844)
    page.sign_in("ivo", web.PASSWORD)
    page.click("link", "Install")
    page.fill("IMEI", new)
    page.click("button", "Check")
    page.see("It has called and was turned away")
    page.see("0 of 5")
    page.click("button", "Register it")
    page.fill("Name", "Van 7")
    page.fill("Plate", "ABC 123")
    page.fill("Model", "FMB920")
    page.click("button", "Group")
    page.click("option", "Vans")
    page.click("button", "Add tracker")
    page.see("1 of 5")

    # It lets itself in, and the list turns green step by step.
    tracker = bench.tracker(gw, new).login()
    page.see("2 of 5")
    page.see("It has not sent a record yet.")
    tracker.exchange(wire.frame(8, [wire.Record(record().ts, sats=0)]))
    page.see("3 of 5")
    page.see("It has never had a fix.")
    page.see("It doesn’t report the ignition.")
    tracker.exchange(wire.frame(8, [record(ago=-1, io=[(IGNITION, b"\x00")])]))
    page.see("4 of 5")
    page.see("Turn the ignition on now.")
    tracker.exchange(wire.frame(8, [record(ago=-2, io=[(IGNITION, b"\x01")])]))
    page.see("5 of 5")
    page.see("All is well: this tracker is ready.")
    proc.equal(page.value("document.documentElement.scrollWidth > innerWidth"), False, "it fits the phone")

    # Noon: another one has called meanwhile; it is found among the refused, and is in by its next try.
    bench.tracker(gw, waiting).handshake()
    page.click("link", "Health")
    page.click("link", "Refused")
    page.see("Nobody has registered its IMEI", within=row(waiting))
    page.click("button", "Add it: %s" % waiting)
    page.fill("Name", "Van 8")
    page.click("button", "Add tracker")
    page.see("Comes in at its next try", within=row(waiting))
    bench.tracker(gw, waiting).login().exchange(wire.frame(8, [record()]))
    page.see("Connected", within=row(waiting))

    # Afternoon: a customer calls about a silent one. The diagnosis says why; the trace shows it come back.
    page.click("link", "Health")
    page.click("link", "Silent")
    page.click("link", "Bus 12")
    page.click("link", "Why silent?")
    page.see("The connection broke off", within="[aria-live]")
    page.see("What to do")
    page.click("button", "Start trace")
    page.see("listening")
    back = bench.tracker(gw, silent).login()
    back.exchange(wire.frame(8, [record(speed=30)]))
    page.see("handshake accepted")
    page.see("acknowledged 1")
    page.click("button", "Stop")
    page.click("link", "Back")
    page.see("Connected since", within="aside")
    page.clean("an installer's day")
    sign_out(page, "ivo")


def test_admin(bench):
    """An administrator's day: a group, a user with a role in it, devices from a file, a template, who did what, a user who is shut out at once."""
    database = bench.database()
    gw = bench.gateway(database)
    server, _, page = started(bench, database)
    one, two = imeis(2)

    # Morning: a new depot with a dispatcher of its own.
    page.click("link", "People")
    page.click("link", "Groups")
    page.click("button", "Add group")
    page.fill("Name of the group", "South")
    page.click("button", "Save")
    page.see("South", within="table")
    page.click("link", "Users")
    page.click("button", "Add user")
    page.fill("Name", "Olga Berg")
    page.fill("Sign-in name", "olga")
    page.click("button", "Role")
    page.click("option", "Operator")
    page.click("button", "Group")
    page.click("option", "South")
    page.click("button", "Save")
    page.see("Give this link to Olga Berg")
    link = page.value("document.querySelector('[role=dialog] code').textContent")
    page.press("Escape")
    page.see("Operator", within=row("Olga Berg"))

    # She opens the link, chooses a password, and has no devices yet.
    olga = browser.Page(bench, server)
    olga.open(link[link.index("/setup#"):])
    olga.fill("Password", web.PASSWORD)
    olga.fill("Password again", web.PASSWORD)
    olga.click("button", "Finish")
    olga.see("No devices yet")

    # Her vehicles come in a file. She sees them as soon as they are there, and one that drives a moment later.
    page.click("link", "Devices")
    page.click("link", "Import CSV")
    upload(page, "south.csv", "imei;name;plate;model;group\n%s;Van 1;AAA 111;FMB920;South\n%s;Van 2;BBB 222;FMB920;South\n" % (one, two))
    page.see("New 2")
    page.click("button", "Import 2 devices")
    page.see("2 devices added")
    page.click("link", "See the devices")
    page.see("Van 2", within="[role=grid]")
    olga.see("2 devices")
    bench.tracker(gw, one).login().exchange(wire.frame(8, [record(speed=44)]))
    olga.see("44 km/h", within="[role=option]")

    # Noon: she asks for a command that drivers' positions come by at once.
    page.click("link", "Commands")
    page.click("link", "Templates")
    page.click("button", "New template")
    page.fill("Name", "Where are you?")
    page.fill("Command text", "getgps")
    page.click("button", "Save")
    page.see("getgps", within=row("Where are you?"))
    olga.click("option", "Van 1")
    olga.click("link", "Send command")
    olga.click("radio", "Where are you?")
    olga.see("Will be queued")

    # Afternoon: who did what?
    page.click("link", "People")
    page.click("link", "Audit log")
    for deed in ("Made a group", "Made a user", "Imported devices", "Made a template"):
        page.see(deed, within="tbody")
    page.click("button", "Who")
    page.click("option", "Olga Berg")
    page.see("Set their own password by a link", within=row("olga"))
    page.gone("Made a group")

    # Evening: she leaves the company. Her session ends while she looks at it, and her password opens nothing.
    page.click("link", "Users")
    page.click("button", "Edit Olga Berg")
    page.click("button", "Disable")
    page.see("Disable Olga Berg?")
    page.click("button", "Disable")
    page.see("Disabled", within=row("Olga Berg"))
    olga.wait("location.pathname === '/login'")
    olga.fill("Sign-in name", "olga")
    olga.fill("Password", web.PASSWORD)
    olga.click("button", "Sign in")
    olga.see("Name or password is wrong.")
    page.click("link", "Audit log")
    page.wait("location.pathname === '/audit' && location.search === ''")
    page.see("Changed a user", within="tbody")
    page.clean("an administrator's day")
    olga.clean("a user who was shut out")
    sign_out(page, "admin")


suite.main(globals())
