"""The web application on a database of the bench's: a fleet with names and places, users, and sockets that read or don't."""
import base64
import json
import os
import re
import selectors
import socket
import struct
import threading
import time

from lib import proc, suite, web

from . import machine

DEVICES = 100000
IN_VIEW = 20000   # the most that a client gets as single points
LEVEL_4 = ["4/8/5"]   # holds all that are in view
ORIGIN_LON, ORIGIN_LAT = 1.0, 43.0
COLUMNS = 200
PARKED_LON, PARKED_LAT = -120.0, -40.0   # the others
FRAME = struct.Struct("<HBiiBBBI")
SHORT = 125   # bytes of a text that is looked at


class Desk:
    """What web.Web wants of a test's bench, and the server itself."""

    tgctl = suite.Bench.tgctl

    def __init__(self, stand, db, **keys):
        self.scope, self.folder, self.db = stand.scope, stand.folder, db
        self.server = web.Web(self, db, WEB_LOG_LEVEL="info", **keys)
        self.pid = self.server.process.pid

    def cpu(self):
        return machine.tree_cpu(self.pid)

    def resident_mb(self):
        with open("/proc/%d/status" % self.pid) as f:
            return int(re.search(r"^VmRSS:\s+(\d+)", f.read(), re.M).group(1)) / 1024

    def loaded(self, devices):
        """Until it holds all devices."""
        proc.wait_until(lambda: self.server.metric("omnitrack_fleet_devices") == devices, 60, "the fleet is loaded", every=0.5)
        machine.wait_idle(self.pid)


def fill(db):
    """A name, a plate and a group for each device; a fix for each: IN_VIEW on a grid of tenths of a degree, the others far."""
    db.query("UPDATE devices SET name = 'Truck ' || id, device_model = 'FMB920'")
    db.query("INSERT INTO omnitrack.groups (parent_id, name) SELECT 1, 'Depot ' || i FROM generate_series(1, 20) i")
    db.query("INSERT INTO omnitrack.device_groups SELECT d.id, (SELECT min(id) FROM omnitrack.groups WHERE id > 1) + d.id % 20"
             " FROM devices d")
    db.query("INSERT INTO omnitrack.device_details (device_id, plate) SELECT id, 'KA ' || (id * 7919) % 1000000 FROM devices")
    db.query("""INSERT INTO device_online (device_id, online, recorded_at, last_record_at, last_seen_at, latitude, longitude,
        speed, heading, satellites, io, session_id, updated_at)
        SELECT id, true, now(), now(), now(),
            CASE WHEN n < %(view)d THEN %(lat)f + n / %(columns)d * 0.1 ELSE %(far_lat)f + n %% 100 * 0.01 END,
            CASE WHEN n < %(view)d THEN %(lon)f + n %% %(columns)d * 0.1 ELSE %(far_lon)f + n / 1000 * 0.01 END,
            50, 90, 12, '{"239": 1, "240": 1}', id, clock_timestamp()
        FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM devices) d""" % {
            "view": IN_VIEW, "columns": COLUMNS, "lat": ORIGIN_LAT, "lon": ORIGIN_LON, "far_lat": PARKED_LAT,
            "far_lon": PARKED_LON})
    for table in ("devices", "device_online", "omnitrack.device_groups", "omnitrack.device_details"):
        db.query("VACUUM ANALYZE " + table)


class Driver:
    """Moves devices in view at a pace, by turns: each batch is a transaction, whose number stands in the last six digits
    of the longitudes that it writes."""

    EVERY, ROWS = 0.1, 1000   # 10,000 changes a second

    def __init__(self, scope, db):
        self.session = db.session(scope)
        self.session.run("SET synchronous_commit = off")   # the disk's mood is nobody's here
        self.first = int(db.query("SELECT min(id) FROM devices"))
        self.committed = {}   # number of the batch: when it was committed, by time.monotonic()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._drive, daemon=True)
        self.thread.start()

    def _drive(self):
        began, number = time.monotonic(), 0
        while not self.ended.wait(max(0, began + number * self.EVERY - time.monotonic())):
            number += 1
            low = self.first + number * self.ROWS % IN_VIEW
            self.session.run("UPDATE device_online SET longitude = round((longitude * 10)::numeric, 0) / 10 + %d * 1e-7,"
                             " speed = 30 + %d, recorded_at = now(), last_record_at = now(), last_seen_at = now(),"
                             " updated_at = clock_timestamp() WHERE device_id >= %d AND device_id < %d"
                             % (number, number % 60, low, low + self.ROWS))
            self.committed[number] = time.monotonic()

    def close(self):
        self.ended.set()
        self.thread.join()
        self.session.close()


class Sockets:
    """Live sockets read by one thread, which looks at nothing but pings; of the probes it keeps the frames."""

    def __init__(self, scope):
        self.selector, self.links, self.frames = selectors.DefaultSelector(), [], []
        self.buffer, self.ended = bytearray(1 << 18), threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        scope.later(self.close)
        self.thread.start()

    def open(self, browser, tiles, probe=False, reads=True):
        """One that doesn't read asks for its view, and then never again takes anything."""
        link = _Link(browser, tiles, probe, reads)
        link.send_text("40")
        self.links.append(link)
        self.selector.register(link.sock, selectors.EVENT_READ, link)
        return link

    def _read(self):
        while not self.ended.is_set():
            for key, _ in self.selector.select(0.2):
                if not key.data.read(self.buffer, self.frames) or key.data.is_deaf:
                    self.selector.unregister(key.fileobj)

    def alive(self):
        return sum(link.alive for link in self.links)

    def close(self):
        self.ended.set()
        self.thread.join()
        for link in self.links:
            link.sock.close()


class _Link:
    """One WebSocket: enough of the protocol to pass over what comes."""

    def __init__(self, browser, tiles, probe, reads):
        self.tiles, self.probe, self.reads, self.alive = tiles, probe, reads, True
        self.is_deaf = False
        self.skip, self.head, self.binary, self.held = 0, b"", False, bytearray()
        self.sock = socket.socket()
        if not reads:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.connect(("127.0.0.1", browser.port))
        host = "127.0.0.1:%d" % browser.port
        lines = ["GET /live/?EIO=4&transport=websocket HTTP/1.1", "Host: " + host, "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Origin: http://" + host, "Cookie: " + browser.cookie,
                 "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode()]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.sock.recv(1)
        proc.check(b" 101 " in answer, "the socket was refused: %r" % answer[:100])

    def send_text(self, text):
        """Masked by zeros, which is a mask."""
        data = text.encode()
        size = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0xfe]) + struct.pack(">H", len(data))
        self.sock.sendall(b"\x81" + size + b"\0\0\0\0" + data)

    def read(self, buffer, frames):
        """What is there; false: it has ended."""
        try:
            n = self.sock.recv_into(buffer)
        except OSError:
            n = 0
        at = 0
        while at < n:
            if self.skip > 0:
                step = min(self.skip, n - at)
                if self.probe and self.binary:
                    self.held += buffer[at:at + step]
                self.skip -= step
                at += step
                if self.skip == 0 and self.held:
                    frames.append((time.monotonic(), bytes(self.held)))
                    self.held.clear()
                continue
            at += self._head(buffer, at, n)
        self.alive = n > 0
        return self.alive

    def _head(self, buffer, at, n):
        """Header of a frame, which may come in pieces, and all of a short text; returns how many bytes it took."""
        before = len(self.head)
        head = self.head + bytes(buffer[at:min(n, at + SHORT + 10 - before)])
        length, size = (head[1] & 127 if len(head) > 1 else 0), 2
        if length >= 126:
            size = 4 if length == 126 else 10
            length = int.from_bytes(head[2:size], "big")
        text = head[size:size + length] if head[0] & 15 == 1 and length <= SHORT else b""
        if len(head) < size or (head[0] & 15 == 1 and length <= SHORT and len(text) < length):
            self.head = head
            return len(head) - before
        if text[:2] == b"40":   # it is in; a word before that would end the connection
            self.is_deaf = not self.reads
            self.send_text('420["view",%s]' % json.dumps({"tiles": self.tiles}))
        elif text == b"2":   # Engine.IO's ping
            self.send_text("3")
        self.head, self.skip, self.binary = b"", length - len(text), head[0] & 15 == 2
        return size + len(text) - before


def latencies(frames, committed, began, ended):
    """Seconds from the commit to the frame, of each change that was committed in that time."""
    found = []
    for at, data in frames:
        if data[0] != 1 or data[1] != 0:
            continue
        for device in FRAME.iter_unpack(data[16:]):
            when = committed.get(device[3] % 1000000)
            if when is not None and began <= when <= ended:
                found.append(at - when)
    return sorted(found)


def percentile(ordered, share):
    proc.check(ordered, "nothing was measured")
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
