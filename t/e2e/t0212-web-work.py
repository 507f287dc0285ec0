#!/usr/bin/env python3
"""What people do with the web application, in a real Chromium with the real server, gateway, PostgreSQL and trackers.

A refused tracker is added and lets itself in; one is killed and the diagnosis says why it is silent; people are made, changed and
shut out; a wall display; one's own account. All of it through the pages.
"""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import browser, gateway, proc, suite, web, wire
from lib.fleet import imeis
from lib.office import put, record, started

web.need()
browser.need()


# Of one that was killed in the midst of reading, the kernel breaks the connection off.
ENDINGS = {"peer": "the tracker closed the connection", "broken": "the connection broke off"}


def row(text):
    """The row of a table that says it."""
    return "tr:has-text('%s')" % text


def test_refused(bench):
    """A tracker that nobody registered is refused, added with its name and group, and comes in at its next try."""
    database = bench.database()
    unknown, known = imeis(2)
    gw = bench.gateway(database)
    _, admin, page = started(bench, database)
    north = admin.post("/groups", {"name": "North"}, 201)["id"]
    put(database, known, "Old van", north)
    database.query("UPDATE devices SET enabled = false WHERE imei = '%s'" % known)
    page.open("/refused")
    page.see("No tracker was refused")
    for imei in (unknown, known):
        proc.equal(bench.tracker(gw, imei).handshake(), b"\0", "the answer to the handshake of %s" % imei)
    page.see("Nobody has registered its IMEI", within=row(unknown))
    page.see("The device is disabled", within=row(known))
    page.click("button", "Add it: %s" % unknown)
    page.fill("Name", "New van")
    page.fill("Plate", "ABC 123")
    page.fill("Model", "FMB920")
    page.click("button", "Group")
    page.click("option", "North")
    page.click("button", "Add tracker")
    page.see("Comes in at its next try", within=row(unknown))
    page.click("button", "Enable %s" % known)
    page.see("Comes in at its next try", within=row(known))
    for imei in (unknown, known):
        tracker = bench.tracker(gw, imei)
        tracker.login()
        tracker.exchange(wire.frame(8, [record(speed=31)]))
        page.see("Connected", within=row(imei))
    page.open("/")
    page.see("New van", within="[role=option]")
    page.see("ABC 123", within="[role=option]")
    proc.equal(database.query("SELECT d.name, d.device_model, g.group_id FROM devices d JOIN omnitrack.device_groups g"
                              " ON g.device_id = d.id WHERE imei = '%s'" % unknown), "New van\tFMB920\t%s" % north, "what is kept")
    page.clean("a refused tracker")


def test_killed(bench):
    """A tracker is killed; it is silent when its time is over, and the diagnosis says how it went."""
    database = bench.database()
    imei = imeis(1)[0]
    put(database, imei, "Bus 12")
    gw = bench.gateway(database)
    _, _, page = started(bench, database, WEB_GATEWAYS="gw=http://127.0.0.1:%s" % gw.keys["METRICS_PORT"])
    listed = os.path.join(bench.folder, "imeis")
    with open(listed, "w") as f:
        f.write(imei + "\n")
    sim = proc.Process([gateway.TGCTL, "sim", "--port", str(gw.port), "--imei-file", listed, "--profile", "van", "--records", "1",
                        "--interval", "1000", "--quiet"], os.path.join(bench.folder, "sim.log"))
    bench.scope.later(sim.kill_group)
    page.click("option", "Bus 12")
    page.see("Connected since", within="aside")
    sim.signal(signal.SIGKILL)
    page.see("Not connected since", within="aside")
    ending = ENDINGS[database.query("SELECT disconnect_reason FROM device_online")]
    page.see(ending, within="aside")
    # Three days go by: it may have stood.
    database.query("UPDATE device_online SET last_seen_at = last_seen_at - interval '3 days',"
                   " disconnected_at = disconnected_at - interval '3 days', connected_at = connected_at - interval '3 days',"
                   " last_record_at = last_record_at - interval '3 days', recorded_at = recorded_at - interval '3 days',"
                   " updated_at = clock_timestamp()")
    page.see("Silent", within="aside")
    page.click("link", "Why silent?")
    page.see("It has been disconnected since", within="[aria-live]")
    page.see(ending, within="[aria-live]")
    page.see("The tracker has no power, no signal", within="[aria-live]")
    proc.check("Z" not in page.value("[...document.querySelectorAll('[aria-live] time')].map((t) => t.textContent).join()"),
               "times are the reader's own")
    page.clean("a tracker that was killed")


def test_trace(bench):
    """The live trace shows a tracker come in, beside the sessions that it had."""
    database = bench.database()
    imei = imeis(1)[0]
    ident = put(database, imei, "Bus 12")
    control = os.path.join(bench.folder, "control")
    gw = bench.gateway(database, TELEM_CONTROL_SOCKET=control)
    _, _, page = started(bench, database, control=control)
    page.open("/devices/%s/why" % ident)
    page.see("No session in this time")
    page.click("button", "Start trace")
    page.see("listening")
    tracker = bench.tracker(gw, imei)
    tracker.login()
    tracker.exchange(wire.frame(8, [record()]))
    page.see("handshake accepted")
    page.see("frame: 1 record,")
    page.see("acknowledged 1")
    # Of what comes at once nothing is left out: each frame and each answer has its line.
    tracker.send(b"".join(wire.frame(8, [record(ago=2 + n)]) for n in range(20)))
    proc.equal([tracker.ack() for _ in range(20)], [1] * 20, "acknowledged")
    shown = "[...document.querySelectorAll('ol li')].filter((li) => li.textContent.includes('%s')).length"
    for line in ("frame: 1 record,", "acknowledged 1"):
        proc.wait_until(lambda: page.value(shown % line) == 21, 15, "21 lines of \"%s\"" % line)
    page.click("button", "Stop")
    page.see("Sessions as a table")
    tracker.close()
    page.clean("a live trace")


def test_many_sessions(bench):
    """A tracker that came and went all the time: its sessions are all there, and if they are too many the page says so."""
    database = bench.database()
    ident = put(database, imeis(1)[0], "Bus 12")
    _, _, page = started(bench, database)
    more = ("INSERT INTO device_sessions SELECT %s, 3700000000000000000 + n, now() - (2200 - n) * interval '3 min',"
            " now() - (2200 - n) * interval '3 min' + interval '30 s', 1, 'gw', NULL, 'peer' FROM generate_series(%d, %d) n")
    database.query(more % (ident, 1501, 2100))
    page.open("/devices/%s/why" % ident)
    page.see("600", within="summary")
    proc.check("left out" not in page.value("document.body.innerText"), "all are there")
    database.query(more % (ident, 1, 1500))
    page.open("/devices/%s/why" % ident)
    page.see("what was before")
    page.see("2000", within="summary")
    proc.equal(page.value("[...document.querySelectorAll('svg rect')].filter((r) => Number(r.getAttribute('x')) +"
                          " Number(r.getAttribute('width')) > 700).length"), 0, "sessions that are drawn outside")
    page.clean("many sessions")


def test_people(bench):
    """A user is made with a right in one group, sees that group alone, is shut out at once, and deleted."""
    database = bench.database()
    one, two = imeis(2)
    server, admin, page = started(bench, database)
    page.open("/people?tab=groups")
    page.click("button", "Add group")
    page.fill("Name of the group", "North")
    page.click("button", "Save")
    page.see("North", within="table")
    north = [g["id"] for g in admin.get("/groups?limit=500")["items"] if g["name"] == "North"][0]
    put(database, one, "Mine", north)
    put(database, two, "Theirs")
    page.open("/people")
    page.click("button", "Add user")
    page.fill("Name", "Ann")
    page.fill("Sign-in name", "ann")
    page.click("button", "Role")
    page.click("option", "Operator")
    page.click("button", "Group")
    page.click("option", "North")
    page.click("button", "Save")
    page.see("Give this link to Ann")
    page.press("Escape")
    page.see("Operator", within=row("Ann"))
    user = [u["id"] for u in admin.get("/users?limit=500")["items"] if u["login"] == "ann"][0]
    admin.patch("/users/%s" % user, {"password": web.PASSWORD})
    ann = browser.Page(bench, server)
    ann.sign_in("ann", web.PASSWORD)
    ann.see("Mine", within="[role=option]")
    ann.see("1 device")
    page.click("button", "Edit Ann")
    page.click("button", "Disable")
    page.see("Disable Ann?")
    page.click("button", "Disable")
    page.see("Disabled", within=row("Ann"))
    ann.wait("location.pathname === '/login'")
    page.click("button", "Edit Ann")
    page.click("button", "Delete")
    page.see("Delete Ann?")
    page.click("button", "Delete")
    page.wait("!document.querySelector('table').textContent.includes('Ann')")
    page.open("/people?tab=groups")
    page.click("button", "Change North")
    page.click("button", "Delete group")
    page.see("Delete North?")
    page.click("button", "Delete group")
    page.see("The group is not empty", within="[role=dialog]")
    page.clean("people")
    ann.clean("a user who was shut out")


def test_two_at_once(bench):
    """Two people change a user, and a group: the second is told what the first has changed, and nothing is lost."""
    _, admin, page = started(bench, bench.database())
    north = admin.post("/groups", {"name": "North"}, 201)["id"]
    ann = "/users/" + admin.make_user("ann", (north, "viewer")).id
    page.open("/people")
    page.click("button", "Edit ann")
    page.see("Signing in", within="[role=dialog]")
    admin.patch(ann, {"roles": [{"group": north, "role": "installer", "readsCommands": True}]})
    page.fill("Name", "Ann")
    page.click("button", "Save")
    page.see("Rights: Installer North (May read command texts and answers)", within="[role=alert]")
    proc.equal(admin.get(ann)["name"], "ann", "nothing is written over")
    page.click("button", "Save mine")
    page.see("Installer", within=row("Ann"))
    now = admin.get(ann)
    proc.equal((now["name"], now["roles"][0]["role"]), ("Ann", "installer"), "both changes")
    page.open("/people?tab=groups")
    page.click("button", "Change North")
    page.see("Inside", within="[role=dialog]")
    admin.patch("/groups/" + north, {"name": "Up"})
    page.fill("Name of the group", "Mine")
    page.click("button", "Save")
    page.see("Name of the group: Up", within="[role=alert]")
    page.click("button", "Show theirs")
    page.wait("document.querySelector('[role=dialog] input').value === 'Up'")
    page.fill("Name of the group", "Upper")
    page.click("button", "Save")
    page.see("Upper", within="table")
    page.clean("two at once")


def test_wall_display(bench):
    """A link signs in a display, which shows the fleet and changes nothing."""
    database = bench.database()
    put(database, imeis(1)[0], "Truck 1")
    server, admin, page = started(bench, database)
    admin.make_user("wall", ("1", "viewer"))
    page.open("/people")
    page.click("button", "Edit wall")
    page.click("button", "Link for a wall display")
    page.see("Open this link once on the display")
    address = page.value("document.querySelector('[role=dialog] code').textContent")
    display = browser.Page(bench, server)
    display.open(address[address.index("/setup#"):])
    display.see("Truck 1", within="[role=option]")
    display.open("/account")
    display.fill("Name", "Somebody else")
    display.click("button", "Save")
    display.see("A display only shows")
    display.clean("a wall display")
    page.clean("the link for it")


def test_account(bench):
    """One's name, theme and password; other sessions end, by hand and with the password."""
    server, _, page = started(bench, bench.database())
    other = browser.Page(bench, server)
    other.sign_in("admin", web.PASSWORD)
    page.open("/account")
    page.click("button", "End")
    other.wait("location.pathname === '/login'")
    page.fill("Name", "The Boss")
    page.click("button", "Save")
    page.see("TB", within="header")
    page.click("button", "Theme")
    page.click("option", "Dark")
    page.wait("document.documentElement.dataset.theme === 'dark'")
    other.sign_in("admin", web.PASSWORD)
    page.fill("Current password", "not this one")
    page.fill("New password", "another horse battery")
    page.fill("New password again", "another horse battery")
    page.click("button", "Change password")
    page.see("not the present password")
    page.fill("Current password", web.PASSWORD)
    page.click("button", "Change password")
    page.see("Your other sessions have ended")
    other.wait("location.pathname === '/login'")
    page.open("/")
    page.wait("document.documentElement.dataset.theme === 'dark'")
    page.clean("one's own account")


suite.main(globals())
