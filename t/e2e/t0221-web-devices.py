#!/usr/bin/env python3
"""The inventory in a real Chromium: devices are found, made, changed, turned away and deleted, one by one and many at once.

Two people change the same device; somebody changes all that match a filter; a role in one group ends at its border. What the
pages say is compared with what the database then has.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import browser, proc, suite, web
from lib.fleet import imeis
from lib.office import choose, drop, put, started, upload

web.need()
browser.need()

MOST_ROWS = 60      # of the table, in the page
ROWS = "document.querySelectorAll('[role=row][data-row]').length"
MANY = 3000


def groups_of(admin):
    """North with Vans below it, and South."""
    north = admin.post("/groups", {"name": "North"}, 201)["id"]
    return north, admin.post("/groups", {"name": "Vans", "parent": north}, 201)["id"], admin.post("/groups", {"name": "South"}, 201)["id"]


def row(text):
    return "[role=row]:has-text('%s')" % text


def tick(page, name):
    page.value("[...document.querySelectorAll('input')].find((i) => i.ariaLabel === '%s').click()" % name)


def press(page, text):
    """The button of the dialog, as one of the page behind it may have the same name."""
    page.value("[...document.querySelectorAll('[role=dialog] button')].find((b) => b.textContent === '%s').click()" % text)


def address(page):
    return page.value("location.search")


def test_one(bench):
    """A device is made, found, changed, disabled, enabled and deleted; what is wrong is said at its field."""
    database = bench.database()
    _, admin, page = started(bench, database)
    groups_of(admin)
    imei = imeis(1)[0]
    page.click("link", "Devices")
    page.see("No devices yet")
    page.click("button", "Add device")
    page.fill("IMEI", "123")
    press(page, "Add device")
    page.see("an IMEI has 15 digits", within="[role=dialog]")
    page.fill("IMEI", imei)
    page.fill("Name", "Truck 7")
    page.fill("Plate", "ABC 123")
    page.fill("Model", "FMB920")
    page.fill("SIM number", "+370 600 00001")
    page.fill("Notes", "under the dashboard")
    choose(page, "Kind", "Truck")
    choose(page, "Group", "Vans")
    press(page, "Add device")
    page.see("Truck 7", within=row(imei))
    page.see("Never seen", within=row(imei))
    proc.check("q=%s" % imei in address(page), "the new one is shown")
    made = admin.get("/devices/imei:" + imei)
    proc.equal([made[k] for k in ("name", "plate", "model", "phone", "category", "notes", "enabled")],
               ["Truck 7", "ABC 123", "FMB920", "+370 600 00001", "truck", "under the dashboard", True], "what is kept")
    page.click("button", "Edit Truck 7")
    page.fill("Name", "Truck 8")
    page.fill("Plate", "")
    page.click("button", "Save")
    page.see("Truck 8", within=row(imei))
    changed = admin.get("/devices/imei:" + imei)
    proc.equal((changed["name"], changed["plate"], changed["phone"]), ("Truck 8", None, "+370 600 00001"), "changed")
    # The form stays, with what was typed, while the device is disabled and enabled.
    page.click("button", "Edit Truck 8")
    page.fill("Notes", "behind the seat")
    page.click("button", "Disable")
    page.see("Disable Truck 8?")
    page.click("button", "Disable")
    page.see("the gateway turns it away", within="[role=dialog]")
    page.see("Disabled", within=row(imei))
    page.click("button", "Enable")
    page.wait("!document.querySelector('[role=dialog]').innerText.includes('turns it away')")
    page.see("Never seen", within=row(imei))
    page.click("button", "Save")
    page.wait("document.querySelector('[role=dialog]') === null")
    proc.equal(admin.get("/devices/imei:" + imei)["notes"], "behind the seat", "what was typed before")
    page.click("button", "Edit Truck 8")
    page.click("button", "Delete")
    page.see("Delete Truck 8?")
    proc.check(page.value("[...document.querySelectorAll('[role=dialog] button')].find((b) => b.textContent === 'Delete').disabled"),
               "not before its name is typed")
    page.fill("Type “Truck 8” to confirm", "Truck 8")
    page.click("button", "Delete")
    page.see("No device matches")
    proc.equal(database.number("SELECT count(*) FROM devices"), 0, "deleted")
    deeds = [r[0] for r in database.rows("SELECT action FROM omnitrack.audit WHERE action LIKE 'device.%' ORDER BY id")]
    proc.equal(deeds, ["device.create"] + ["device.update"] * 4 + ["device.delete"], "audit")
    page.clean("one device")


def test_conflict(bench):
    """Two people change a device: the second is told what the first has changed, and nothing is lost."""
    database = bench.database()
    ident = put(database, imeis(1)[0], "Truck 7")
    _, admin, page = started(bench, database)
    page.open("/devices?edit=%s" % ident)
    page.see("Notes", within="[role=dialog]")
    admin.patch("/devices/" + ident, {"name": "Theirs"})
    page.fill("Plate", "MINE 1")
    page.click("button", "Save")
    page.see("Somebody else has changed this meanwhile", within="[role=alert]")
    page.see("Name: Theirs", within="[role=alert]")
    proc.equal(admin.get("/devices/" + ident)["plate"], None, "nothing is written over")
    page.click("button", "Save mine")
    page.see("MINE 1", within=row("Theirs"))
    kept = admin.get("/devices/" + ident)
    proc.equal((kept["name"], kept["plate"]), ("Theirs", "MINE 1"), "both changes")
    page.click("button", "Edit Theirs")
    page.see("Notes", within="[role=dialog]")
    admin.patch("/devices/" + ident, {"plate": "THEIRS 2"})
    page.fill("Plate", "MINE 2")
    page.click("button", "Save")
    page.see("Plate: THEIRS 2", within="[role=alert]")
    page.click("button", "Show theirs")
    page.wait("[...document.querySelectorAll('[role=dialog] input')].some((i) => i.value === 'THEIRS 2')")
    page.clean("a conflict")


def many(database, groups):
    """Every tenth in Vans, every third in North, others at the root, those of the end in no group."""
    north, vans, _ = groups
    database.query("INSERT INTO devices (imei, name, device_model) SELECT 350000000000000 + n, 'Car ' || n,"
                   " (ARRAY['FMB920', 'FMC130'])[1 + n %% 2] FROM generate_series(1, %d) AS n" % MANY)
    database.query("INSERT INTO omnitrack.device_groups SELECT id, CASE WHEN right(imei::text, 1) = '0' THEN %s"
                   " WHEN imei::bigint %% 3 = 0 THEN %s ELSE 1 END FROM devices WHERE imei::bigint %% 100 <> 99" % (vans, north))
    database.query("NOTIFY telematics_web, 'device:*'")


def test_find(bench):
    """Among thousands: search, filters and the tree by the address; a page holds what is in sight; the keyboard walks."""
    database = bench.database()
    _, admin, page = started(bench, database)
    groups = groups_of(admin)
    many(database, groups)
    database.query("UPDATE devices SET device_model = NULL WHERE imei::bigint % 1000 BETWEEN 20 AND 80")
    database.query("NOTIFY telematics_web, 'device:*'")
    proc.wait_until(lambda: admin.get("/fleet/summary")["devices"] == MANY, 30, "the server has them")
    page.open("/devices")
    page.see("3,000 devices")
    page.wait("%s > 5" % ROWS)
    for _ in range(3):
        rows = page.value("Math.max(...[...document.querySelectorAll('[data-row]')].map((e) => Number(e.dataset.row)))")
        page.value("document.querySelector('[role=grid] [role=rowgroup]:last-child').scrollTo(0, 1e9)")
        page.wait("Math.max(...[...document.querySelectorAll('[data-row]')].map((e) => Number(e.dataset.row))) > %d" % rows)
        proc.check(page.value(ROWS) <= MOST_ROWS, "rows in the page: %s" % page.value(ROWS))
    page.fill("Search devices", "car 2999")
    page.see("1 device")
    page.see("350000000002999", within=row("Car 2999"))
    proc.check("q=car" in address(page), "the search stands in the address: %s" % address(page))
    page.open("/devices?model=FMC130&q=car+12")
    shown = admin.get("/devices?model=FMC130&q=car%2012&limit=1")["total"]
    page.see("%d devices" % shown)
    page.open("/devices")
    north = database.number("SELECT count(*) FROM omnitrack.device_groups WHERE group_id IN (%s, %s)" % groups[:2])
    page.see(format(north, ","), within="nav[aria-label=Groups]")
    page.click("button", "North ,")
    page.see("%s devices" % format(north, ","))
    page.click("button", "Open North")
    page.click("button", "Vans ,")
    page.see("%d devices" % database.number("SELECT count(*) FROM omnitrack.device_groups WHERE group_id = %s" % groups[1]))
    page.click("button", "In no group ,")
    page.see("%d devices" % (MANY - database.number("SELECT count(*) FROM omnitrack.device_groups")))
    proc.check("group=none" in address(page), "the address: %s" % address(page))
    page.click("button", "Clear filter")
    page.see("3,000 devices")
    # Sorted by name, as people count; the arrows go to the same control of other rows.
    page.value("document.querySelector('[data-row=\"0\"] [data-control=name]').focus()")
    for _ in range(3):
        page.press("ArrowDown")
    page.wait("document.activeElement.textContent === 'Car 4'")
    page.press("PageDown")
    page.press("PageDown")
    page.wait("Number(document.activeElement.closest('[data-row]')?.dataset.row) > 10")
    page.press("Home")
    page.wait("document.activeElement.textContent === 'Car 1'")
    # Rows without a model have another control for the focus; where there is one again, it is there.
    page.value("document.querySelector('[data-row=\"0\"] [data-control=model]').focus()")
    for _ in range(45):
        page.press("ArrowDown")
    page.wait("document.activeElement.closest('[data-row]')?.dataset.row === '45'")
    proc.equal(page.value("document.activeElement.dataset.control"), "name", "nearest to a model that is not there")
    page.press("Home")
    page.wait("document.activeElement.closest('[data-row]')?.dataset.row === '0'")
    proc.equal(page.value("document.activeElement.dataset.control"), "model", "where it was begun")
    page.clean("finding devices")


def test_bulk(bench):
    """Some are chosen, then all that match: what becomes of them is said first, and then is so."""
    database = bench.database()
    _, admin, page = started(bench, database)
    groups = groups_of(admin)
    many(database, groups)
    proc.wait_until(lambda: admin.get("/fleet/summary")["devices"] == MANY, 30, "the server has them")
    page.open("/devices")
    page.wait("%s > 5" % ROWS)
    tick(page, "Select Car 1")
    page.see("1 selected")
    tick(page, "Select Car 3")
    page.see("2 selected")
    page.click("button", "Change")
    page.see("Choose what is to be changed", within="[role=dialog]")
    choose(page, "Group", "South")
    page.see("2 devices will be changed", within="[role=dialog]")
    page.click("button", "Cancel")
    # Of another search nothing is chosen that one does not see.
    page.fill("Search devices", "car 2999")
    page.see("1 device", within="[role=status]")
    proc.equal(page.value("document.querySelector('main').innerText.includes('selected')"), False, "chosen unseen")
    page.fill("Search devices", "")
    page.see("3,000 devices")
    page.wait("%s > 5" % ROWS)
    tick(page, "Select Car 1")
    tick(page, "Select Car 3")
    page.click("button", "Change")
    choose(page, "Group", "South")
    page.see("2 devices will be changed", within="[role=dialog]")
    page.click("button", "Change 2 devices")
    page.see("2 devices were changed.")
    page.click("button", "Close")
    in_south = "SELECT count(*) FROM omnitrack.device_groups WHERE group_id = %s" % groups[2]
    proc.equal(database.number(in_south), 2, "moved")
    page.open("/devices?model=FMC130")
    page.see("1,500 devices")
    tick(page, "Select all that match")
    page.see("1,500 selected: all that match")
    page.click("button", "Change")
    page.fill("Model", "FMC125")
    choose(page, "Kind", "Car")
    page.see("1,500 devices will be changed", within="[role=dialog]")
    page.see("FMC130 (1,500)", within="[role=dialog]")
    # Meanwhile one more matches: what was said isn't what would be done.
    database.query("UPDATE devices SET device_model = 'FMC130' WHERE name = 'Car 2'")
    proc.wait_until(lambda: admin.get("/devices?model=FMC130&limit=1")["total"] == 1501, 30, "one more")
    page.click("button", "Change 1,500 devices")
    page.see("Other devices match than before", within="[role=dialog]")
    page.see("1,501 devices will be changed", within="[role=dialog]")
    page.click("button", "Change 1,501 devices")
    page.see("1,501 devices were changed.")
    page.click("button", "Close")
    page.see("No device matches")
    proc.equal(database.number("SELECT count(*) FROM devices d JOIN omnitrack.device_details x ON x.device_id = d.id"
                               " WHERE device_model = 'FMC125' AND category = 'car'"), 1501, "changed")
    proc.equal(database.rows("SELECT details->>'count' FROM omnitrack.audit WHERE action = 'device.bulk' ORDER BY id DESC LIMIT 1"),
               [["1501"]], "audit")
    page.clean("changing many")


def test_rights(bench):
    """A viewer has no inventory; an installer changes what is in the own group, and nothing else."""
    database = bench.database()
    one, two, three = imeis(3)
    server, admin, page = started(bench, database)
    north, _, south = groups_of(admin)
    mine, theirs, gone = put(database, one, "Mine", north), put(database, two, "Theirs", south), put(database, three, "Gone", north)
    nora = admin.make_user("nora", (north, "installer"), (south, "viewer"))
    admin.make_user("vera", ("1", "viewer"))
    page.new()
    page.sign_in("nora", web.PASSWORD)
    page.click("link", "Devices")
    page.see("Theirs", within="[role=grid]")
    page.see("Mine", within="[role=grid]")
    disabled = "[...document.querySelectorAll('[role=row] input')].find((i) => i.ariaLabel === 'Select %s').disabled"
    proc.equal([page.value(disabled % n) for n in ("Mine", "Theirs")], [False, True], "what may be chosen")
    tick(page, "Select Mine")
    tick(page, "Select Gone")
    page.see("2 selected")
    admin.delete("/devices/" + gone)
    page.click("button", "Change")
    choose(page, "At the gateway", "Disabled")
    page.see("1 device will be changed", within="[role=dialog]")
    page.see("1 can’t be changed", within="[role=dialog]")
    page.see("it is no longer there", within="[role=dialog]")
    page.click("button", "Cancel")
    tick(page, "Select all that match")
    page.click("button", "Change")
    choose(page, "At the gateway", "Disabled")
    page.see("1 device will be changed", within="[role=dialog]")
    page.see("1 can’t be changed", within="[role=dialog]")
    page.see("Theirs: your role there doesn’t include it", within="[role=dialog]")
    page.click("button", "Change 1 device")
    page.see("1 device was changed.")
    proc.equal([admin.get("/devices/" + d)["enabled"] for d in (mine, theirs)], [False, True], "only her own")
    page.click("button", "Close")
    page.open("/devices?edit=%s" % mine)
    page.see("Notes", within="[role=dialog]")
    proc.check("Delete" not in page.value("document.querySelector('[role=dialog]').innerText"), "deleting is not offered")
    page.open("/devices?edit=%s" % theirs)
    page.see("This device isn’t yours to change", within="[role=dialog]")
    offered = "[...document.querySelectorAll('aside a')].some((a) => a.textContent === 'Change')"
    for device, may in ((mine, True), (theirs, False)):
        page.open("/?device=%s" % device)
        page.see("South" if device == theirs else "North", within="aside")
        proc.equal(page.value(offered), may, "changing device %s is offered" % device)
    nora.post("/devices/bulk", {"filter": {}, "change": {"group": south}}, 403)
    nora.post("/devices/bulk", {"filter": {}, "devices": [mine], "change": {"enabled": True}}, 422)
    proc.equal(nora.get("/devices?group=none")["total"], 0, "those in no group are an administrator's")
    page.new()
    page.sign_in("vera", web.PASSWORD)
    proc.check("Devices" not in page.value("document.querySelector('nav').innerText"), "not offered to a viewer")
    page.open("/devices")
    page.see("This isn’t yours to see")
    page.clean("rights")


def test_import(bench):
    """A file: what would become of each line, wrong ones by their reason; then all at once; the sample is one that is taken."""
    database = bench.database()
    one, two, three = imeis(3)
    put(database, one, "Old")
    put(database, two, "Same")
    _, admin, page = started(bench, database)
    groups_of(admin)
    page.open("/devices")
    page.click("link", "Import CSV")
    page.see("Drop a CSV file here")
    upload(page, "fleet.csv", "size\nx\n")
    page.see("is no column", within="[role=alert]")
    upload(page, "fleet.csv", "imei;name;group;model\n%s;New;North/Vans;FMB920\n%s;Same;;\n%s;Third;Nowhere;\n12;;;\n" % (one, two, three))
    for text in ("Changed 1", "As it is 1", "Wrong 2"):
        page.see(text)
    page.see("Name, Model, Group", within=row(one))
    page.see("there is no group", within=row(three))
    page.see("an IMEI has 15 digits")
    page.click("button", "Wrong 2")
    page.wait("document.querySelectorAll('[role=table] [role=row]').length === 3")
    disabled = "[...document.querySelectorAll('button')].find((b) => b.textContent.startsWith('Import 1 device')).disabled"
    proc.equal(page.value(disabled), True, "wrong lines stop all")
    page.value("document.querySelector('main input[type=checkbox]').focus()")
    page.press("Space")
    page.click("button", "Import 1 device")
    page.see("1 changed · 1 as it was · 2 lines left out")
    kept = admin.get("/devices/imei:" + one)
    proc.equal((kept["name"], kept["model"]), ("New", "FMB920"), "imported")
    page.click("button", "Another file")
    # What the page offers as a sample is taken as it is.
    sample = page.value("(async () => (await fetch(document.querySelector('a[download]').href)).text())()")
    drop(page, sample)
    page.see("New 2")
    page.click("button", "Import 2 devices")
    page.see("2 devices added")
    page.click("link", "See the devices")
    page.see("Van 12", within="[role=grid]")
    deeds = database.rows("SELECT details->>'created', details->>'updated' FROM omnitrack.audit WHERE action = 'device.import' ORDER BY id")
    proc.equal(deeds, [["0", "1"], ["2", "0"]], "audit")
    page.clean("an import")


def test_import_away(bench):
    """While the server is away, what would become of a file is not known, and nothing was done; it is asked again by a click."""
    server, _, page = started(bench, bench.database())
    page.open("/devices/import")
    page.see("Drop a CSV file here")
    port = server.port
    server.stop()
    upload(page, "fleet.csv", "imei\n%s\n" % imeis(1)[0])
    page.see("Nothing was changed", within="main [role=alert]")
    server.keys["WEB_PORT"] = str(port)
    server.start()
    page.click("button", "Try again", within="main")
    page.see("New 1")
    page.gone("Nothing was changed")


def test_models(bench):
    """From a device to what its values mean; elements are searched by name, number and unit."""
    database = bench.database()
    one, two = imeis(2)
    put(database, one, "Truck 7")
    put(database, two, "Strange")
    database.query("UPDATE devices SET device_model = CASE imei WHEN '%s' THEN 'FMB920' ELSE 'XYZ 1' END" % one)
    _, admin, page = started(bench, database)
    page.open("/devices")
    page.click("link", "FMB920")
    page.see("FMB920", within="nav[aria-label='Your models'] [aria-current]")
    elements = admin.get("/dictionary?family=" + admin.get("/models")["items"][0]["family"])["items"]
    page.see("%s elements" % format(len(elements), ","))
    page.wait("document.querySelectorAll('[role=row]').length > 5")
    proc.check(page.value("document.querySelectorAll('[role=row]').length") <= MOST_ROWS, "rows in the page")
    page.fill("Search elements", "external voltage")
    page.see("external_voltage", within="[role=table]")
    shown = page.value("[...document.querySelectorAll('[role=row]')].map((r) => r.innerText).find((r) => r.startsWith('66'))")
    proc.check(shown and "V" in shown, "element 66 with its unit: %s" % shown)
    page.fill("Search elements", "nothing like it")
    page.see("No element matches")
    page.click("link", "XYZ 1")
    page.see("The dictionary doesn’t know XYZ 1")
    page.open("/models")
    page.see("What do its values mean?")
    page.see("Inventory", within="main nav")
    page.clean("models")
    admin.make_user("olga", ("1", "operator"))
    page.new()
    page.sign_in("olga", web.PASSWORD)
    page.open("/models")
    page.see("What do its values mean?")
    proc.equal(page.value("document.querySelector('main').innerText.includes('Inventory')"), False, "no way to what isn't hers")


def test_list_history(bench):
    """From the map's list to the history of the row that is pointed at, or present."""
    database = bench.database()
    ident = put(database, imeis(1)[0], "Truck 7")
    _, _, page = started(bench, database)
    page.see("Truck 7", within="[role=option]")
    page.value("document.querySelector('[role=listbox]').focus()")
    page.press("Home")
    page.press("Tab")
    page.wait("document.activeElement.ariaLabel === 'History: Truck 7'")
    page.press("Enter")
    page.wait("location.pathname === '/devices/%s/history'" % ident)
    page.see("It has never sent a record.")
    page.clean("the way to the history")


suite.main(globals())
