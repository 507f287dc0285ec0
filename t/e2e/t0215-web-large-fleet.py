#!/usr/bin/env python3
"""A fleet that is too large for a page: counts per cell on the map, and the list by the server's search.

25,000 devices with live rows, put into the database by SQL, in a real Chromium with the real server.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import browser, live, proc, suite, web

web.need()
browser.need()

MANY = 25000
MOST = 20000        # points that a desk gets; a phone gets a tenth
MOST_ROWS = 60      # of the list, in the page

# Around Vilnius, Berlin and Madrid; four of ten move, one of seventeen is silent, one of fifty was never seen.
FILL = """
INSERT INTO devices (imei, name, device_model)
    SELECT 350000000000000 + n, (ARRAY['Truck', 'Van', 'Bus'])[1 + n %% 3] || ' ' || n, (ARRAY['FMB920', 'FMC130'])[1 + n %% 2]
    FROM generate_series(1, %(many)d) AS n;
INSERT INTO omnitrack.device_groups SELECT id, CASE WHEN id %% 100 = 0 THEN %(group)s ELSE 1 END FROM devices;
INSERT INTO device_online (device_id, recorded_at, last_record_at, last_seen_at, connected_at, latitude, longitude, speed,
        heading, satellites, online, io, updated_at)
    SELECT q.id, q.t, q.t, q.t, q.t, c.lat + q.id %% 91 / 100.0, c.lon + q.id %% 97 / 50.0,
        CASE WHEN q.id %% 10 < 4 THEN 20 + q.id %% 80 ELSE 0 END, q.id %% 360, 9, true, '{}', clock_timestamp()
    FROM (SELECT id, now() - CASE WHEN id %% 17 = 0 THEN interval '3 days' ELSE interval '5 s' END AS t FROM devices
            WHERE id %% 50 <> 49) AS q
        JOIN (VALUES (0, 54.2, 24.3), (1, 52.0, 12.4), (2, 40.0, -4.7)) AS c (k, lat, lon) ON c.k = q.id %% 3;
"""
CANVAS = "document.querySelector('.maplibregl-canvas')?.dataset"
ROWS = "document.querySelectorAll('[role=option]').length"


def filled(bench, many=MANY):
    """A server with the fleet, its administrator, and a group that every hundredth device is in."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    group = admin.post("/groups", {"name": "North"}, 201)["id"]
    database.query(FILL % {"many": many, "group": group})
    never = sum(1 for n in range(1, many + 1) if n % 50 == 49)

    def there():
        summary = admin.get("/fleet/summary")
        return summary["devices"] == many and summary["byState"]["out"] == never
    proc.wait_until(there, 60, "the server has the fleet")
    return server, admin, group


def number(page, name):
    return int(page.value("%s?.%s ?? '-1'" % (CANVAS, name)))


def see_marks(page, marks, counted, what):
    def so():
        got = number(page, "marks"), number(page, "counted")
        return marks(got[0]) and counted(got[1])
    proc.wait_until(so, 30, what)


def test_desk(bench):
    """Counts of the whole fleet, the server's list, a device from it, points where there is room, and counts again."""
    server, admin, _ = filled(bench)
    placed = sum(1 for n in range(1, MANY + 1) if n % 50 != 49)
    page = browser.Page(bench, server, 1280, 800)
    page.sign_in("admin", web.PASSWORD)
    page.see("25,000 devices")
    see_marks(page, lambda m: m == 0, lambda c: c == placed, "all that have a place are counted")
    # The list is the server's: in its order, without all of it in the page.
    page.wait("%s > 5" % ROWS)
    proc.check(page.value(ROWS) <= MOST_ROWS, "rows in the page")
    first = admin.get("/devices?sort=urgency&limit=1")["items"][0]
    page.see(first["name"], within="[role=option]:first-child")
    # To its end, page by page.
    for _ in range(4):
        rows = page.value("Number(document.querySelector('[role=option]:last-child').getAttribute('aria-posinset'))")
        page.value("document.querySelector('[role=listbox]').scrollTo(0, 1e9)")
        page.wait("Number(document.querySelector('[role=option]:last-child').getAttribute('aria-posinset')) > %d" % rows)
        proc.check(page.value(ROWS) <= MOST_ROWS, "rows in the page")
    # One that is searched for is found, shown and a mark on the map.
    page.fill("Search the fleet", "van 24001")
    page.see("1 of 25,000 devices")
    page.see("Van 24001", within="[role=option]")
    see_marks(page, lambda m: m == 1, lambda c: c == 0, "what passes the filter is few enough for marks")
    page.click("option", "Van 24001")
    page.see("350000000024001", within="aside")
    page.press("Escape")
    # A state: few enough for marks, of which the page itself makes counts.
    page.open("/?state=silent")
    silent = admin.get("/fleet/summary")["byState"]["silent"]
    page.see("%s of 25,000 devices" % format(silent, ","))
    proc.wait_until(lambda: number(page, "marks") + number(page, "counted") >= silent, 30, "the silent ones alone")
    # Near enough, each is a mark; far away, counts again.
    page.open("/?at=54.6,24.8,13")
    see_marks(page, lambda m: m > 0, lambda c: c == 0, "marks")
    page.see("25,000 devices")
    page.open("/?at=50,10,3")
    see_marks(page, lambda m: m == 0, lambda c: c == placed, "counts")
    page.clean("a large fleet on a desk")


def test_phone(bench):
    """A phone gets counts from a tenth of the devices on; the list is there too."""
    server, _, _ = filled(bench, 3000)
    page = browser.Page(bench, server, 390, 844, dark=True)
    page.sign_in("admin", web.PASSWORD)
    page.see("3,000 devices")
    see_marks(page, lambda m: m == 0, lambda c: c > MOST / 10, "counts")
    page.click("button", "Devices")
    page.wait("%s > 5" % ROWS)
    page.clean("a large fleet on a phone")


def test_rights(bench):
    """Whoever may see few of them gets points, and counts, list and search hold nothing else."""
    server, admin, group = filled(bench)
    mine = [n for n in range(1, MANY + 1) if n % 100 == 0]
    ann = admin.make_user("ann", (group, "viewer"))
    proc.equal(ann.get("/fleet/summary")["devices"], len(mine), "devices of ann")
    names = {d["name"].split()[1] for d in ann.get("/devices?sort=speed&limit=500")["items"]}
    proc.equal(names, {str(n) for n in mine}, "what ann's search finds")
    page = browser.Page(bench, server, 1280, 800)
    page.sign_in("ann", web.PASSWORD)
    page.see("%d devices" % len(mine))
    proc.wait_until(lambda: number(page, "marks") + number(page, "counted") == len(mine), 30, "ann's devices on the map")
    page.fill("Search the fleet", "24001")
    page.see("No device matches")
    page.clean("rights in a large fleet")


def test_socket(bench):
    """What the socket says: cells and an overview, by the filter; points inside a tile; a tracker that moves."""
    server, admin, group = filled(bench)
    socket = live.Live(admin, bench.scope)
    answer = socket.view()
    proc.equal((answer["mode"], answer["devices"]), ("cells", MANY), "a view of the world")
    cells = proc.wait_until(lambda: socket.came("cells"), 10, "cells")[-1]
    proc.equal(sum(cells["counts"]), sum(1 for n in range(1, MANY + 1) if n % 50 != 49), "devices in the cells")
    overview = socket.came("overview")[-1]
    proc.equal((overview["devices"], sum(overview["counts"]), overview["tooMany"]), (MANY, MANY, True), "the overview")
    box = overview["box"]
    proc.check(-6 < box["west"] < -4 and 25 < box["east"] < 28 and 39 < box["south"] < 41, "the box: %s" % box)
    proc.equal(socket.frames, [], "frames")
    proc.wait_until(lambda: len(socket.came("cells")) > 1, 15, "cells again")
    answer = socket.view(filter={"group": group, "states": ["moving"]})
    moving = [n for n in range(1, MANY + 1) if n % 100 == 0 and n % 17 and n % 10 < 4]
    proc.equal((answer["mode"], answer["devices"]), ("points", len(moving)), "by a filter")
    proc.wait_until(lambda: len(socket.devices) == len(moving), 10, "points of the filter")
    # One that begins to pass it comes, one that no longer does goes.
    ident, other = next(iter(socket.devices)), admin.get("/devices?q=350000000001750")["items"][0]["id"]
    move = "UPDATE device_online SET speed = %d, updated_at = clock_timestamp() WHERE device_id = %s"
    server.database.query(move % (0, ident))
    server.database.query("UPDATE omnitrack.device_groups SET group_id = %s WHERE device_id = %s" % (group, other))
    server.database.query("NOTIFY telematics_web, 'device:%s'" % other)
    server.database.query(move % (90, other))
    proc.wait_until(lambda: ident not in socket.devices and other in socket.devices, 20, "the filter holds as time goes by")
    answer = socket.view(["12/%d/%d" % (2330, 1310)])
    proc.equal(answer["mode"], "points", "a small tile")
    proc.equal(socket.ask("view", {"tiles": ["0/0/0"], "filter": {"q": "x" * 101}})["ok"], False, "a long search")


suite.main(globals())
