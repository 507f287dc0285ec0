#!/usr/bin/env python3
"""Every screen of the web application with the fleet of the demo, on a desk and on a phone, light and dark.

Of each: nothing serious for axe, nothing in the console, no violation of the policy, no request to another machine, nothing
sideways; on a phone all that is touched is large enough for a finger. SCREENSHOTS=FOLDER also keeps the pictures there (`make
screenshots` does so). And the picture of the README.
"""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import browser, gateway, proc, suite, web, wire
from lib.office import choose, drop

sys.path.insert(0, os.path.join(gateway.SOURCE, "scripts"))
import demo_web

web.need()
browser.need()

FOLDER = os.environ.get("SCREENSHOTS")
FIRST_IMEI = 359990000000001
TRACKERS = 40
SIZES = {"desk": (1280, 800), "phone": (390, 844)}
FINGER_PX = 44

# What is touched and smaller than a finger. A link in a line of text may be; so may what stands in a larger one that does the same.
SMALL = """(() => { const unseen = (e) => { for (let a = e; a; a = a.parentElement) if (a.clientWidth === 1) return true; return false; };
return [...document.querySelectorAll('a[href], button, input:not([type=radio]):not([type=checkbox]), summary,'
    + ' [role=option], [role=menuitem], [role=menuitemradio], label:has(input)')].filter((e) => {
  const b = e.getBoundingClientRect();
  if (b.width < 2 || b.height < 2 || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
  if (e.closest('.maplibregl-ctrl-attrib') || e.matches(':is(p, dd, li > span) a')) return false;
  if (e.matches('[href="#content"]') || unseen(e) || e.parentElement.closest('a[href], button, label')) return false;
  return Math.ceil(b.height) < %(px)d || Math.ceil(b.width) < %(px)d;
}).map((e) => `${e.tagName} ${e.getAttribute('aria-label') ?? e.textContent.slice(0, 40)}: ${
    Math.round(e.getBoundingClientRect().width)} x ${Math.round(e.getBoundingClientRect().height)}`); })()""" % {"px": FINGER_PX}
LAND = """(() => { const c = document.createElement('span'); c.style.color = 'var(--map-land)'; document.body.append(c);
  const said = getComputedStyle(c).color.match(/\\d+/g).map(Number); c.remove(); return said; })()"""
SIDEWAYS = "document.documentElement.scrollWidth > innerWidth"


def demo(bench):
    """The demo's company with its past and present, some users, and commands in all states."""
    database = bench.database()

    def tgctl(url, *args):
        code, _, err = bench.tgctl(*args, url=url)
        proc.equal(code, 0, "tgctl %s: %s" % (args[0], err))
    show = demo_web.Show(bench.scope, proc.scratch(bench.scope), database, TRACKERS, FIRST_IMEI, tgctl)
    demo_web.put(database, show.vehicles)
    control = os.path.join(proc.scratch(bench.scope), "control")
    bench.scope.later(show.end_fleet)
    show.begin(bench.gateway(database, TELEM_GATEWAY_ID="demo", TELEM_CONTROL_SOCKET=control), port=0)
    return show


def people(show, admin):
    groups = {g["name"]: g["id"] for g in admin.get("/groups?limit=500")["items"]}
    for login, name, group, role in (("anna", "Anna Petrauskaitė", "Couriers", "operator"), ("tomasz", "Tomasz Nowak", "Warsaw",
                                     "installer"), ("lobby", "Wall in the lobby", "Couriers", "viewer")):
        admin.post("/users", {"login": login, "name": name, "roles": [{"group": groups[group], "role": role,
                                                                     "readsCommands": role != "viewer"}]}, 201)
    return {u["login"]: u["id"] for u in admin.get("/users?limit=500")["items"]}


def commands(show, admin):
    """One is answered, one waits, one was called off, one that switches waits for its template's fence."""
    ids = {v.imei: show.database.query("SELECT id FROM devices WHERE imei = '%s'" % v.imei) for v in show.vehicles}
    waits = show.of_story("stopped-long")[0]
    admin.send_text([ids[waits.imei]], "setparam 10050:60")
    made = admin.send_text([ids[waits.imei]], "cpureset")[0]["command"]
    admin.post("/commands/%s/cancel" % made, None)
    for v in show.of_story(None)[:3]:
        show.command(v, "getinfo")
    proc.wait_until(lambda: show.database.number("SELECT count(*) FROM device_commands WHERE status = 'acked'") > 1, 60,
                    "commands are answered")
    return ids


def quarantine(show):
    """Frames that could not be stored: of a vehicle a message and records, of a stranger something else; the id of the records."""
    well, ill = show.of_story(None)[0].imei, show.of_story("stopped")[0].imei
    records = wire.frame(8, [wire.Record(int(time.time() * 1000) - 60000 * n, 54.69, 25.28, speed=31, sats=9,
                                         io=[(239, b"\x01"), (66, b"\x31\x20")]) for n in range(3)])
    for imei, reason, frame in ((ill, "message", wire.message(12, 6, b"Odometer: 1200")), ("352094089999999", "structure", records[:60]),
                                (well, "codec", records)):
        ident = show.database.query(
            "INSERT INTO device_ingest_raw (imei, reason, frame, frame_hash, attempts, received_at, last_seen_at, remote_addr) VALUES"
            " ('%s', '%s', '\\x%s', (SELECT count(*) FROM device_ingest_raw), 3, now() - interval '5 min', now(), '10.1.2.3')"
            " RETURNING id" % (imei, reason, frame.hex()))
    return ident.split("\n")[0]


class Screen:
    """`text` is there when it is shown; `then` does what follows."""

    def __init__(self, name, path, text, then=lambda page: None, phone_only=False):
        self.name, self.path, self.text, self.then, self.phone_only = name, path, text, then, phone_only


def start_trace(page):
    page.click("button", "Start trace")
    page.see("acknowledged")


def drawn(page):
    """The fleet and the land below it."""
    page.wait("Number(document.querySelector('.maplibregl-canvas')?.dataset.marks ?? 0) > 0")
    land = tuple(page.value(LAND))
    proc.wait_until(lambda: any(page.colour(*spot) == land for spot in spots(page)), 30, "the land is drawn")


def spots(page):
    """Some places on the map. Asked for each time anew: an alarm that comes moves the map."""
    left, top, width, height = page.value("(() => { const b = document.querySelector('.maplibregl-canvas').getBoundingClientRect();"
                                          " return [b.x, b.y, b.width, b.height]; })()")
    return [(left + width * x, top + height * y) for x in (0.15, 0.35, 0.55) for y in (0.05, 0.1, 0.2, 0.5)]


def open_all_values(page):
    page.wait("(() => { const d = document.querySelector('aside details'); if (d) { d.open = true; d.scrollIntoView(); }"
              " return d !== null; })()")


def choose_output(page):
    page.value("[...document.querySelectorAll('main button[aria-haspopup]')].find((b) => b.textContent.includes('Choose')).click()")
    page.click("option", "On")
    page.see("Will be queued")


def choose_frames(page):
    page.value("void [...document.querySelectorAll('main label')].find((l) => l.textContent.includes('Choose all'))"
               ".querySelector('input').focus()")
    page.press("Space")
    page.see("3 frames chosen")


def choose_all(page):
    page.wait("(() => { const i = document.querySelector('main label > input'); i?.click(); return i != null; })()")
    page.see("all that match")


def preview_change(page):
    choose_all(page)
    page.click("button", "Change")
    choose(page, "Group", "Warsaw")
    page.see("will be changed")


def drop_lines(page, imei):
    """A file of which one line is new, one changes a device, one is as it is, and two are wrong."""
    text = "imei,name,group\n350000000000006,Van 99,Warsaw\n%s,Renamed,\n%s,Again,\n12,,\n350000000000014,x,Nowhere\n" % (imei, imei)
    drop(page, text)
    page.see("an IMEI has 15 digits")


def screens(show, ids, users, link, frame):
    well = next(v for v in show.of_story(None) if v.profile == "can")
    ill = show.of_story("stopped")[0]
    of = {v.imei: ids[v.imei] for v in show.vehicles}
    three = ",".join(of[v.imei] for v in show.of_story(None)[:3] + show.of_story("stopped-long")[:1])
    group = show.database.query("SELECT id FROM omnitrack.groups WHERE name = 'Cold chain'")
    outputs = show.database.query("SELECT id FROM omnitrack.command_templates WHERE name = 'Output 1'")
    return [
        Screen("fleet", "/", "46 devices", drawn),
        Screen("fleet-list", "/?view=list", "46 devices", phone_only=True),
        Screen("fleet-none", "/?q=nothing&view=list", "No device matches"),
        Screen("device", "/?device=%s" % of[well.imei], "Readings", drawn),
        Screen("device-values", "/?device=%s" % of[well.imei], "All values", open_all_values),
        Screen("device-silent", "/?device=%s" % of[ill.imei], "Readings"),
        Screen("devices", "/devices", "46 devices"),
        Screen("devices-none", "/devices?q=nothing", "No device matches"),
        Screen("devices-chosen", "/devices?group=%s" % group, "5 devices", choose_all),
        Screen("devices-change", "/devices?group=%s" % group, "5 devices", preview_change),
        Screen("devices-new", "/devices?add=true", "15 digits, on the label"),
        Screen("devices-edit", "/devices?edit=%s" % of[well.imei], "Notes"),
        Screen("devices-import", "/devices/import", "Drop a CSV file here"),
        Screen("devices-import-lines", "/devices/import", "Drop a CSV file here", lambda page: drop_lines(page, well.imei)),
        Screen("models", "/models", "What do its values mean?"),
        Screen("model", "/models?model=FMB920", "elements"),
        Screen("commands", "/commands", "getinfo"),
        # Of a vehicle that gets none: in time the waiting one expires.
        Screen("commands-none", "/commands?status=expired&device=%s" % of[well.imei], "No commands"),
        Screen("send", "/commands/send", "Where are you?"),
        Screen("send-free", "/commands/send?to=%s&template=free" % of[well.imei], "Command text"),
        Screen("send-preview", "/commands/send?to=%s&template=%s" % (three, outputs), "setdigout {state}", choose_output),
        Screen("templates", "/commands/templates", "setdigout {state}"),
        Screen("template", "/commands/templates?edit=%s" % outputs, "Try it"),
        Screen("template-new", "/commands/templates?add=true", "Command text"),
        Screen("why", "/devices/%s/why" % of[ill.imei], "Facts"),
        Screen("why-trace", "/devices/%s/why" % of[well.imei], "Facts", start_trace),
        Screen("health", "/health", "Needs attention", lambda page: page.see("Why silent?")),
        Screen("health-nofix", "/health?kind=nofix", show.of_story("no-fix")[0].name),
        Screen("health-none", "/health?kind=commands", "No command is stuck"),
        Screen("health-refused", "/health?kind=refused", "Nobody has registered its IMEI"),
        Screen("events", "/events", "For information", lambda page: page.wait("document.querySelector('tbody tr') !== null")),
        Screen("events-none", "/events?day=2020-01-31", "No events"),
        Screen("gateways", "/gateways", "Listens at", lambda page: page.wait("/[0-9] ms/.test(document.querySelector('main').innerText)")),
        Screen("quarantine", "/quarantine", "sent 3 times"),
        Screen("quarantine-chosen", "/quarantine", "sent 3 times", choose_frames),
        Screen("quarantine-none", "/quarantine?reason=crc", "Nothing in quarantine"),
        Screen("quarantine-frame", "/quarantine/%s" % frame, "CRC right"),
        Screen("refused", "/refused", "Nobody has registered its IMEI"),
        Screen("refused-add", "/refused?add=%s" % demo_web.fleet.mistyped(show.of_story("never")[0].imei), "As on its label"),
        Screen("users", "/people", "Anna Petrauskaitė"),
        Screen("user", "/people?user=%s" % users["anna"], "Save"),
        Screen("user-new", "/people", "Add user", lambda page: page.click("button", "Add user")),
        Screen("groups", "/people?tab=groups", "Cold chain"),
        Screen("account", "/account", "Where you are signed in"),
        Screen("token-new", "/account", "Make a token", lambda page: page.click("button", "Make a token")),
        Screen("audit", "/audit", "Signed in"),
        Screen("audit-none", "/audit?from=2001-01-01&to=2001-01-01", "Nothing found"),
        Screen("settings", "/settings", "WEB_SESSION_IDLE_HOURS"),
        Screen("install", "/install", "15 digits, as on the label"),
        Screen("install-check", "/install?imei=%s" % well.imei, "Sends records"),
        Screen("install-unknown", "/install?imei=%s" % demo_web.fleet.mistyped(show.of_story("never")[0].imei), "Register it"),
        Screen("missing", "/?device=999999", "Nothing here"),
        Screen("one-time-link", link, "Set your password"),
    ]


def look(page, screen, size, theme):
    what = "%s, %s, %s" % (screen.name, size, theme)
    page.see(screen.text)
    screen.then(page)
    if FOLDER:
        page.shot(os.path.join(FOLDER, "%s-%s-%s.png" % (screen.name, size, theme)))
    wrong = []
    try:
        page.accessible(what)
        page.clean(what)
    except proc.Failure as failure:
        wrong.append(str(failure))
    if page.value(SIDEWAYS):
        wrong.append("%s: it can be scrolled sideways" % what)
    if size == "phone":
        wrong += ["%s: too small to touch: %s" % (what, small) for small in page.value(SMALL)]
    return wrong


def test_every_screen(bench):
    """Each screen is accessible, quiet and fits, in both themes and both widths."""
    if FOLDER:
        os.makedirs(FOLDER, exist_ok=True)
    show = demo(bench)
    admin = web.Browser(show.server).sign_in(demo_web.LOGIN, show.password)
    users, ids = people(show, admin), commands(show, admin)
    frame = quarantine(show)
    link = admin.post("/users/%s/password-link" % users["anna"], None, 201)["path"]
    page = browser.Page(bench, show.server)
    wrong = []
    for size, (width, height) in SIZES.items():
        for dark in (False, True):
            theme = "dark" if dark else "light"
            page.new(width, height, dark)
            page.open("/login")
            wrong += look(page, Screen("sign-in", "/login", "Sign in"), size, theme)
            page.sign_in(demo_web.LOGIN, show.password)
            for screen in screens(show, ids, users, link, frame):
                if screen.phone_only and size != "phone":
                    continue
                page.open(screen.path)
                wrong += look(page, screen, size, theme)
    proc.check(not wrong, "\n".join(wrong))


def test_picture(bench):
    """The picture of the README: the demo's fleet on the map, in a file that is small. PICTURE=FILE makes it anew (`make picture`)."""
    show = demo(bench)
    page = browser.Page(bench, show.server, 1440, 810)
    page.sign_in(demo_web.LOGIN, show.password)
    page.see("46 devices")
    drawn(page)
    proc.wait_until(lambda: page.value("document.querySelectorAll('[role=option]').length") > 8, 15, "the list is there")
    name = os.environ.get("PICTURE") or os.path.join(bench.folder, "map.webp")
    page.shot(name)
    for file in (name, os.path.join(gateway.SOURCE, "doc", "images", "map.webp")):
        with open(file, "rb") as f:
            picture = f.read()
        proc.equal((picture[:4], picture[8:12]), (b"RIFF", b"WEBP"), "%s is a picture" % file)
        proc.check(20_000 < len(picture) < 200_000, "%s has %d bytes" % (file, len(picture)))
    page.clean("the picture")


suite.main(globals())
