"""A pooler that never passes notifications on, as some do: LISTEN succeeds behind it, and nothing is ever heard."""
import os
import socket
import threading

from . import proc


class Pooler:
    """Serves a folder with a Unix socket of its own, for a `host` in a connection string; drops message A of the protocol."""

    def __init__(self, scope, cluster):
        self.folder = proc.scratch(scope)
        self.to = os.path.join(cluster.socket, ".s.PGSQL.5432")
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(os.path.join(self.folder, ".s.PGSQL.5432"))
        self.server.listen(50)
        scope.later(self.server.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client = self.server.accept()[0]
            except OSError:
                return
            database = socket.socket(socket.AF_UNIX)
            database.connect(self.to)
            for work in (self._forth, self._back):
                threading.Thread(target=work, args=(client, database), daemon=True).start()

    @staticmethod
    def _forth(client, database):
        try:
            while True:
                data = client.recv(65536)
                if not data:
                    break
                database.sendall(data)
        except OSError:
            pass
        database.close()

    @staticmethod
    def _back(client, database):
        held = b""
        try:
            while True:
                data = database.recv(65536)
                if not data:
                    break
                held += data
                while len(held) >= 5 and len(held) > int.from_bytes(held[1:5], "big"):
                    size = 1 + int.from_bytes(held[1:5], "big")
                    if held[:1] != b"A":
                        client.sendall(held[:size])
                    held = held[size:]
        except OSError:
            pass
        client.close()
