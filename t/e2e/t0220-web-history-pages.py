#!/usr/bin/env python3
"""The history of a device in a real Chromium: a drive that a tracker sent is a track in the colours of its speeds, a list, charts, a table.

One cursor is at the same moment in all of them; a replay moves it; a day without records says where there are some. In both
themes, on a desk and on a phone.
"""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import browser, proc, suite, web
from lib.drive import Drive
from lib.fleet import imeis

web.need()
browser.need()

# Two days ago, 06:00 UTC, and not later than the evening wherever the test runs.
MORNING = (int(time.time()) // 86400 - 2) * 86400_000 + 6 * 3600_000
DAY = time.strftime("%Y-%m-%d", time.localtime(MORNING / 1000))
MAP = "document.querySelector('.maplibregl-canvas')"


class Case:
    """A device with a drive of three speeds, two stops and an alarm; a signed-in page."""

    def __init__(self, bench):
        self.database = bench.database()
        imei = imeis(1)[0]
        self.database.add_devices([imei])
        self.ident = self.database.query("UPDATE devices SET name = 'Truck 7' RETURNING id").split("\n")[0]
        self.database.query("INSERT INTO omnitrack.device_groups VALUES (%s, 1)" % self.ident)
        gw = bench.gateway(self.database)
        self.server = web.Web(bench, self.database)
        self.admin = self.server.admin()
        drive = Drive(MORNING)
        drive.stand(1800, every=300).go(600, 20, 90).go(900, 50, 45)
        drive.go(60, 50, 45, event=247, priority=2)
        drive.go(900, 110, 90).stand(1200, every=60, ignition=1).go(900, 80, 180, supply=14200).stand(900, every=300)
        tracker = bench.tracker(gw, imei)
        tracker.login()
        drive.send(tracker)
        tracker.close()
        self.page = browser.Page(bench, self.server)
        self.page.sign_in("admin", web.PASSWORD)
        self.path = "/devices/%s/history" % self.ident

    def shown(self, lines=5):
        self.page.wait("Number(%s?.dataset.lines) >= %d && document.querySelectorAll('.uplot').length >= 1"
                       " && %s.dataset.drawn === 'true'" % (MAP, lines, MAP))


def colour_of(page, token):
    return page.value("(() => { const s = document.createElement('span'); s.style.color = 'var(--%s)'; document.body.append(s);"
                      " const c = getComputedStyle(s).color; s.remove(); return c.match(/\\d+/g).map(Number); })()" % token)


def moment(page):
    """What the slider is at, in milliseconds."""
    return int(page.value("Number(document.querySelector('input[type=range]').value)"))


def put_cursor(page, ms):
    """By the slider, to a whole minute."""
    page.value("(() => { const s = document.querySelector('input[type=range]'); s.value = '%d';"
               " s.dispatchEvent(new Event('input', { bubbles: true })); })()" % ms)


def test_day(bench):
    """From the sheet of the device to its history: the track, the list in order, the sums; a row of the list moves the cursor everywhere."""
    case = Case(bench)
    page = case.page
    page.open("/?device=%s" % case.ident)
    page.click("link", "History")
    page.wait("location.pathname.endsWith('/history')")
    page.see("No records on this day")
    page.click("button", "Go to")
    page.wait("new URLSearchParams(location.search).get('from') === '%s'" % DAY)
    case.shown()
    kinds = page.value("[...document.querySelectorAll('ul li[data-kind]')].map((e) => e.dataset.kind).join(' ')")
    first, _, rest = kinds.partition(" event")
    proc.equal(first, "stop trip", "the list begins")
    proc.check(rest.replace(" event", "") == " stop trip stop", "the list goes on: %s" % kinds)
    page.see("110 km/h")
    page.see("idling 20 min")
    page.value("void document.querySelectorAll('li[data-kind=trip] button')[1].click()")
    second_trip = MORNING + 1000 * (1800 + 600 + 900 + 60 + 900 + 1200)
    page.wait("Number(document.querySelector('input[type=range]').value) === %d" % second_trip)
    page.wait("document.querySelector('li[data-kind=trip] button[aria-current=true]') !== null"
              " && document.querySelector('.history-here') !== null")
    page.see("80 km/h")
    # Beside the mark of the cursor, the track has the colour of its speed: eastward at 110 km/h, southward at 80.
    for at, across, down, token in ((MORNING + 1000 * (1800 + 600 + 900 + 60 + 450), 24, 0, "speed-4"),
                                    (second_trip + 450_000, 0, 24, "speed-3")):
        put_cursor(page, at)
        want = tuple(colour_of(page, token))
        found = set()

        def seen():
            x, y = page.value("(() => { const b = document.querySelector('.history-here').getBoundingClientRect();"
                              " return [b.x + b.width / 2, b.y + b.height / 2]; })()")
            # An arrow may stand just there.
            for step in (0, 4, 8, 12):
                found.add(page.colour(int(x + across + (step if across else 0)), int(y + down + (step if down else 0))))
            return want in found
        proc.wait_until(seen, 15, "the track has the colour of %s, %s: %s" % (token, want, found))
    page.clean("a day")


def test_cursor_and_replay(bench):
    """The keyboard moves the cursor by the slider and by the table; a replay moves it on and ends when it is paused."""
    case = Case(bench)
    page = case.page
    page.open("%s?from=%s&values=speed,66,239" % (case.path, DAY))
    case.shown()
    page.see("External voltage", within="figcaption")
    page.see("Ignition", within="figcaption")
    page.value("void document.querySelector('input[type=range]').focus()")
    at = moment(page)
    page.press("ArrowRight")
    page.wait("Number(document.querySelector('input[type=range]').value) === %d" % (at + 60_000))
    page.wait("document.querySelector('.history-here') !== null")
    page.click("button", "Table")
    page.wait("document.querySelectorAll('[role=table] [role=row]').length > 5")
    page.value("void document.querySelector('[role=table]').focus()")
    page.press("End")
    page.wait("document.querySelector('[role=row][aria-current=true]') !== null")
    late = moment(page)
    page.press("ArrowUp")
    page.wait("Number(document.querySelector('input[type=range]').value) < %d" % late)
    page.press("Home")
    page.wait("Number(document.querySelector('input[type=range]').value) < %d" % (MORNING + 300_000))
    rows = page.value("document.querySelectorAll('[role=table] [role=row]').length")
    proc.check(rows <= 60, "%d rows in the page" % rows)
    page.click("button", "Replay")
    page.wait("Number(document.querySelector('input[type=range]').value) > %d" % (MORNING + 1800_000))
    page.click("button", "Pause")
    proc.equal(moment(page), moment(page), "it stands")
    page.click("button", "Choose values")
    page.see("Altitude", within="[role=dialog]")
    page.value("void document.querySelectorAll('[role=dialog] input[type=checkbox]')[1].focus()")
    page.press("Space")
    page.wait("(new URLSearchParams(location.search).get('values') ?? '').includes('altitude')")
    page.press("Escape")
    page.clean("cursor and replay")


def test_empty_and_forbidden(bench):
    """A day without records says when the last one before was; a foreign device is not there; a calendar marks days with records."""
    case = Case(bench)
    page = case.page
    page.open("%s?from=2020-01-01" % case.path)
    page.see("No records on this day")
    page.see("The next record is from")
    page.open("%s?from=%s" % (case.path, DAY))
    case.shown()
    page.click("button", "Next day")
    page.see("No records on this day")
    page.see("The last record before is from")
    page.open("%s?from=%s" % (case.path, DAY))
    page.click("button", "Choose a day")
    page.wait("document.querySelectorAll('[role=dialog] [role=img]').length === 1")
    page.press("Escape")
    page.click("button", "Export")
    page.see("GPX, for maps")
    links = page.value("[...document.querySelectorAll('[role=menuitem]')].map((e) => e.getAttribute('href')).join(' ')")
    proc.check(all("format=%s" % f in links for f in ("csv", "gpx", "geojson")), "links: %s" % links)
    page.press("Escape")
    case.admin.make_user("ann", (case.admin.post("/groups", {"name": "Other"}, 201)["id"], "viewer"))
    page.new()
    page.sign_in("ann", web.PASSWORD)
    page.open("%s?from=%s" % (case.path, DAY))
    page.see("Nothing here")
    page.clean("empty and forbidden")


def test_everywhere(bench):
    """Both themes, on a desk and on a phone: nothing that axe finds serious, nothing wider than the screen."""
    case = Case(bench)
    page = case.page
    shots = os.environ.get("E2E_SHOTS")
    for width, height in ((1440, 900), (390, 844)):
        for dark in (False, True):
            page.new(width, height, dark)
            page.sign_in("admin", web.PASSWORD)
            page.open("%s?from=%s&values=speed,66" % (case.path, DAY))
            what = "history, %d px, %s" % (width, "dark" if dark else "light")
            if width > 1000:
                case.shown()
            else:
                page.wait("Number(%s?.dataset.lines) >= 5 && %s.dataset.drawn === 'true'" % (MAP, MAP))
            page.see("Distance")
            page.value("void document.querySelectorAll('li[data-kind=trip] button')[0].click()")
            for tab in (None,) if width > 1000 else ("List", "Chart", "Table"):
                if tab:
                    page.click("button", tab)
                    page.wait("[...document.querySelectorAll('button')].some((b) => b.textContent === '%s'"
                              " && b.ariaPressed === 'true')" % tab)
                page.accessible("%s, %s" % (what, tab))
                if shots:
                    page.wait("document.querySelector('.uplot, [role=table], li[data-kind]') !== null")
                    page.shot(os.path.join(shots, "history-%d-%s-%s.png" % (width, "dark" if dark else "light", tab)))
            wide = page.value("document.documentElement.scrollWidth")
            proc.check(wide <= width, "%s: %d px wide" % (what, wide))
            page.clean(what)


suite.main(globals())
