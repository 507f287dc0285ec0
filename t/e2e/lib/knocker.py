"""Connects and says hello all the time, and counts what must not happen: refused, reset, unanswered."""
import socket
import threading

from . import proc, wire


class Knocker(threading.Thread):
    """One tracker that comes, is welcomed and goes, as fast as it can."""

    def __init__(self, scope, gateway, imei, host="127.0.0.1"):
        super().__init__(daemon=True)
        self.place, self.imei = (host, gateway.port), imei
        self.over = threading.Event()
        self.welcomes = self.closed = 0   # closed: cleanly, before the answer
        self.trouble = []
        scope.later(self.stop)
        self.start()

    def run(self):
        while not self.over.is_set():
            sock = socket.socket()
            sock.settimeout(10 * proc.BUSY)
            try:
                sock.connect(self.place)
                sock.sendall(wire.imei_packet(self.imei))
                answer = sock.recv(1)
                self.welcomes += answer == b"\x01"
                self.closed += answer == b""
                if answer == b"\x00":
                    self.trouble.append("refused by its IMEI")
            except OSError as error:
                self.trouble.append(repr(error))
            finally:
                sock.close()
            self.over.wait(0.002)

    def stop(self):
        self.over.set()
        self.join(10 * proc.BUSY + 5)

    def finish(self, most_closed):
        """Nobody was refused or reset; few were closed without an answer, and cleanly."""
        self.stop()
        print("# %d welcomes, %d clean closes, %d failures" % (self.welcomes, self.closed,
                                                              len(self.trouble)))
        proc.check(not self.trouble, "connections failed: %s" % self.trouble[:5])
        proc.check(self.welcomes > 0, "nobody was welcomed")
        proc.check(self.closed <= most_closed, "%d connections were closed unanswered" % self.closed)
