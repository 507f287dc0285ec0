"""What a real Chromium does with the fleet. It has no graphics processor here: drawing is the processor's work as well."""
import json
import os
import random
import subprocess
import time

from lib import browser, gateway, proc, web, wire
from lib.tracker import Tracker

from . import machine
from .desk import Desk, fill, percentile
from .table import Row

OPENED = 10000
NO_GPU = "Chromium draws by the processor"
ALL_SHOWN = ("(d => d !== undefined && Number(d.marks) + Number(d.counted) >= %d)"
             "(document.querySelector('.maplibregl-canvas')?.dataset)" % OPENED)
DRAWN_AT = "new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => r(performance.now()))))"


def points(bench):
    """20,000 points that move, by our layer and by GeoJSON: CPU of the main thread (web/test/bench)."""
    done = subprocess.run([browser.NODE, "node", browser.TOP + "/web/test/bench/points_run.ts", str(5 * bench.seconds)],
                          stdout=subprocess.PIPE, check=True, timeout=600)
    found = json.loads(done.stdout)
    bench.detail("points", found)
    proc.check(found["drawn"] == 20000, "only %s points were drawn" % found["drawn"])
    return [Row("20,000 points that move, main thread's CPU: our layer ÷ GeoJSON's setData", found["layer_ms"] / found["geojson_ms"],
                0.1, "low", "", 3, "%.1f ÷ %.1f ms an update" % (found["layer_ms"], found["geojson_ms"])),
            Row("the longest task of it", max(found["layer_longest_ms"], found["layer_ms"]), 50, "low", "ms", 0,
                "of those above 50 ms, else an update's CPU; GeoJSON's %.0f ms" % found["geojson_longest_ms"])]


def first_load(_bench):
    """What the build says of itself (web/build/first_load.ts, which fails above these)."""
    with open(os.path.join(gateway.BUILD, "web", "dist", "first_load.json")) as f:
        found = json.load(f)
    limits = (("login", 110), ("without the map", 380), ("the map's code", 450), ("the base map", 450))
    return [Row("first load, gzip: " + part, found[part] / 1000, limit, "low", "kB", 0, note) for (part, limit), note in zip(
        limits, ("without fonts", "the application and its largest screen", "with its worker", "countries and cities"))]


def _to_the_page(bench, desk, page):
    """Seconds from a tracker's frame until the page shows its speed."""
    imei = desk.db.query("SELECT imei FROM devices ORDER BY id DESC LIMIT 1")
    gw = bench.stand.gateway(desk.db)
    page.open("/?q=" + imei)
    tracker, times = Tracker(gw, imei, desk.scope), []
    tracker.login()
    rng = random.Random(2)
    for turn in range(5 + 5 * bench.rounds):
        speed = 101 + turn
        time.sleep(rng.random())
        began = time.monotonic()
        tracker.exchange(wire.frame(8, [wire.Record(int(time.time() * 1000), 50.0, 15.0, speed=speed, sats=9)]))
        page.wait("document.body.innerText.includes('%d km/h')" % speed)
        times.append(time.monotonic() - began)
    tracker.close()
    gw.finish()
    bench.detail("to the page", dict(enumerate(times)))
    return sorted(times)


def first_points(bench):
    db = bench.stand.database(OPENED)
    fill(db)
    desk = Desk(bench.stand, db)
    desk.loaded(OPENED)
    desk.server.admin()
    page = browser.Page(desk, desk.server)
    page.sign_in("admin", web.PASSWORD)
    times = []
    for _ in range(2 + bench.rounds):
        page.open("/")
        page.wait(ALL_SHOWN)
        times.append(page.value(DRAWN_AT) / 1000)
    shown = _to_the_page(bench, desk, page)
    page.close()
    desk.server.stop()
    bench.detail("first points", dict(enumerate(times)))
    return [Row("first points of 10,000 devices after opening the map", machine.median(times), 2.5, "low", "s", 2,
                "from the address to the frame that draws them, files from the cache; worst of %d: %.2f s; %s"
                % (len(times), max(times), NO_GPU)),
            Row("last byte of a tracker's frame → the page shows it, p50", percentile(shown, 0.5), 2.2, "low", "s", 2,
                "that fleet, which else stands still; worst of %d: %.2f s" % (len(shown), shown[-1]))]
