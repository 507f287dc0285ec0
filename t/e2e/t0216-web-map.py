#!/usr/bin/env python3
"""The map in a real Chromium: street maps by one setting, the trail of the chosen device, following it, alarms.

Street maps are made here (a PMTiles file, raster tiles, a style) and served on loopback.
"""
import http.server
import json
import os
import struct
import sys
import threading
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import browser, live, office, proc, suite, web, wire
from lib.fleet import imeis

web.need()
browser.need()

CANVAS = "document.querySelector('.maplibregl-canvas')?.dataset"
TOKEN = ("(() => { const s = document.createElement('span'); s.style.color = 'var(--%s)'; document.body.append(s);"
         " const c = getComputedStyle(s).color; s.remove(); return c.match(/\\d+/g).map(Number); })()")
MIDDLE = ("(() => { const b = document.querySelector('.maplibregl-canvas').getBoundingClientRect();"
          " return [b.x + b.width * %s, b.y + b.height / 2]; })()")


# ---- maps

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def layer(name, west, east):
    """A layer of a vector tile: one polygon from west to east (0 to 4096), as high as the tile."""
    zigzag = lambda n: varint(n << 1 if n >= 0 else -n * 2 - 1)
    wide = east - west
    ring = (varint(9) + zigzag(west) + zigzag(0) + varint(26) + zigzag(wide) + zigzag(0) + zigzag(0) + zigzag(4096)
            + zigzag(-wide) + zigzag(0) + varint(15))
    return field(3, field(15, 2) + field(1, name.encode()) + field(2, field(3, 3) + field(4, ring)) + field(5, 4096))


def pmtiles(path):
    """The whole world in one vector tile: land, and water east of Greenwich."""
    tile = layer("earth", 0, 4096) + layer("water", 2048, 4096)
    meta = json.dumps({"attribution": "Mapped by the test", "vector_layers": [{"id": "earth"}, {"id": "water"}]}).encode()
    directory = varint(1) + varint(0) + varint(1) + varint(len(tile)) + varint(1)
    at = 127
    sections = []
    for part in (directory, meta, b"", tile):
        sections += [at, len(part)]
        at += len(part)
    head = (b"PMTiles\x03" + struct.pack("<11Q", *sections, 1, 1, 1) + bytes([1, 1, 1, 1, 0, 0])
            + struct.pack("<4i", -1800000000, -850000000, 1800000000, 850000000) + b"\0" + struct.pack("<2i", 0, 0))
    proc.equal(len(head), 127, "the head of the file")
    with open(path, "wb") as f:
        f.write(head + directory + meta + tile)
    os.chmod(path, 0o644)


def png(colour):
    """256 by 256 pixels of one colour."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + bytes(colour) * 256) * 256
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 256, 256, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Tiles:
    """Serves tiles of one colour, and what else it is given, to pages of other origins."""

    def __init__(self, scope, colour=(10, 200, 30)):
        self.files, self.asked = {}, []
        picture = png(colour)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(handler):
                self.asked.append(handler.path)
                kind, body = self.files.get(handler.path, ("image/png", picture))
                handler.send_response(200)
                handler.send_header("Content-Type", kind)
                handler.send_header("Access-Control-Allow-Origin", "*")
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        scope.later(self.server.shutdown)
        self.origin = "http://127.0.0.1:%d" % self.server.server_port


def near(got, want, by=3):
    return all(abs(a - b) <= by for a, b in zip(got, want))


def wait_colour(page, place, want, what):
    proc.wait_until(lambda: near(page.colour(*page.value(MIDDLE % place)), want), 30, "%s is %s" % (what, want))


def policy(server, browser_):
    return browser_.raw("GET", "/", headers=browser_.headers())[2].headers["Content-Security-Policy"]


def test_pmtiles(bench):
    """A file of vector tiles is served by ranges, to who is signed in, and drawn in the colours of both themes."""
    database = bench.database()
    path = os.path.join(proc.scratch(bench.scope), "world.pmtiles")
    pmtiles(path)
    server = web.Web(bench, database, WEB_MAP_STYLE=path)
    admin = server.admin()
    proc.equal(admin.get("/settings")["map"], {"kind": "pmtiles", "url": "/map/tiles.pmtiles", "attribution": None}, "settings")
    status, _, answer = admin.raw("GET", "/map/tiles.pmtiles", headers=dict(admin.headers(), Range="bytes=0-6"))
    proc.equal((status, answer.headers["Content-Range"].split("/")[0]), (206, "bytes 0-6"), "a range of it")
    proc.equal(web.Browser(server).raw("GET", "/map/tiles.pmtiles")[0], 401, "to a stranger")
    page = browser.Page(bench, server, 1280, 800)
    for dark in (False, True):
        page.new(1280, 800, dark)
        page.sign_in("admin", web.PASSWORD)
        page.open("/?at=20,0,3")
        page.wait("%s?.base === 'shown'" % CANVAS)
        wait_colour(page, "0.25", page.value(TOKEN % "map-land"), "west of Greenwich")
        wait_colour(page, "0.75", page.value(TOKEN % "map-water"), "east of Greenwich")
        page.see("Mapped by the test")
        page.clean("a street map of a file")


def test_pmtiles_file(bench):
    """A file in a folder whose name begins with a dot: its tag changes with it, and parts that it does not have are told."""
    folder = os.path.join(proc.scratch(bench.scope), ".maps")
    os.mkdir(folder)
    path = os.path.join(folder, "world.pmtiles")
    pmtiles(path)
    server = web.Web(bench, bench.database(), WEB_MAP_STYLE=path)
    admin = server.admin()

    def ask(method="GET", **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        return admin.raw(method, "/map/tiles.pmtiles", headers=dict(admin.headers(), **headers))
    size = os.path.getsize(path)
    status, _, first = ask(Range="bytes=0-6")
    proc.equal((status, first.headers["Content-Range"]), (206, "bytes 0-6/%d" % size), "a range")
    tag = first.headers["ETag"]
    proc.equal(ask(Range="bytes=2-3", If_Range=tag)[0], 206, "of the same file")
    proc.equal(ask(If_None_Match=tag)[0], 304, "not changed")
    for what in ("bytes=%d-" % size, "bytes=0-1,4-5"):
        status, text, answer = ask(Range=what)
        proc.equal((status, answer.headers["Content-Range"], answer.headers["Content-Type"].split(";")[0]),
                   (416, "bytes */%d" % size, "application/problem+json"), "%s: %s" % (what, text[:200]))
    pmtiles(path + ".new")
    os.replace(path + ".new", path)
    status, _, second = ask(Range="bytes=0-6")
    proc.check(status == 206 and second.headers["ETag"] != tag, "replaced: another tag, %s" % second.headers["ETag"])
    proc.equal(ask("HEAD", Range="bytes=2-3", If_Range=tag)[0], 200, "a range of the file that was there")
    os.remove(path)
    proc.equal(ask()[0], 404, "it is gone")


def test_raster(bench):
    """Raster tiles of another host: the policy names it and no other; whose map it is stands on it; dark dims them."""
    tiles = Tiles(bench.scope)
    server = web.Web(bench, bench.database(),
                     WEB_MAP_STYLE=tiles.origin + "/{z}/{x}/{y}.png <b>Tiles</b> & Co")
    admin = server.admin()
    found = policy(server, admin)
    proc.check("connect-src 'self' %s;" % tiles.origin in found, "the policy: %s" % found)
    page = browser.Page(bench, server, 1280, 800)
    seen = []
    for dark in (False, True):
        page.new(1280, 800, dark)
        page.sign_in("admin", web.PASSWORD)
        page.open("/?at=20,0,3")
        page.wait("%s?.base === 'shown'" % CANVAS)
        page.see("<b>Tiles</b> & Co")
        at = page.value(MIDDLE % "0.5")
        proc.wait_until(lambda: page.colour(*at)[1] > page.colour(*at)[0] + 20, 30, "the tiles are green")
        seen.append(page.colour(*at)[1])
        proc.equal([f for f in page._ask("faults") if not f.startswith("request: %s/" % tiles.origin)], [], "faults")
    proc.check(seen[1] < seen[0] - 40, "the dark ones are dimmed: %s" % seen)


def test_style(bench):
    """A style of another host: also the hosts that it names may be asked, and no others."""
    tiles, home = Tiles(bench.scope), Tiles(bench.scope)
    home.files["/style.json"] = "application/json", json.dumps({
        "version": 8, "sources": {"s": {"type": "raster", "tiles": [tiles.origin + "/{z}/{x}/{y}.png"], "tileSize": 256,
                                        "attribution": "Styled by the test"}},
        "layers": [{"id": "s", "type": "raster", "source": "s"}]}).encode()
    server = web.Web(bench, bench.database(), WEB_MAP_STYLE=home.origin + "/style.json")
    admin = server.admin()
    want = "connect-src 'self' %s %s;" % (home.origin, tiles.origin)
    proc.wait_until(lambda: want in policy(server, admin), 10, "the policy names both")
    page = browser.Page(bench, server, 1280, 800)
    page.sign_in("admin", web.PASSWORD)
    page.open("/?at=20,0,3")
    page.see("Styled by the test")
    wait_colour(page, "0.5", (10, 200, 30), "the map")
    page.wait("%s?.base === 'shown'" % CANVAS)
    for bad in ("tiles", "/nowhere/at.pmtiles", "ftp://h/style.json"):
        server.keys["WEB_MAP_STYLE"] = bad
        code, _, err = server.run("-t")
        proc.check(code == 2 and "WEB_MAP_STYLE" in err, "-t of %s: %d %s" % (bad, code, err))


def test_map_away(bench):
    """Where the street map's host is away the page says so, and shows devices all the same."""
    database = bench.database()
    ident = office.put(database, imeis(1)[0], "Car 1")
    database.query("INSERT INTO device_online (device_id, recorded_at, last_record_at, last_seen_at, latitude, longitude, speed,"
                   " heading, updated_at) VALUES (%s, now(), now(), now(), 54, 25, 0, 0, clock_timestamp())" % ident)
    server = web.Web(bench, database, WEB_MAP_STYLE="http://127.0.0.1:1/style.json")
    server.admin()
    page = browser.Page(bench, server, 1280, 800)
    page.sign_in("admin", web.PASSWORD)
    page.see("The map can’t be loaded.")
    page.wait("%s?.marks === '1'" % CANVAS)
    page.open("/?device=%s" % ident)
    page.wait("/at=[^&]*,13\\.00/.test(location.search)")


# ---- devices

def test_trail(bench):
    """The chosen device has its trail of the last hour, which grows; following, the map goes with it."""
    database = bench.database()
    imei = imeis(1)[0]
    ident = office.put(database, imei, "Truck 7")
    gw = bench.gateway(database)
    server = web.Web(bench, database)
    server.admin()
    tracker = bench.tracker(gw, imei)
    tracker.login()
    tracker.exchange(wire.frame(8, [office.record(lat=54.6 + n / 200, lon=25.2 + (n % 2) / 100, speed=40, ago=300 - 30 * n)
                                    for n in range(8)]))
    page = browser.Page(bench, server, 1280, 800)
    page.sign_in("admin", web.PASSWORD)
    page.open("/?device=%s" % ident)
    page.wait("Number(%s?.trail) >= 8" % CANVAS)
    before = page.value("Number(%s?.trail)" % CANVAS)
    tracker.exchange(wire.frame(8, [office.record(lat=54.66, lon=25.3, speed=40)]))
    page.wait("Number(%s?.trail) > %d" % (CANVAS, before))
    page.click("button", "Follow")
    page.see("Following")
    tracker.exchange(wire.frame(8, [office.record(lat=55.5, lon=26.5, speed=40, ago=-1)]))
    page.wait("/at=55\\.[45]/.test(location.search)")
    page.clean("a trail")


def test_alarm(bench):
    """An alarm shows and sounds where one may see the device, leads to the map, and can be silenced."""
    database = bench.database()
    mine, theirs = imeis(2)
    server = web.Web(bench, database)
    admin = server.admin()
    north, south = [admin.post("/groups", {"name": n}, 201)["id"] for n in ("North", "South")]
    ident = office.put(database, mine, "Bus 12", north)
    office.put(database, theirs, "Van 3", south)
    gw = bench.gateway(database)
    ann = admin.make_user("ann", (north, "viewer"))
    trackers = [bench.tracker(gw, imei) for imei in (mine, theirs)]
    for tracker in trackers:
        tracker.login()
        tracker.exchange(wire.frame(8, [office.record(speed=40, ago=5)]))
    sockets = {"ann": live.Live(ann, bench.scope), "admin": live.Live(admin, bench.scope)}
    page = browser.Page(bench, server, 1280, 800)
    page.sign_in("ann", web.PASSWORD)
    page.see("40 km/h")
    alarm = lambda ago: wire.frame(8, [office.record(lat=54.7, speed=40, ago=ago, priority=2, event=246, io=[(246, b"\x01")])])
    for tracker in trackers:
        tracker.exchange(alarm(0))
    page.see("Bus 12", within="[role=log]")
    proc.wait_until(lambda: sum(map(len, sockets["admin"].came("alarms"))) == 2, 20, "an administrator hears of both")
    proc.equal([a["title"] for told in sockets["ann"].came("alarms") for a in told], ["Bus 12"], "what ann hears of")
    page.wait("document.documentElement.dataset.sounded === '1'")
    proc.check("Van 3" not in page.value("document.body.innerText"), "nothing of the other group")
    page.accessible("an alarm")
    page.click("button", "Sound off")
    page.see("Sound on")
    page.click("link", "Show on map")
    page.wait("location.search.includes('device=%s') && location.search.includes('at=54.7')" % ident)
    trackers[0].exchange(alarm(-1))
    page.see("Bus 12", within="[role=log]")
    proc.equal(page.value("document.documentElement.dataset.sounded"), "1", "sounds after it was switched off")
    page.clean("alarms")


def test_alarm_on_display(bench):
    """On a display, which nobody touches, an alarm goes by itself; its sound is switched off there alone."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    imei = imeis(1)[0]
    office.put(database, imei, "Bus 12")
    gw = bench.gateway(database)
    admin.make_user("wall", ("1", "viewer"))
    wall = [u["id"] for u in admin.get("/users?limit=500")["items"] if u["login"] == "wall"][0]
    display = browser.Page(bench, server, 1280, 800)
    display.open(admin.post("/users/%s/display-link" % wall, None, 201)["path"])
    display.see("Bus 12", within="[role=option]")
    tracker = bench.tracker(gw, imei)
    tracker.login()
    alarm = lambda ago: wire.frame(8, [office.record(lat=54.7, speed=40, ago=ago, priority=2, event=246, io=[(246, b"\x01")])])
    tracker.exchange(alarm(1))
    display.see("Bus 12", within="[role=log]")
    sheet = "document.querySelector('main section[aria-label=Alarms]').getBoundingClientRect()"
    proc.check(display.value("%s.bottom <= document.querySelector('h1').parentElement.getBoundingClientRect().top + 1" % sheet),
               "an alarm covers nothing of the screen")
    display.click("button", "Sound off")
    display.see("Sound on")
    proc.check("A display only shows" not in display.value("document.body.innerText"), "nothing is refused")
    display.value("Date.now = ((real) => () => real() + 61000)(Date.now)")
    display.wait("document.querySelector('[role=log]').textContent === ''")
    display.clean("an alarm on a display")


def test_alarm_on_phone(bench):
    """An alarm takes room from the map of a phone: the device that is looked at stays in what is left of it."""
    database = bench.database()
    chosen, other = imeis(2)
    idents = [office.put(database, imei, name) for imei, name in ((chosen, "Bus 12"), (other, "Van 3"))]
    gw = bench.gateway(database)
    _, _, page = office.started(bench, database)
    page.new(390, 844)
    page.sign_in("admin", web.PASSWORD)
    trackers = [bench.tracker(gw, imei) for imei in (chosen, other)]
    for tracker in trackers:
        tracker.login()
        tracker.exchange(wire.frame(8, [office.record(speed=40, ago=5)]))
    page.open("/?device=%s" % idents[0])
    page.see("40 km/h", within="aside")
    moving = page.value(TOKEN % "moving")
    strip = ("(() => { const m = document.querySelector('.maplibregl-canvas').getBoundingClientRect();"
             " return [m.x + m.width / 2, m.y, document.querySelector('aside').getBoundingClientRect().y]; })()")

    def in_sight():
        x, top, bottom = page.value(strip)
        return any(near(page.colour(x, y), moving) for y in range(int(top) + 5, int(bottom) - 5, 5))
    proc.wait_until(in_sight, 30, "the device is in what one sees of the map")
    room = page.value(strip)
    trackers[1].exchange(wire.frame(8, [office.record(lat=54.9, ago=0, priority=2, event=246, io=[(246, b"\x01")])]))
    page.see("Van 3", within="[role=log]")
    proc.check(page.value(strip) != room, "the alarm takes room")
    proc.wait_until(in_sight, 30, "it is in what is left")
    page.clean("an alarm on a phone")


def test_first_fix(bench):
    """A chosen device that has no place yet: the map shows the fleet, and goes to it with its first fix."""
    database = bench.database()
    new, other = imeis(2)
    ident = office.put(database, new, "Bus 12")
    office.put(database, other, "Van 3")
    gw = bench.gateway(database)
    _, _, page = office.started(bench, database)
    trackers = [bench.tracker(gw, imei) for imei in (new, other)]
    for tracker in trackers:
        tracker.login()
    trackers[1].exchange(wire.frame(8, [office.record(lat=41.5, lon=2.1, speed=40, ago=5)]))
    page.open("/?device=%s" % ident)
    page.see("Never had a fix", within="aside")
    page.see("40 km/h", within="[role=listbox]")
    page.wait("Number(%s.marks) === 1" % CANVAS)
    trackers[0].exchange(wire.frame(8, [office.record(lat=54.5, lon=25.5, speed=30, ago=0)]))
    page.wait("/at=54\\.[45]/.test(location.search)")
    page.clean("a first fix")


def test_near(bench):
    """A device is looked at no nearer than the base map that ships has something to show."""
    database = bench.database()
    ident = office.put(database, imeis(1)[0], "Car 1")
    database.query("INSERT INTO device_online (device_id, recorded_at, last_record_at, last_seen_at, latitude, longitude, speed,"
                   " heading, updated_at) VALUES (%s, now(), now(), now(), 54, 25, 0, 0, clock_timestamp())" % ident)
    _, _, page = office.started(bench, database)
    page.open("/?device=%s" % ident)
    page.wait("/at=[^&]*,9\\.00/.test(location.search)")
    page.clean("a device on the base map that ships")


suite.main(globals())
