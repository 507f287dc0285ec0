"""A fleet of plain trackers in threads, each of which keeps what it sent and what was acknowledged.

They behave like the real thing: wait for the ACK, come back after a lost connection, send again what
was not acknowledged, grouped anew. Nothing here is shared with `tgctl sim`, so the audit doesn't rest on
the product's own load generator.
"""
import random
import socket
import struct
import threading
import time

from . import proc, wire


class Unit(threading.Thread):
    def __init__(self, fleet, imei, codec, seed):
        super().__init__(daemon=True)
        self.fleet, self.imei, self.codec = fleet, imei, codec
        self.rnd = random.Random(seed)
        self.clock = fleet.first_ts
        self.backlog = []          # made, not acknowledged; oldest first
        self.sent = {}             # ts -> Record, of what left the socket at least in part
        self.acked = set()         # ts
        self.sock = None
        self.connects = self.wrong = 0
        self.done = threading.Event()   # all that was made is acknowledged, and no more is to come
        self.lat, self.lon = 54.0 + self.rnd.random(), 25.0 + self.rnd.random()

    def make(self):
        self.clock += self.rnd.choice((1000, 1000, 1000, 1001, 5000))
        self.lat += self.rnd.uniform(-1e-4, 1e-4)
        self.lon += self.rnd.uniform(-1e-4, 1e-4)
        io = [(239, bytes([self.rnd.randrange(2)])), (66, self.rnd.randrange(65536).to_bytes(2, "big")),
              (199, self.rnd.randrange(1 << 32).to_bytes(4, "big")),
              (11, self.rnd.randrange(1 << 63).to_bytes(8, "big"))]
        if self.codec == wire.CODEC_8E:
            io = [(i + 1000 if i == 199 else i, v) for i, v in io] + [(256, b"VIN%013d" % self.clock)]
        return wire.Record(self.clock, self.lat, self.lon, alt=self.rnd.randrange(-50, 900),
                           angle=self.rnd.randrange(360), sats=self.rnd.choice((0, 5, 9, 17)),
                           speed=self.rnd.randrange(130), priority=self.rnd.choice((0, 0, 0, 1)),
                           event=self.rnd.choice((0, 239)),
                           generation=5 if self.codec == wire.CODEC_16 else 0, io=io)

    def run(self):
        while not self.fleet.over.is_set():
            try:
                self.session()
            except OSError:
                pass
            self.fleet.over.wait(self.rnd.uniform(0.01, 0.1))

    def session(self):
        sock = self.sock = socket.socket()
        try:
            sock.settimeout(5)
            sock.connect(("127.0.0.1", self.rnd.choice(self.fleet.gateways).port))
            sock.settimeout(self.fleet.ack_timeout)
            sock.sendall(wire.imei_packet(self.imei))
            answer = sock.recv(1)
            if answer != b"\x01":
                self.fleet.refused += answer == b"\x00"
                return
            self.connects += 1
            while not self.fleet.over.is_set():
                self.one_frame(sock)
        finally:
            sock.close()

    def one_frame(self, sock):
        size = self.rnd.choice(self.fleet.sizes)
        while len(self.backlog) < size and not self.fleet.last_words.is_set():
            self.backlog.append(self.make())
        part = self.backlog[:size]
        size = len(part)
        if not part:
            self.done.set()
            self.fleet.over.wait(0.05)
            return
        for record in part:
            self.sent[record.ts] = record
        sock.sendall(wire.frame(self.codec, part))
        answer = b""
        while len(answer) < 4:
            more = sock.recv(4 - len(answer))
            if not more:
                return self._lost()
            answer += more
        if int.from_bytes(answer, "big") != size:
            self.wrong += 1
            return self._lost()
        self.acked.update(r.ts for r in part)
        del self.backlog[:size]
        self.fleet.pause()

    def cut(self):
        """Resets its connection, as a lost link looks; any thread may."""
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            pass   # it has none now

    def _lost(self):
        raise ConnectionError("lost")


class Fleet:
    """`gateway`: one, or a list of which each tracker takes any at each connection."""

    def __init__(self, scope, gateway, imeis, codecs=wire.AVL_CODECS, sizes=(1, 2, 5, 25), seed=1,
                 ack_timeout=8, delay=0.0):
        self.gateways = gateway if isinstance(gateway, list) else [gateway]
        self.sizes, self.delay = sizes, delay
        self.last_words = threading.Event()   # from now on only what was made already is sent
        self.ack_timeout = ack_timeout * proc.PATIENCE
        self.first_ts = int(time.time() * 1000) - 3600 * 1000 * 20
        self.over = threading.Event()
        self.refused = 0
        self.units = [Unit(self, imei, codecs[i % len(codecs)], seed * 1000 + i)
                      for i, imei in enumerate(imeis)]
        scope.later(self.stop)
        for unit in self.units:
            unit.start()

    def pause(self):
        if self.delay:
            self.over.wait(self.delay)

    def acked(self):
        return sum(len(u.acked) for u in self.units)

    def connects(self):
        return sum(u.connects for u in self.units)

    def wait_acked(self, more, seconds=60):
        """Waits until `more` further records are acknowledged."""
        goal = self.acked() + more
        proc.wait_until(lambda: self.acked() >= goal, seconds, "%d more records acknowledged" % more)

    def wait_all_progress(self, seconds=60):
        """Waits until every unit had a record acknowledged from now on."""
        before = {u.imei: len(u.acked) for u in self.units}
        proc.wait_until(lambda: all(len(u.acked) > before[u.imei] for u in self.units), seconds,
                        "every tracker is served")

    def finish(self, seconds=60):
        """Waits until all that was made is acknowledged; nothing more is made."""
        self.last_words.set()
        proc.wait_until(lambda: all(u.done.is_set() for u in self.units), seconds, "every tracker has sent all it had")

    def cut(self, share, rnd):
        """Resets the connections of a part of the fleet at once."""
        for unit in self.units:
            if rnd.random() < share:
                unit.cut()

    def stop(self):
        self.over.set()
        for unit in self.units:
            unit.join(self.ack_timeout + 30)


def imeis(n, first=350000000000000):
    return [str(first + i) for i in range(n)]
