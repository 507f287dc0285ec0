"""One tracker on a socket of its own, step by step, for tests of the protocol."""
import socket
import struct
import time

from . import proc, wire


class Closed(proc.Failure):
    """The gateway closed the connection."""


class Tracker:
    """Every wait has a deadline; none of them is a fixed sleep."""

    def __init__(self, gateway, imei, scope=None, port=None, bufsize=None, source=None):
        self.imei = imei
        self.sock = socket.socket()
        if bufsize:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, bufsize)
        if source:
            self.sock.bind((source, 0))
        self.sock.settimeout(15 * proc.BUSY)
        self.sock.connect(("127.0.0.1", port or gateway.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if scope:
            scope.later(self.close)

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with a reset, as a lost radio link looks."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def send_split(self, data, at):
        """Sends it in two segments, cut at `at`, the second when the first has been read."""
        self.send(data[:at])
        self.taken()
        self.send(data[at:])

    def taken(self):
        """Waits until the gateway has read all we sent: its socket's queue is empty.

        So the next bytes come to it as a read of their own.
        """
        ours = "%04X" % self.sock.getsockname()[1]
        theirs = "%04X" % self.sock.getpeername()[1]

        def empty():
            with open("/proc/net/tcp") as f:
                for line in f:
                    local, remote, state, queues = line.split()[1:5]
                    if local.endswith(":" + theirs) and remote.endswith(":" + ours):
                        return int(queues.split(":")[1], 16) == 0
            raise proc.Failure("the gateway has closed")
        proc.wait_until(empty, 10, "what was sent is read", every=0.0005)

    def read(self, n, seconds=15):
        """Exactly n bytes; Closed if the connection ends before."""
        data = b""
        deadline = time.monotonic() + seconds * proc.BUSY
        while len(data) < n:
            left = deadline - time.monotonic()
            proc.check(left > 0, "no answer within %g s (got %r of %d bytes)" % (seconds * proc.BUSY, data, n))
            self.sock.settimeout(left)
            try:
                more = self.sock.recv(n - len(data))
            except socket.timeout:
                continue
            except ConnectionError as error:
                raise Closed("reset after %r: %s" % (data, error))
            if not more:
                raise Closed("closed after %r" % data)
            data += more
        return data

    def handshake(self, seconds=15):
        """Introduces itself; returns the answer, which is one byte."""
        self.send(wire.imei_packet(self.imei))
        return self.read(1, seconds)

    def login(self):
        proc.equal(self.handshake(), b"\x01", "answer to IMEI %s" % self.imei)
        return self

    def ack(self, seconds=15):
        return struct.unpack(">I", self.read(4, seconds))[0]

    def exchange(self, data, seconds=15):
        self.send(data)
        return self.ack(seconds)

    def silent(self):
        """True if nothing lies in the socket now: no answer and no end."""
        self.sock.setblocking(False)
        try:
            data = self.sock.recv(1, socket.MSG_PEEK)
            return data is None
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        finally:
            self.sock.setblocking(True)

    def expect_closed(self, seconds, what):
        """The gateway closes without saying a byte."""
        try:
            data = self.read(1, seconds)
        except Closed:
            return
        raise proc.Failure("%s: answered %r instead of closing" % (what, data))

    def is_closed(self):
        """True once the gateway has closed and nothing is left to read."""
        self.sock.setblocking(False)
        try:
            return self.sock.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True
        finally:
            self.sock.setblocking(True)
