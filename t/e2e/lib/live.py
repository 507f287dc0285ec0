"""The live socket of the web application, as a browser speaks it: Socket.IO 4 over a WebSocket, and the binary frame."""
import base64
import json
import os
import queue
import socket
import struct
import threading
import time

from . import proc

STATES = ["out", "silent", "nofix", "moving", "standing"]
OUT = [None, "disabled", "refused", "never"]


class Refused(proc.Failure):
    """The server did not let us in."""


def decode(data):
    """A live frame (web/shared/frame.ts): (kind, asOf, devices by number)."""
    version, kind, _, count, as_of = struct.unpack_from("<BBHId", data)
    proc.equal((version, len(data)), (1, 16 + 18 * count), "a frame's version and length")
    devices = {}
    for i in range(count):
        low, high, lat, lon, speed, heading, flags, seen = struct.unpack_from("<HBiiBBBI", data, 16 + 18 * i)
        state = "gone" if flags & 7 == 7 else STATES[flags & 7]
        devices[low | high << 16] = {"state": state, "lat": lat, "lon": lon, "speed": speed, "online": bool(flags & 8),
                                     "out": OUT[flags >> 6] if state == "out" else None,
                                     "clock_ahead": state != "out" and bool(flags & 64), "seen": seen}
    return kind, as_of, devices


class Live:
    """Reads in a thread; what came is kept: names by number, the newest of each device by id, other events in a list."""

    def __init__(self, browser, scope, origin=None, buffer=None):
        self.names, self.devices, self.events, self.frames = {}, {}, [], []
        self.hello = None
        self.ended = threading.Event()
        self._acks, self._next = {}, 0
        self.reads = threading.Event()   # set: it reads
        self.reads.set()
        self._lock = threading.Lock()
        self.sock = socket.socket()
        if buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.sock.connect(("127.0.0.1", browser.port))
        self.sock.settimeout(None)
        if browser.tls:
            self.sock = browser.tls.wrap_socket(self.sock)
        scope.later(self.close)
        host = "127.0.0.1:%d" % browser.port
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /live/?EIO=4&transport=websocket HTTP/1.1", "Host: " + host, "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + key,
                 "Origin: " + (origin or "http%s://%s" % ("s" if browser.tls else "", host))]
        if browser.cookie:
            lines.append("Cookie: " + browser.cookie)
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.buffer = b""
        head = self._until(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise Refused("the socket was refused: %r" % head[:200])
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self._send_text("40")
        proc.wait_until(lambda: self.hello or self.ended.is_set(), 20, "hello")
        if not self.hello:
            raise Refused("the socket was refused: %s" % self.events)

    # ---- WebSocket

    def _until(self, mark):
        while mark not in self.buffer:
            more = self.sock.recv(65536)
            if not more:
                raise Refused("closed")
            self.buffer += more
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def _bytes(self, n):
        while len(self.buffer) < n:
            self.reads.wait()
            more = self.sock.recv(65536)
            if not more:
                raise OSError("closed")
            self.buffer += more
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def _send(self, opcode, data):
        mask = os.urandom(4)
        head = bytes([0x80 | opcode])
        head += bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0x80 | 126]) + struct.pack(">H", len(data))
        with self._lock:
            self.sock.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def _send_text(self, text):
        self._send(1, text.encode())

    def _read(self):
        waiting = None   # an event whose binary part comes next
        try:
            while True:
                first, second = self._bytes(2)
                length = second & 127
                if length == 126:
                    length = struct.unpack(">H", self._bytes(2))[0]
                elif length == 127:
                    length = struct.unpack(">Q", self._bytes(8))[0]
                data = self._bytes(length)
                opcode = first & 15
                if opcode == 8:
                    break
                if opcode == 9:
                    self._send(10, data)
                elif opcode == 2 and waiting is not None:
                    self._event(waiting[0], data)
                    waiting = None
                elif opcode == 1:
                    waiting = self._text(data.decode()) or waiting
        except (OSError, ValueError) as error:
            self.events.append(("error", str(error)))
        self.ended.set()

    # ---- Socket.IO

    def _text(self, text):
        if text == "2":
            self._send_text("3")
        elif text.startswith("42"):
            name, value = (json.loads(text[2:]) + [None])[:2]
            self._event(name, value)
        elif text.startswith("43"):
            number, rest = text[2:].split("[", 1)
            self._acks[int(number)] = json.loads("[" + rest)[0]
        elif text.startswith("451-"):
            return json.loads(text[4:])
        elif text.startswith("44"):
            self.events.append(("refused", json.loads(text[2:])))
            self.ended.set()
        elif text == "41" or text == "1":
            self.ended.set()
        return None

    def _event(self, name, value):
        if name == "hello":
            self.hello = value
        elif name == "devices":
            for i, number in enumerate(value["number"]):
                self.names[number] = {k: v[i] for k, v in value.items()}
        elif name == "frame":
            kind, as_of, devices = decode(value)
            self.frames.append((time.monotonic(), kind, as_of, devices))
            if kind == 1:
                self.devices = {}
            for number, device in devices.items():
                ident = self.names.get(number, {"id": "?"})["id"]
                self.devices[ident] = device
                if device["state"] == "gone":
                    del self.devices[ident]
        else:
            self.events.append((name, value))

    def emit(self, name, *args):
        self._send_text("42" + json.dumps([name] + list(args)))

    def ask(self, name, *args):
        """With an answer."""
        self._next += 1
        number = self._next
        self._send_text("42%d%s" % (number, json.dumps([name] + list(args))))
        return proc.wait_until(lambda: self._acks.pop(number, None), 20, "an answer to %s" % name)

    def view(self, tiles=("0/0/0",), **more):
        answer = self.ask("view", dict({"tiles": list(tiles)}, **more))
        proc.check(answer["ok"], "view: %s" % answer)
        return answer

    def wait(self, ident, seconds=20, **want):
        """Until the device is so."""
        def so():
            device = self.devices.get(ident)
            return device and all(device[k] == v for k, v in want.items()) and device
        return proc.wait_until(so, seconds, "device %s is %s (is: %s)" % (ident, want, self.devices.get(ident)))

    def stop_reading(self):
        """What comes stays in the kernel, until go_on()."""
        self.reads.clear()

    def go_on(self):
        self.reads.set()

    def came(self, name):
        return [v for n, v in self.events if n == name]

    def close(self):
        self.reads.set()
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
