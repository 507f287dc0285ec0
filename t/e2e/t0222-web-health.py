#!/usr/bin/env python3
"""Fleet health with its tabs and the events, in a real Chromium with the real server, gateway, PostgreSQL and trackers.

What is wrong is counted, each device is named, and one click leads to what helps. Who has no right sees no way there.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import browser, proc, suite, web, wire
from lib.fleet import imeis
from lib.office import put, record, started

web.need()
browser.need()


def row(text):
    """The row of a table that says it."""
    return "tr:has-text('%s')" % text


def say(bench, gw, imei, *records):
    """A tracker comes, says it, and goes."""
    tracker = bench.tracker(gw, imei)
    tracker.login()
    tracker.exchange(wire.frame(8, list(records)))
    tracker.close()


def quarantine(database, imei, reason, frame):
    """A row as the gateway writes it; returns its id."""
    return database.query(
        "INSERT INTO device_ingest_raw (imei, reason, frame, frame_hash, received_at, last_seen_at) VALUES"
        " ('%s', '%s', '\\x%s', (SELECT count(*) FROM device_ingest_raw), now(), now()) RETURNING id"
        % (imei, reason, frame.hex()))


def choose(page, name):
    """Ticks a box."""
    page.value("void [...document.querySelectorAll('main label')].find((l) => l.textContent.includes('%s'))"
               ".querySelector('input').focus()" % name)
    page.press("Space")


def kind(name, count):
    """Its tile says how many."""
    return "[...document.querySelectorAll('main nav li a')].some((a) => a.textContent === '%d%s')" % (count, name)


def test_overview(bench):
    """Each kind of ill has its count and its devices; one click leads to the diagnosis, the ledger, the refused."""
    database = bench.database()
    gw = bench.gateway(database)
    _, admin, page = started(bench, database)
    north = admin.post("/groups", {"name": "North"}, 201)["id"]
    silent, dark, late, waits, stranger = imeis(5)
    put(database, silent, "Silent truck", north)
    put(database, dark, "Dark van")
    put(database, late, "Late car")
    put(database, waits, "Waiting bus")
    say(bench, gw, silent, record(ago=3 * 86400))
    say(bench, gw, late, record())
    say(bench, gw, waits, record(ago=40 * 86400))
    bench.tracker(gw, stranger).handshake()
    quarantine(database, late, "crc", b"\x00\x01")
    proc.wait_until(lambda: len(admin.get("/devices")["items"]) == 4, 30, "the server knows the devices")
    admin.send_text(["imei:" + waits], "getinfo")
    database.query("ALTER TABLE device_commands DISABLE TRIGGER USER;"
                   " UPDATE device_commands SET created_at = now() - interval '2 hours';"
                   " ALTER TABLE device_commands ENABLE TRIGGER USER")
    page.open("/")
    page.click("link", "Health")
    for name, count in (("Silent", 2), ("Never seen", 1), ("Online, no fix", 0), ("In quarantine", 1), ("Commands stuck", 1),
                        ("Refused", 1)):
        page.wait(kind(name, count))
    page.see("Needs attention: 4 of 4 devices")
    page.see("3 d", within=row("Silent truck"))
    page.see("no rhythm yet", within=row("Silent truck"))
    page.see("3 times", within=row("Silent truck"))
    # The longest silent comes first.
    page.wait("document.querySelector('tbody tr').textContent.includes('Waiting bus')")
    page.click("button", "1 to 7 days 1")
    page.see("Silent truck", within="tbody")
    page.wait("!document.querySelector('tbody').textContent.includes('Waiting bus')")
    page.wait("location.search.includes('over=86400')")
    page.click("link", "In quarantine")
    page.see("1 frame", within=row("Late car"))
    page.click("link", "Commands stuck")
    page.see("1 command", within=row("Waiting bus"))
    page.click("link", "Open the ledger")
    page.see("getinfo", within="tbody")
    page.value("history.back()")
    page.click("link", "Never seen")
    page.see("Dark van", within="tbody")
    page.click("link", "Why silent?")
    page.see("Facts")
    page.open("/health?kind=refused")
    page.see("Nobody has registered its IMEI", within=row(stranger))
    page.click("link", "Add it")
    page.see("Add %s" % stranger)
    page.open("/health?group=%s" % north)
    page.see("Needs attention: 1 of 1 device")
    page.open("/health?kind=clock")
    page.see("Every clock is right")
    page.click("link", "Silent")
    page.click("link", "Silent truck")
    page.see("Readings", within="aside")
    page.clean("Fleet health")
    # A viewer of one group sees its devices, and no way to what is not theirs.
    admin.make_user("ann", (north, "viewer"))
    page.new()
    page.sign_in("ann", web.PASSWORD)
    page.open("/health")
    page.see("Needs attention: 1 of 1 device")
    page.see("Silent truck", within="tbody")
    for word in ("Why silent?", "Refused", "Gateways"):
        page.gone(word)
    page.open("/health?kind=refused")
    page.see("Silent truck")
    page.clean("Fleet health of a viewer")

def test_quarantine(bench):
    """A frame is looked at with its bytes, decoded again, dropped, one and many; the page says what the gateway has booked."""
    database = bench.database()
    _, admin, page = started(bench, database)
    mine, theirs = imeis(2)
    north = admin.post("/groups", {"name": "North"}, 201)["id"]
    put(database, mine, "Mine", north)
    put(database, theirs, "Theirs")
    good = wire.frame(8, [record(io=[(239, b"\x01")])])
    quarantine(database, mine, "codec", wire.message(12, 6, b"password=secret"))
    first = quarantine(database, mine, "codec", good)
    quarantine(database, theirs, "structure", good[:30])
    quarantine(database, "359999999999999", "crc", b"\x00\x01")
    page.open("/health")
    page.open("/quarantine")
    page.see("Records don’t fit", within=row("Theirs"))
    page.see("Nobody has registered this IMEI", within=row("359999999999999"))
    page.click("link", "Look at frame %s" % first)
    page.see("CRC right")
    page.see("Ignition")
    page.see("00 00 00 00 00 00 00", within="[role=region]")
    page.click("button", "Decode again")
    page.see("Waits for the gateway to decode it", within="header")
    bench.gateway(database)
    page.see("Decoded: 1 stored, 0 known already", within="header")
    page.open("/quarantine")
    page.see("Wrong CRC", within="tbody")
    page.gone("Frame %s of Mine" % first)
    page.click("button", "With what is done")
    page.see("Decoded: 1 stored", within=row("Mine"))
    page.click("button", "In quarantine")
    page.wait("!document.querySelector('tbody').textContent.includes('Decoded')")
    # Many at once: what becomes of each stays in sight.
    choose(page, "Choose all 3")
    page.see("3 frames chosen")
    page.click("button", "Decode again")
    page.see("Decoded: 1 stored, 0 known already", within=row("Mine"))
    page.wait("[...document.querySelectorAll('tbody tr')].filter((r) => r.textContent.includes('Waits')).length === 0")
    choose(page, "of Theirs")
    page.see("1 frame chosen")
    page.click("button", "Drop")
    page.see("Drop this frame?", within="[role=dialog]")
    page.press("Escape")
    page.wait("document.querySelector('[role=dialog]') === null")
    page.click("button", "Drop")
    page.click("button", "Drop frame")
    page.see("Dropped", within=row("Theirs"))
    page.clean("the quarantine")
    proc.equal(database.query("SELECT request_result FROM device_ingest_raw WHERE imei = '%s'" % theirs), "dropped", "booked")
    # An installer of one group sees its frames alone; a message, which may hold a password, is not read to them.
    again = quarantine(database, mine, "message", wire.message(12, 6, b"password=secret"))
    admin.make_user("ivo", (north, "installer"))
    page.new()
    page.sign_in("ivo", web.PASSWORD)
    page.open("/quarantine")
    page.see("Mine", within="tbody")
    page.gone("359999999999999")
    page.click("link", "Look at frame %s" % again)
    page.see("Your role doesn’t read texts and answers")
    proc.check("secret" not in page.value("document.body.innerText"), "no password")
    # A viewer is told that it isn't theirs.
    admin.make_user("ann", (north, "viewer"))
    page.new()
    page.sign_in("ann", web.PASSWORD)
    for path in ("/quarantine", "/quarantine/%s" % again):
        page.open(path)
        page.see("This isn’t yours to see")


def test_events(bench):
    """Events come while one looks, pass the filters of the address, and lead to the device, its place and that moment."""
    database = bench.database()
    gw = bench.gateway(database)
    _, admin, page = started(bench, database)
    north = admin.post("/groups", {"name": "North"}, 201)["id"]
    one, two = imeis(2)
    first = put(database, one, "Van", north)
    put(database, two, "Truck")
    database.query("UPDATE devices SET device_model = 'FMB920'")
    page.open("/events")
    page.see("No events")
    say(bench, gw, one, record(event=239, io=[(239, b"\x01")]), record(ago=1, event=246, priority=2, io=[(246, b"\x01")]))
    page.see("Ignition on", within=row("Van"))
    page.see("Alarm", within=row("Towing"))
    say(bench, gw, two, record(ago=7200, event=239, io=[(239, b"\x00")]))
    page.see("arrived 2 h later", within=row("Truck"))
    page.wait("document.querySelector('tbody tr').textContent.includes('Truck')")
    page.click("button", "Alarms")
    page.wait("location.search === '?severity=alarm' && document.querySelectorAll('tbody tr').length === 1")
    page.see("Towing", within="tbody")
    page.open("/events?kind=ignition_on,ignition_off&group=%s" % north)
    page.see("Ignition on", within="tbody")
    page.wait("document.querySelectorAll('tbody tr').length === 1")
    page.open("/events?last=3600")
    page.wait("document.querySelectorAll('tbody tr').length === 3")
    page.open("/events?day=2020-01-31")
    page.see("No events")
    page.open("/events")
    page.wait("document.querySelector('[role=combobox]') !== null")
    page.value("document.querySelector('[role=combobox]').focus()")
    for letter in "truc":
        page.press(letter)
    page.click("option", "Truck")
    page.see("Only Truck")
    page.wait("document.querySelectorAll('tbody tr').length === 1")
    page.click("button", "Only Truck")
    page.wait("document.querySelectorAll('tbody tr').length === 3")
    page.click("link", "Map: where Van was")
    page.see("Readings", within="aside")
    page.wait("location.search.includes('at=54.68')")
    page.click("link", "All events")
    page.see("Only Van")
    page.click("link", "History of Van at that moment")
    page.wait("location.pathname === '/devices/%s/history'" % first)
    # The cursor stands there: its time is beside the replay.
    page.wait(r"/\d\d:\d\d:\d\d/.test(document.querySelector('[role=group][aria-label=Moment]')?.innerText ?? '')")
    page.clean("events")
    admin.make_user("ann", (north, "viewer"))
    page.new()
    page.sign_in("ann", web.PASSWORD)
    page.click("link", "Events")
    page.see("Towing", within="tbody")
    page.wait("!document.querySelector('tbody').textContent.includes('Truck')")
    page.clean("events of a viewer")


def test_gateways(bench):
    """What each gateway says of itself; one that is away, and one that nobody asks, are said plainly."""
    database = bench.database()
    gw = bench.gateway(database, TELEM_GATEWAY_ID="north")
    bench.gateway(database, TELEM_GATEWAY_ID="south")
    server, admin, page = started(bench, database, WEB_GATEWAYS="any=http://127.0.0.1:%s,west=http://127.0.0.1:1" % gw.keys["METRICS_PORT"])
    imei = imeis(1)[0]
    put(database, imei, "Van")
    tracker = bench.tracker(gw, imei)
    tracker.login()
    page.open("/health")
    page.click("link", "Gateways")
    # Which gateway an address is, it says itself.
    north, south, west = ("section:has(h2:text-is('%s'))" % g for g in ("north", "south", "west"))
    page.see("Ready", within=north)
    page.see("stores", within=north)
    page.see("Worker", within=north)
    page.see("Name it in WEB_GATEWAYS", within=south)
    page.see("it does not answer", within=west)
    tracker.exchange(wire.frame(8, [record()]))
    shown = "[...document.querySelectorAll('dl div')].find((d) => d.textContent.startsWith('%s'))?.textContent"
    page.wait("Number((%s ?? '').replace('Records a second', '')) > 0" % (shown % "Records a second"))
    page.wait("/\\d ms$/.test(%s ?? '')" % (shown % "Acknowledged"))
    proc.equal(page.value(shown % "Devices online"), "Devices online1", "online")
    # An installer of one group alone is told that it isn't theirs.
    admin.make_user("ivo", (admin.post("/groups", {"name": "North"}, 201)["id"], "installer"))
    ivo = browser.Page(bench, server)
    ivo.sign_in("ivo", web.PASSWORD)
    ivo.open("/gateways")
    ivo.see("This isn’t yours to see")
    gw.send_signal(9)
    page.see("it does not answer", within=north)
    database.query("UPDATE gateways SET seen_at = seen_at - interval '2 min' WHERE id = 'north'")
    page.see("It has not been heard for a minute or more", within=north)
    page.clean("gateways")


suite.main(globals())
