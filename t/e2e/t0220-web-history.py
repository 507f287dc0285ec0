#!/usr/bin/env python3
"""A device's history over the web application's API: what a tracker sent to the gateway is a track, trips, stops, series and exports.

The records of a known drive go through the real gateway; what the server makes of them is compared with the drive.
"""
import os
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import office, proc, suite, web
from lib.drive import Drive
from lib.fleet import imeis

web.need()

DAY = 86400_000
# Yesterday, 06:00 UTC: the whole drive is past, and within one day.
MORNING = (int(time.time() * 1000) // DAY - 1) * DAY + 6 * 3600_000
MIDNIGHT = MORNING - 6 * 3600_000


def iso(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + ".%03dZ" % (ms % 1000)


def day(at=MIDNIGHT, days=1):
    return "from=%s&to=%s" % (iso(at), iso(at + days * DAY))


def a_day():
    """Stands an hour, drives 20 min, waits 5 min idling, drives 10 min with a red light, is silent, stands elsewhere."""
    drive = Drive(MORNING)
    drive.stand(3600, every=600)
    drive.go(1200, 60, 90)
    drive.stand(300, every=60, ignition=1)
    drive.go(300, 100, 0)
    drive.stand(60, every=10, ignition=1)
    drive.go(300, 100, 0, supply=14200)
    drive.silence(3600)
    drive.lat += 0.2
    drive.stand(1800, every=600)
    return drive


class Case:
    """A server, its administrator, and a device whose day went through the gateway."""

    def __init__(self, bench, drive=None):
        self.database = bench.database()
        self.imei = imeis(1)[0]
        self.ident = office.put(self.database, self.imei, "Truck 7")
        self.gw = bench.gateway(self.database)
        self.server = web.Web(bench, self.database)
        self.admin = self.server.admin()
        self.drive = drive or a_day()
        tracker = bench.tracker(self.gw, self.imei)
        tracker.login()
        self.drive.send(tracker)
        tracker.close()
        self.path = "/devices/%s" % self.ident

    def raw(self, path, **more):
        """(status, headers, bytes)"""
        import http.client
        link = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60 * proc.BUSY)
        headers = dict(self.admin.headers(), **{k.replace("_", "-"): v for k, v in more.items()})
        try:
            link.request("GET", "/api/v1" + path, None, headers)
            answer = link.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            link.close()


def decode_track(data):
    """A packed track (web/shared/track.ts): (records, zoom, points), each point with time, lat, lon, speed, gap."""
    version, _, _, count, records, zoom, first, _ = struct.unpack_from("<BBHIIfdd", data)
    proc.equal(version, 1, "version")
    at = 32

    def take():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def signed():
        value = take()
        return -(value + 1) // 2 if value & 1 else value // 2
    points, seconds, lat, lon = [], 0, 0, 0
    for _ in range(count):
        step = take()
        seconds, lat, lon = seconds + step // 2, lat + signed(), lon + signed()
        points.append((first + 1000 * seconds, lat / 200000, lon / 200000, take(), step & 1))
    proc.equal(at, len(data), "nothing is left over")
    return records, zoom, points


def near(have, want, off, what):
    proc.check(abs(have - want) <= off, "%s: %s is not %s (within %s)" % (what, have, want, off))


def test_trips(bench):
    """Trips, stops, gaps and their sums are those of the drive."""
    case = Case(bench)
    said = case.admin.get("%s/history?%s" % (case.path, day()))
    proc.equal(said["records"], len(case.drive.records), "records")
    proc.equal([(t["from"], t["to"], t["beginsBefore"], t["endsAfter"]) for t in said["trips"]],
               [(iso(MORNING + 3600_000), iso(MORNING + 4800_000), False, False),
                (iso(MORNING + 5100_000), iso(MORNING + 5750_000), False, False)], "trips; a red light ends none")
    near(said["trips"][0]["distanceM"], 20000, 20, "20 min at 60 km/h")
    proc.equal((said["trips"][0]["maxSpeed"], said["trips"][1]["maxSpeed"]), (60, 100), "fastest")
    near(said["trips"][0]["meanSpeed"], 60, 0.2, "mean")
    proc.equal([(s["from"], s["to"], s["idleS"]) for s in said["stops"]],
               [(iso(MORNING), iso(MORNING + 3600_000), 0), (iso(MORNING + 4800_000), iso(MORNING + 5100_000), 300),
                (iso(MORNING + 9360_000), iso(MORNING + 10560_000), 0)], "stops; an idle one is said to be")
    near(said["stops"][0]["place"]["latitude"], 54.68, 1e-5, "where it stood")
    proc.equal([(g["from"], g["to"]) for g in said["gaps"]], [(iso(MORNING + 5750_000), iso(MORNING + 9360_000))], "gap")
    near(said["gaps"][0]["distanceM"], 0.2 * 111195, 400, "as the crow flies")
    proc.equal(said["distanceM"], sum(t["distanceM"] for t in said["trips"]), "sum")
    proc.equal(case.admin.get("%s/trips?%s" % (case.path, day()))["items"], said["trips"], "trips alone")
    proc.equal(case.admin.get("%s/stops?%s" % (case.path, day()))["items"], said["stops"], "stops alone")
    # A range that begins within the first stop: the stop is known to have begun before.
    part = case.admin.get("%s/stops?from=%s&to=%s" % (case.path, iso(MORNING + 900_000), iso(MORNING + 3700_000)))["items"]
    proc.equal([(s["from"], s["beginsBefore"], s["endsAfter"]) for s in part],
               [(iso(MORNING + 900_000), True, False)], "a stop that began before")


def test_empty(bench):
    """A day without records says when the nearest ones are; a range that is none is refused."""
    case = Case(bench)
    said = case.admin.get("%s/history?%s" % (case.path, day(MIDNIGHT - 40 * DAY)))
    proc.equal((said["records"], said["before"], said["after"]), (0, None, iso(MORNING)), "before all")
    said = case.admin.get("%s/history?from=%s&to=%s" % (case.path, iso(MORNING + 4 * 3600_000), iso(MORNING + 5 * 3600_000)))
    proc.equal((said["records"], said["before"]), (0, iso(case.drive.records[-1].ts)), "after all")
    proc.equal((said["stops"][0]["beginsBefore"] if said["stops"] else None), None, "nothing is known of this time")
    for query in ("", "?from=yesterday", "?from=now-1h&to=now-2h", "?from=now-33d", "?from=2026-13-01T00:00:00Z", "?from=now&x=1"):
        proc.check(case.admin.ask("GET", case.path + "/history" + query).status in (400, 422), query)


def test_track(bench):
    """The packed track goes where the device went, in a few points; gaps are marked, what isn't seen is left out."""
    case = Case(bench)
    status, headers, data = case.raw("%s/track?%s" % (case.path, day()))
    proc.equal((status, headers["Content-Type"], headers["Cache-Control"]),
               (200, "application/vnd.omnitrack.track", "no-store"), "what it is")
    records, zoom, points = decode_track(data)
    proc.equal(records, len(case.drive.records), "records")
    near(zoom, 16, 0.01, "exact up to the zoom that was asked for")
    proc.check(8 <= len(points) <= 40, "straight lines need few points: %d of %d" % (len(points), records))
    sent = {r.ts: r for r in case.drive.records}
    for at, lat, lon, _, _ in points:
        near(lat, sent[at].lat7 / 1e7, 4e-6, "latitude at %s" % iso(int(at)))
        near(lon, sent[at].lon7 / 1e7, 4e-6, "longitude at %s" % iso(int(at)))
    gaps = [iso(int(p[0])) for p in points if p[4]]
    proc.equal(gaps, [iso(MORNING + 9360_000)], "the way that isn't known leads to the stop after it")
    fast = [p for p in points if MORNING + 5200_000 < p[0] <= MORNING + 5390_000]
    proc.check(all(p[3] == 100 for p in fast), "speeds: %s" % fast)
    _, _, coarse = case.raw("%s/track?%s&zoom=5" % (case.path, day()))
    proc.check(len(coarse) <= len(data), "less is needed for less")
    # The trail of a live map.
    _, _, data = case.raw("%s/track?from=now-1h" % case.path)
    proc.equal(decode_track(data)[2], [], "nothing within the last hour")


def test_series(bench):
    """Values by time have names and units; of each part of time the least and the greatest; any element that it sends is offered."""
    case = Case(bench)
    offered = {e["of"]: e for e in case.admin.get("%s/elements?%s" % (case.path, day()))["items"]}
    proc.equal((offered["66"]["name"], offered["66"]["unit"], offered["66"]["numeric"]), ("external_voltage", "V", True), "an element")
    proc.equal(sorted(offered), ["239", "66", "altitude", "satellites", "speed"], "all that it sends")
    said = case.admin.get("%s/series?%s&of=speed,66,239,12345&width=100" % (case.path, day()))
    proc.equal(said["stepS"], 864, "a day in 100 parts")
    speed, supply, ignition, nothing = said["items"]
    proc.equal([speed["of"], speed["unit"], supply["name"], supply["unit"]], ["speed", "km/h", "external_voltage", "V"], "names and units")
    proc.equal((max(speed["max"]), min(speed["min"])), (100, 0), "the range of speeds")
    proc.equal((max(supply["max"]), min(supply["min"])), (14.2, 13.8), "scaled")
    proc.equal(ignition["labels"], {"0": "ignition off", "1": "ignition on"}, "words of values")
    proc.equal(nothing["time"], [], "what it doesn't send")
    proc.check(all((t * 1000 - MIDNIGHT) % 864000 == 0 for t in speed["time"]), "parts begin where they should")
    fine = case.admin.get("%s/series?from=%s&to=%s&of=speed&width=4000" % (case.path, iso(MORNING + 3600_000), iso(MORNING + 4000_000)))
    proc.equal((len(fine["items"][0]["time"]), set(fine["items"][0]["max"])), (40, {60}), "as fine as the records are")
    for of in ("", "speed,", "x", "1,2,3,4,5,6,7,8,9"):
        case.admin.get("%s/series?%s&of=%s" % (case.path, day(), of), want=400)


def test_positions(bench):
    """Records come in pages without a hole, both ways; their elements by name; a page begins where the last one ended."""
    case = Case(bench)
    sent = [iso(r.ts) for r in case.drive.records]
    for order, want in (("asc", sent), ("desc", sent[::-1])):
        got, cursor = [], ""
        while cursor is not None:
            said = case.admin.get("%s/positions?%s&limit=70&order=%s%s" % (case.path, day(), order, cursor))
            got += [p["at"] for p in said["items"]]
            cursor = said["next"] and "&cursor=" + said["next"]
        proc.equal(got, want, "records, " + order)
    first = case.admin.get("%s/positions?%s&limit=1&io=true" % (case.path, day()))["items"][0]
    proc.equal([(e["name"], e["value"], e["unit"]) for e in first["io"] if e["id"] == 66], [("external_voltage", 13.8, "V")], "decoded")
    near(first["latitude"], 54.68, 1e-6, "latitude")
    month = iso(MIDNIGHT)[:7]
    proc.equal(case.admin.get("%s/days?month=%s" % (case.path, month))["items"], [iso(MIDNIGHT)[:10]], "days that have records")
    # In Kiribati that morning is the next day's evening before 20:00 local: 06:00 UTC is 20:00, 14 hours on.
    there = case.admin.get("%s/days?month=%s&zone=Pacific/Kiritimati" % (case.path, month))["items"]
    proc.equal(there, [iso(MIDNIGHT)[:10]], "a day of another zone")
    west = case.admin.get("%s/days?month=%s&zone=Pacific/Honolulu" % (case.path, iso(MIDNIGHT - DAY)[:7]))["items"]
    proc.check(iso(MIDNIGHT - DAY)[:10] in west, "06:00 UTC is the evening before in Hawaii: %s" % west)
    case.admin.get("%s/days?month=%s&zone=Mars/Base" % (case.path, month), want=422)


def test_exports(bench):
    """The whole range as CSV, GPX and GeoJSON, by Accept or by exports; each is what its format asks for, and stands in the audit log."""
    import csv
    import io
    import json
    import xml.etree.ElementTree as tree
    case = Case(bench)
    case.database.query("UPDATE devices SET name = '=cmd|x''<&\\'")
    proc.wait_until(lambda: case.admin.get(case.path)["name"].startswith("="), 30, "the name has come")
    status, headers, data = case.raw("%s/positions?%s" % (case.path, day()), Accept="text/csv")
    proc.equal((status, headers["Content-Type"], headers["Cache-Control"]), (200, "text/csv; charset=utf-8", "no-store"), "CSV")
    proc.check(case.imei in headers["Content-Disposition"] and "attachment" in headers["Content-Disposition"], "a name for the file")
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    proc.equal([r["recorded_at"] for r in rows], [iso(r.ts) for r in case.drive.records], "each record, in order")
    proc.equal(rows[0]["name"], "'=cmd|x'<&\\", "no formula")
    proc.equal((rows[10]["speed_kmh"], rows[10]["valid"], json.loads(rows[10]["io"])["239"]), ("60", "true", 1), "a record")
    _, headers, data = case.raw("/exports?devices=%s&%s&format=gpx" % (case.ident, day(days=2)))
    root = tree.fromstring(data)
    ns = {"g": "http://www.topografix.com/GPX/1/1"}
    points = root.findall(".//g:trkpt", ns)
    proc.equal(len(points), len(case.drive.records), "points")
    proc.equal(len(root.findall(".//g:trkseg", ns)), 2, "a segment a day")
    proc.equal(root.find(".//g:trk/g:name", ns).text, "=cmd|x'<&\\", "name")
    near(float(points[0].get("lat")), 54.68, 1e-6, "latitude")
    _, _, data = case.raw("/exports?devices=imei:%s&%s&format=geojson" % (case.imei, day()))
    features = json.loads(data)["features"]
    proc.equal([f["properties"]["time"] for f in features], [iso(r.ts) for r in case.drive.records], "features")
    for kind in ("gpx", "geojson", "csv"):
        _, _, data = case.raw("/exports?devices=%s&%s&format=%s" % (case.ident, day(MIDNIGHT - 9 * DAY), kind))
        proc.check(len(data) < 1000 and b"trkpt" not in data and b"Feature\"" not in data, "an empty export: %r" % data[:300])
    json.loads(case.raw("/exports?devices=%s&%s&format=geojson" % (case.ident, day(MIDNIGHT - 9 * DAY)))[2])
    audited = [e["detail"] for e in case.admin.get("/audit")["items"] if e["action"] == "export"]
    proc.equal((len(audited), audited[-1]["format"], audited[-1]["devices"]), (7, "csv", [case.imei]), "the audit log")
    ann = case.admin.make_user("ann", (case.admin.post("/groups", {"name": "Other"}, 201)["id"], "viewer"))
    ann.get("/exports?devices=%s&%s" % (case.ident, day()), want=404)
    ann.get("%s/positions?%s" % (case.path, day()), want=404, Accept="text/csv")
    for query in ("?devices=&%s" % day(), "?devices=%s" % case.ident, "?devices=%s&from=now-93d" % case.ident):
        proc.check(case.admin.ask("GET", "/exports" + query).status in (400, 422), query)


def many(database, ident, count, days=1):
    """So many records of a device, evenly over days that ended at midnight; the partitions are there."""
    database.query("INSERT INTO device_positions SELECT %s, at, i, at, 54 + i * 1e-5, 25 + i * 1e-5, 90, 60, 0, 100, 9, 0, 8, NULL, true,"
                   " '{\"239\":1,\"240\":1,\"66\":13800}' FROM generate_series(0, %d) AS i CROSS JOIN LATERAL (SELECT"
                   " timestamptz 'epoch' + %d * interval '1 ms' + i * interval '%d ms') AS t (at)"
                   % (ident, count - 1, MIDNIGHT - (days - 1) * DAY, days * DAY // count))


def test_cancelled(bench):
    """A client that goes ends its export in the database too; one that reads slowly costs no memory."""
    import socket
    database = bench.database()
    ident = office.put(database, imeis(1)[0], "Truck 7")
    many(database, ident, 400_000)
    server = web.Web(bench, database)
    admin = server.admin()

    def begin():
        sock = socket.create_connection(("127.0.0.1", server.port))
        sock.settimeout(30 * proc.BUSY)
        sock.sendall(("GET /api/v1/exports?devices=%s&%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nCookie: %s\r\n\r\n"
                      % (ident, day(), server.port, admin.cookie)).encode())
        proc.check(b" 200 " in sock.recv(4096), "it begins")
        return sock

    def copying():
        return int(database.query("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY (SELECT%' AND state = 'active'"
                                  " AND pid <> pg_backend_pid()"))

    def memory():
        with open("/proc/%d/status" % server.process.pid) as f:
            return int([line for line in f if line.startswith("VmRSS")][0].split()[1]) // 1024
    before = memory()
    socks = [begin() for _ in range(2)]
    proc.wait_until(lambda: copying() == 2, 20, "two exports wait for their clients")
    proc.check(memory() - before < 60, "memory: %d MB, before %d" % (memory(), before))
    for sock in socks:
        sock.close()
    proc.wait_until(lambda: copying() == 0, 20, "both have ended")
    admin.get("/devices/%s/history?%s" % (ident, day()))
    # What is taken away while it runs ends it.
    sock = begin()
    admin.delete("/devices/%s" % ident)
    taken = 0
    try:
        while True:
            more = sock.recv(1 << 20)
            if not more:
                break
            taken += len(more)
    except OSError:
        pass
    proc.check(taken > 0, "the day that was under way comes whole: %d bytes" % taken)


suite.main(globals())
