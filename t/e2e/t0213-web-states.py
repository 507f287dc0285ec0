#!/usr/bin/env python3
"""The pages of the web application when something is missing, and by keyboard alone, in a real Chromium.

The database is away, the gateway is away, a right is missing, the server has a fault: each screen says so, and comes back by itself
where that can be. The address is the view, and the way back works. Whoever has no mouse gets everywhere, and sees where they are.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import browser, proc, suite, web, wire
from lib.fleet import imeis
from lib.office import put, record, started

web.need()
browser.need()

# The element that has the focus: its name, and whether one sees that it has it.
FOCUS = """(() => { const e = document.activeElement;
  if (!e || e === document.body) return ['', true];
  const seen = (x) => { const s = getComputedStyle(x); return (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0)
      || s.boxShadow !== 'none'; };
  const labelled = (e.getAttribute('aria-labelledby') ?? '').split(' ').map((i) => document.getElementById(i)?.textContent ?? '').join(' ');
  const name = [e.getAttribute('aria-label'), labelled, e.labels?.[0]?.textContent, e.textContent].find((t) => t?.trim()) ?? '';
  const shown = seen(e) || [e.parentElement, e.nextElementSibling, e.closest('label')].some((x) => x && seen(x));
  return [name.trim().slice(0, 60), shown]; })()"""


def focus(page):
    return page.value(FOCUS)


def walk(page, most=80):
    """All stops of the tab key from the top of the page to its end."""
    page.value("(document.activeElement?.blur(), window.getSelection()?.removeAllRanges())")
    stops = []
    for _ in range(most):
        page.press("Tab")
        at = focus(page)
        if at[0] == "" and page.value("document.activeElement === document.body"):
            # A page that puts the focus into a field itself begins behind that one.
            if not stops:
                continue
            break
        if stops and at == stops[0]:
            break
        stops.append(at)
    return stops


def test_keyboard_walk(bench):
    """On every screen each stop of the tab key has a name and shows that it has the focus."""
    database = bench.database()
    ident = put(database, imeis(1)[0], "Truck 1")
    _, admin, page = started(bench, database)
    admin.post("/command-templates", {"name": "Versions", "text": "getver"}, 201)
    database.query("INSERT INTO device_ingest_raw (imei, reason, frame, frame_hash, received_at, last_seen_at) VALUES"
                   " ('%s', 'crc', '\\x0001', 1, now(), now())" % imeis(1)[0])
    screens = {"/": "Truck 1", "/?device=%s" % ident: "Readings", "/commands": "No commands",
               "/devices": "Truck 1", "/devices?edit=%s" % ident: "Notes", "/devices?add=true": "15 digits",
               "/devices/import": "Drop a CSV", "/models": "What do its values mean?",
               "/commands/send?to=%s" % ident: "Versions", "/commands/templates": "getver",
               "/commands/templates?add=true": "Command text", "/devices/%s/why" % ident: "Facts", "/refused": "No tracker was refused",
               "/people": "Add user", "/people?tab=groups": "Add group", "/people?user=1": "Save", "/account": "Password",
               "/health": "Needs attention: 1 of 1 device", "/events": "No events", "/quarantine": "2 bytes", "/quarantine/1": "Its bytes",
               "/gateways": "No gateway yet",
               "/audit": "Signed in", "/settings": "WEB_POOL", "/install": "15 digits", "/install?imei=%s" % imeis(1)[0]: "Sends records"}
    wrong = []
    for path, text in screens.items():
        page.open(path)
        page.see(text)
        stops = walk(page)
        proc.check(len(stops) >= 5, "%s has only %s" % (path, stops))
        wrong += ["%s: a stop without a name after %s" % (path, stops[max(0, i - 1)]) for i, s in enumerate(stops) if not s[0]]
        wrong += ["%s: one does not see that %s has the focus" % (path, s[0]) for s in stops if not s[1]]
    proc.check(not wrong, "\n".join(wrong))
    page.clean("the tab key")


def test_keyboard_alone(bench):
    """Without a mouse: past the rail, to the search, into the list, the sheet, a dialog, and each time back again."""
    database = bench.database()
    one, two = imeis(2)
    put(database, one, "Truck 1")
    put(database, two, "Truck 2")
    _, _, page = started(bench, database)
    page.open("/")
    page.see("Truck 2", within="[role=option]")
    page.press("Tab")
    page.see("Skip to content")
    page.press("Enter")
    page.wait("document.activeElement?.id === 'content'")
    page.press("/")
    page.wait("document.activeElement?.getAttribute('aria-label') === 'Search the fleet'")
    page.press("2")
    page.see("1 of 2 devices")
    page.press("Escape")
    page.see("2 devices")
    while page.value("document.activeElement?.getAttribute('role') !== 'listbox'"):
        page.press("Tab")
    page.press("End")
    page.press("Enter")
    page.see("Readings", within="aside")
    page.wait("document.activeElement?.tagName === 'ASIDE'")
    proc.check("Truck 2" in page.value("document.title"), "the tab's title")
    page.press("Escape")
    page.wait("!location.search.includes('device=') && document.activeElement?.getAttribute('role') === 'listbox'")
    page.open("/people")
    page.see("Add user")
    page.value("[...document.querySelectorAll('button')].find((b) => b.textContent.includes('Add user')).focus()")
    page.press("Enter")
    page.see("Sign-in name", within="[role=dialog]")
    page.wait("document.querySelector('[role=dialog]')?.contains(document.activeElement)")
    for _ in range(14):
        page.press("Tab")
        proc.check(page.value("document.querySelector('[role=dialog]').contains(document.activeElement)"), "the dialog keeps the focus")
    page.press("Escape")
    page.wait("document.querySelector('[role=dialog]') === null")
    page.wait("document.activeElement?.textContent.includes('Add user')")
    page.clean("the keyboard")


def test_command_by_keyboard(bench):
    """A command is chosen, previewed and sent by keyboard; the focus follows to what came of it."""
    database = bench.database()
    put(database, imeis(1)[0], "Truck 1")
    _, admin, page = started(bench, database)
    admin.post("/command-templates", {"name": "Versions", "text": "getver"}, 201)
    page.open("/commands/send")
    page.see("Choose at least one device.")
    page.fill("Add a device", "truck")
    page.see("Truck 1")
    page.press("Tab")
    page.press("Enter")
    page.see("Choose what to send.")
    while page.value("document.activeElement?.type !== 'radio'"):
        page.press("Tab")
    page.press("Space")
    page.see("Will be queued")
    page.see("not connected: it waits")
    while page.value("!document.activeElement?.textContent.startsWith('Send to 1 device')"):
        page.press("Tab")
    page.press("Enter")
    page.see("1 command is on its way.")
    page.wait("document.activeElement?.textContent.includes('on its way')")
    page.press("Tab")
    page.press("Tab")
    page.press("Enter")
    page.see("goes out when the device is connected", within="tbody")
    page.clean("a command by keyboard")


def test_address(bench):
    """The address is the view: a filter, a device, a tab come by it, and the way back leads through them."""
    database = bench.database()
    ident = put(database, imeis(1)[0], "Truck 1")
    _, admin, page = started(bench, database)
    page.open("/?q=nothing")
    page.see("No device matches")
    page.open("/devices/%s" % ident)
    page.see("Readings", within="aside")
    proc.check("device=%s" % ident in page.value("location.search"), "the address of a device leads to its sheet")
    page.open("/")
    page.click("option", "Truck 1")
    page.see("Readings", within="aside")
    page.click("link", "Why silent?")
    page.see("Facts")
    page.value("history.back()")
    page.see("Readings", within="aside")
    page.value("history.back()")
    page.wait("document.querySelector('aside') === null && location.pathname === '/'")
    page.value("history.forward()")
    page.see("Readings", within="aside")
    page.open("/?group=foo")
    page.see("There is no such filter")
    page.click("button", "Clear filter")
    page.see("Truck 1", within="[role=option]")
    page.open("/people?user=999999")
    page.see("There is no such user", within="[role=alert]")
    templates = [admin.post("/command-templates", {"name": text, "text": text}, 201)["id"] for text in ("getver", "getinfo")]
    first, second = [admin.post("/devices/%s/commands" % ident, {"template": id}, 201)["id"] for id in templates]
    page.open("/commands?id=%s" % first)
    page.see("Only command %s" % first)
    page.see("getver", within="tbody")
    proc.check("getinfo" not in page.value("document.body.innerText"), "nothing of command %s" % second)
    page.click("link", "Only command %s" % first)
    page.see("getinfo", within="tbody")
    page.open("/people")
    page.click("link", "Groups")
    page.see("Add group")
    proc.equal(page.value("[...document.querySelectorAll('main nav [aria-current]')].map((e) => e.textContent)"), ["Groups"],
               "the tab that one is on")
    page.value("history.back()")
    page.see("Add user")
    page.clean("addresses")


def test_forbidden(bench):
    """A viewer finds no button that they may not press, and each address that isn't theirs says so."""
    database = bench.database()
    ident = put(database, imeis(1)[0], "Truck 1")
    server, admin, page = started(bench, database)
    admin.make_user("ann", ("1", "viewer"))
    page.new()
    page.sign_in("ann", web.PASSWORD)
    page.click("option", "Truck 1")
    page.see("Readings", within="aside")
    for word in ("Send command", "Diagnosis", "Refused", "People", "Devices"):
        proc.check(word not in page.value("document.body.innerText"), "%s is not offered" % word)
    for path in ("/commands/send?to=%s" % ident, "/devices/%s/why" % ident, "/refused", "/people", "/quarantine",
                 "/quarantine/1", "/gateways", "/devices", "/devices/import"):
        page.open(path)
        page.see("This isn’t yours to see")
    admin.make_user("bob")
    page.new()
    page.sign_in("bob", web.PASSWORD)
    page.see("You have no rights yet")
    page.open("/nowhere")
    page.see("There is no such page")
    page.clean("what is forbidden")


def test_database_away(bench):
    """Each screen that is opened while the database is away says so, and fills itself when it is back; so does the sign-in."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    ident = put(database, imeis(1)[0], "Car 1")
    server, _, page = started(bench, database, WEB_POOL=4)
    pages = {"/": "Car 1", "/devices": "Car 1", "/models": "What do its values mean?", "/commands": "No commands", "/commands/send?to=%s" % ident: "Free text",
             "/devices/%s/why" % ident: "Facts", "/people": "Add user", "/account": "Where you are signed in",
             "/?device=%s" % ident: "Readings", "/health": "Needs attention: 1 of 1 device", "/events": "No events",
             "/quarantine": "Nothing in quarantine"}
    for path, text in pages.items():
        page.open(path)
        page.see(text)
        cluster.stop()
        page.see("What you see is old", within="[role=status]")
        page.open(path)
        page.see("tries again by itself")
        cluster.start()
        page.see(text)
        page.gone("What you see is old")
    stranger = browser.Page(bench, server)
    cluster.stop()
    stranger.open("/login")
    stranger.fill("Sign-in name", "admin")
    stranger.fill("Password", web.PASSWORD)
    stranger.click("button", "Sign in")
    stranger.see("The server can’t reach its database")
    cluster.start()
    proc.wait_until(lambda: server.ops("/readyz")[0] == 200, 60, "the server has its database")
    stranger.click("button", "Sign in")
    stranger.see("Live", within="header")


def test_server_away(bench):
    """The server goes: the page says so; it comes back, and the page by itself, without a new sign-in."""
    database = bench.database()
    put(database, imeis(1)[0], "Car 1")
    server, _, page = started(bench, database)
    page.see("Car 1")
    page.wait("performance.getEntriesByType('resource').some((r) => r.name.includes('/assets/ledger'))")
    away_and_back(server, page)


def away_and_back(server, page):
    port = server.port
    server.stop()
    page.see("This page has lost the server", within="[role=status]")
    page.click("link", "Commands")
    page.see("The server can’t be reached")
    page.withhold(None)
    server.keys["WEB_PORT"] = str(port)
    server.start()
    page.see("No commands")
    page.gone("This page has lost the server")


def test_code_away(bench):
    """The server goes before a screen's code has come: the same. One whose code the server lacks says that it has a fault."""
    database = bench.database()
    put(database, imeis(1)[0], "Car 1")
    server, _, page = started(bench, database)
    page.withhold("/assets/ledger")
    page.open("/")
    page.see("Car 1")
    away_and_back(server, page)
    page.withhold("/assets/events")
    page.open("/commands")
    page.click("link", "Events")
    page.see("This page has a fault")
    page.click("link", "Commands")
    page.see("No commands")
    page.click("link", "Events")
    page.see("This page has a fault")
    page.withhold(None)
    page.click("button", "Load again")
    page.see("No events")


def test_gateway_away(bench):
    """A gateway that isn't heard of is named on the page; the diagnosis says that it doesn't answer."""
    database = bench.database()
    imei = imeis(1)[0]
    ident = put(database, imei, "Car 1")
    gw = bench.gateway(database, TELEM_GATEWAY_ID="north")
    _, _, page = started(bench, database, WEB_GATEWAYS="north=http://127.0.0.1:%s" % gw.keys["METRICS_PORT"])
    tracker = bench.tracker(gw, imei)
    tracker.login()
    tracker.exchange(wire.frame(8, [record()]))
    page.see("Standing", within="[role=option]")
    gw.send_signal(9)
    # Two minutes go by.
    database.query("UPDATE gateways SET seen_at = seen_at - interval '2 min'")
    page.see("north has not been heard", within="[role=status]")
    page.open("/devices/%s/why" % ident)
    page.see("no answer")
    # Two days later, as no other lives, it is still said; one that lives takes its place.
    database.query("UPDATE gateways SET seen_at = seen_at - interval '2 days'")
    page.open("/")
    page.see("north has not been heard", within="[role=status]")
    bench.gateway(database, TELEM_GATEWAY_ID="south")
    page.gone("north has not been heard")
    page.clean("a gateway that is away")


# The answer to an order is lost on its way; "found" brings the way back.
LOSE = """(() => { window.found = window.fetch; window.fetch = async (...asked) => { const answer = await window.found(...asked);
  if (String(asked[0]).endsWith('/commands') && !String(asked[1]?.body).includes('dryRun')) throw new TypeError('lost');
  return answer; }; })()"""


def test_unanswered(bench):
    """An order whose answer is lost may have gone out: the page says so, also over the next one; the same again is sent once."""
    database = bench.database()
    ident = put(database, imeis(1)[0], "Truck 1")
    _, admin, page = started(bench, database)
    template = admin.post("/command-templates", {"name": "Versions", "text": "getver"}, 201)["id"]
    admin.post("/command-templates", {"name": "Status", "text": "getstatus"}, 201)
    sent = "SELECT count(*) FROM device_commands"
    page.open("/commands/send?to=%s&template=%s" % (ident, template))
    page.see("Will be queued")
    page.value(LOSE)
    page.click("button", "Send to 1 device")
    page.see("It is not known whether the command went out", within="[role=alert]")
    proc.equal(database.query(sent), "1", "the order went out")
    proc.check("Nothing was changed" not in page.value("document.body.innerText"), "the page does not deny it")
    page.value("window.fetch = window.found")
    page.click("radio", "Status")
    page.see("getstatus", within="section code")
    page.see("It is not known whether the command went out", within="[role=alert]")
    page.open("/commands/send?to=%s&template=%s" % (ident, template))
    page.see("Will be queued")
    page.value(LOSE)
    page.click("button", "Send to 1 device")
    page.see("It is not known whether the command went out", within="[role=alert]")
    page.value("window.fetch = window.found")
    page.click("button", "Send to 1 device")
    page.see("1 command is on its way.")
    proc.equal(database.query(sent), "2", "the same order again is one order")
    page.clean("an order without an answer")


def test_fault(bench):
    """A fault of the server is said with the number under which it stands in the log, and nothing of its inside."""
    database = bench.database()
    server, _, page = started(bench, database)
    database.query("REVOKE SELECT ON device_commands FROM %s_web" % database.name)
    page.open("/commands")
    page.see("Something went wrong here")
    number = page.value("document.body.innerText.match(/Request ([0-9a-f-]{36})/)?.[1]")
    proc.check(number and number in server.log_text(), "the number stands in the log: %s" % number)
    proc.check("permission" not in page.value("document.body.innerText"), "nothing of the inside")
    database.query("GRANT SELECT ON device_commands TO %s_web" % database.name)
    page.click("button", "Try again")
    page.see("No commands")
    page.clean("a fault")


suite.main(globals())
