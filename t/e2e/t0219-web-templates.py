#!/usr/bin/env python3
"""Templates of commands in a real Chromium: made, tried, sent, changed, deleted; what operators may send in a real installation.

An administrator makes one in the page, an operator sends it, and the tracker gets its text. Two people change one at the same time.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import browser, commands, proc, suite, web, wire
from lib.fleet import imeis
from lib.office import put, record, started

web.need()
browser.need()

DISABLED = "[...document.querySelectorAll('[role=dialog] button')].find((b) => b.textContent === '%s').disabled"


def row(text):
    return "tr:has-text('%s')" % text


def kind(page, name, option):
    """What the parameter of this name takes."""
    page.wait("(() => { const f = [...document.querySelectorAll('[role=dialog] fieldset')].find((f) =>"
              " f.querySelector('legend').textContent === '{%s}'); f?.querySelector('button[aria-haspopup]').click(); return f != null; })()"
              % name)
    page.click("option", option)


def test_make_and_send(bench):
    """Made in the page with two parameters, and tried there; an operator sends it, and may make none."""
    database = bench.database()
    imei = imeis(1)[0]
    put(database, imei, "Truck 7")
    tracker = bench.tracker(bench.gateway(database), imei)
    tracker.login()
    tracker.exchange(wire.frame(8, [record()]))
    _, admin, page = started(bench, database)
    page.open("/commands")
    page.click("link", "Templates")
    page.see("No templates yet")
    page.click("button", "New template")
    page.fill("Name", "Pump")
    page.fill("What it is for", "Runs the pump")
    # A name that every object has is one like any other.
    page.fill("Command text", "getparam {constructor}")
    page.fill("constructor", "2001")
    page.see("getparam 2001", within="output")
    page.fill("Command text", "setdigout {state} {seconds}")
    kind(page, "state", "One of several")
    page.fill("Value 1", "0")
    page.fill("Shown as 1", "Off")
    page.click("button", "Add a value")
    page.fill("Value 2", "1")
    page.fill("Shown as 2", "On")
    kind(page, "seconds", "Number")
    page.fill("Smallest", "1")
    page.fill("Largest", "much")
    page.see("a number, or nothing", within="[role=dialog]")
    proc.equal(page.value(DISABLED % "Save"), True, "a bound that is no number is not saved")
    page.fill("Largest", "3600")
    page.see("setdigout {state} {seconds}", within="output")
    page.fill("seconds", "4000")
    page.click("button", "state")
    page.click("option", "On")
    page.see("at most 3600", within="output")
    page.fill("seconds", "30")
    page.see("setdigout 1 30", within="output")
    page.click("button", "Save")
    page.see("setdigout {state} {seconds}", within=row("Pump"))
    page.see("asks for: state, seconds", within=row("Pump"))
    made = admin.get("/command-templates")["items"][0]
    proc.equal({k: v for k, v in made.items() if k != "id"}, {
        "name": "Pump", "description": "Runs the pump", "text": "setdigout {state} {seconds}", "codec": 12, "dangerous": False,
        "role": "operator", "parameters": [
            {"name": "state", "type": "choice", "choices": ["0", "1"], "choiceLabels": ["Off", "On"]},
            {"name": "seconds", "type": "number", "min": 1, "max": 3600}]}, "what is kept")
    page.clean("making a template")
    admin.make_user("olga", ("1", "operator"), reads=True)
    page.new()
    page.sign_in("olga", web.PASSWORD)
    page.open("/commands/templates")
    page.see("Pump", within="table")
    proc.check("New template" not in page.value("document.querySelector('main').innerText"), "an operator makes none")
    page.click("link", "Send Pump")
    page.fill("Add a device", "truck")
    page.click("button", "Truck 7")
    page.click("button", "state")
    page.click("option", "On")
    page.fill("seconds", "45")
    page.see("setdigout 1 45")
    page.click("button", "Send to 1 device")
    page.see("1 command is on its way.")
    proc.equal(commands.read(tracker)[1], "setdigout 1 45", "what the tracker reads")
    page.click("link", "See the ledger")
    page.see("setdigout 1 45", within="tbody")
    page.clean("sending a template")


def test_change(bench):
    """It is changed and deleted after a question; who was slower is told, and keeps both changes."""
    database = bench.database()
    _, admin, page = started(bench, database)
    ident = admin.post("/command-templates", {"name": "Versions", "text": "getver", "description": "old"}, 201)["id"]
    admin.post("/command-templates", {"name": "Other", "text": "getinfo"}, 201)
    address = "/command-templates/" + ident
    page.open("/commands/templates")
    page.click("button", "Change Versions")
    page.fill("Name", "other")
    page.click("button", "Save")
    page.see("taken", within="[role=dialog]")
    page.fill("Name", "Firmware")
    admin.put(address, {"name": "Versions", "text": "getver", "description": "new", "role": "installer"})
    page.click("button", "Save")
    page.see("Somebody else has changed this meanwhile", within="[role=alert]")
    page.see("What it is for: new", within="[role=alert]")
    page.see("Who may send it: Installers and above", within="[role=alert]")
    proc.equal(admin.get(address)["name"], "Versions", "nothing is written over")
    page.click("button", "Save mine")
    page.see("new", within=row("Firmware"))
    now = admin.get(address)
    proc.equal((now["name"], now["description"], now["role"]), ("Firmware", "new", "installer"), "both changes")
    page.click("button", "Change Firmware")
    page.see("Try it", within="[role=dialog]")
    admin.put(address, {"name": "Theirs", "text": "getver"})
    page.fill("What it is for", "mine")
    page.click("button", "Save")
    page.see("Name: Theirs", within="[role=alert]")
    page.click("button", "Show theirs")
    page.wait("[...document.querySelectorAll('[role=dialog] input')].some((i) => i.value === 'Theirs')")
    page.click("button", "Delete template")
    page.see("Delete Theirs?")
    page.click("button", "Cancel")
    page.click("button", "Delete template")
    proc.equal(database.number("SELECT count(*) FROM omnitrack.command_templates"), 2, "not before it was confirmed")
    page.click("button", "Delete template")
    page.wait("!document.querySelector('table').innerText.includes('Theirs')")
    proc.equal(database.number("SELECT count(*) FROM omnitrack.command_templates"), 1, "deleted")
    page.wait("location.search === ''")
    deeds = [r[0] for r in database.rows("SELECT action FROM omnitrack.audit WHERE action LIKE 'template.%' ORDER BY id")]
    proc.equal(deeds, ["template.create"] * 2 + ["template.update"] * 3 + ["template.delete"], "audit")
    page.clean("changing a template")


def test_rights(bench):
    """A viewer has no templates; who sends sees those of the own role, and opens no form; one that has gone is said so."""
    database = bench.database()
    _, admin, page = started(bench, database)
    ident = admin.post("/command-templates", {"name": "Versions", "text": "getver"}, 201)["id"]
    admin.post("/command-templates", {"name": "Restart", "text": "cpureset", "dangerous": True, "role": "installer"}, 201)
    page.open("/commands/templates?edit=999")
    page.see("Nothing here", within="[role=dialog]")
    admin.make_user("olga", ("1", "operator"))
    admin.make_user("vera", ("1", "viewer"))
    page.new()
    page.sign_in("olga", web.PASSWORD)
    page.open("/commands/templates?edit=" + ident)
    page.see("Versions", within="table")
    proc.equal(page.value("document.querySelector('main').innerText.includes('Restart')"), False, "not for an operator")
    proc.equal(page.value("document.querySelector('[role=dialog]') === null"), True, "no form")
    page.new()
    page.sign_in("vera", web.PASSWORD)
    page.open("/commands")
    page.see("No commands")
    proc.equal(page.value("document.querySelector('main').innerText.includes('Templates')"), False, "no tab for a viewer")
    page.open("/commands/templates")
    page.see("This isn’t yours to see")


suite.main(globals())
