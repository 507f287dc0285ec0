"""A name server that can fall silent, and a door to a database under an address of its own."""
import os
import shutil
import socket
import struct
import subprocess
import threading

from . import proc

NET = "127.%d.%d." % (os.getpid() >> 8 & 127 | 64, os.getpid() & 255)   # addresses of this run
ADDRESS = NET + "1"   # of the name server


def possible():
    """Port 53 and a view of /etc/resolv.conf of its own need root."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode == 0


class Server:
    """Answers for the names of `addresses` (a dict of lists), or not at all while `silent`."""

    def __init__(self, scope, addresses):
        self.addresses, self.silent, self.asked = addresses, False, 0
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(0.1)
        self.sock.bind((ADDRESS, 53))
        self.over = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        scope.later(self.close)

    def close(self):
        self.over = True
        self.thread.join()
        self.sock.close()

    def _serve(self):
        while not self.over:
            try:
                question, peer = self.sock.recvfrom(2048)
            except socket.timeout:
                continue
            self.asked += 1
            if not self.silent:
                self.sock.sendto(self._answer(question), peer)

    def _answer(self, question):
        at, labels = 12, []
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind = struct.unpack(">H", question[at + 1:at + 3])[0]
        found = self.addresses.get(".".join(labels).lower())
        listed = found if found and kind == 1 else []
        head = question[:2] + struct.pack(">HHHHH", 0x8180 | (0 if found else 3), 1, len(listed), 0, 0)
        body = question[12:at + 5]
        for address in listed:
            body += struct.pack(">HHHIH", 0xc00c, 1, 1, 0, 4) + socket.inet_aton(address)
        return head + body


class Door:
    """Forwards connections to ADDRESS:port to the Unix socket of a PostgreSQL."""

    def __init__(self, scope, address, port, path):
        self.path, self.links, self.sock = path, [], None
        self.address = (address, port)
        self.open()
        scope.later(self.shut)

    def open(self):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(self.address)
        self.sock.listen(50)
        threading.Thread(target=self._accept, args=(self.sock,), daemon=True).start()

    def _accept(self, sock):
        while True:
            try:
                near, _ = sock.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(self.path)
            except OSError:
                near.close()
                continue
            self.links += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(a, b), daemon=True).start()

    @staticmethod
    def _copy(a, b):
        try:
            while True:
                data = a.recv(65536)
                if not data:
                    break
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Ends all connections that go through it."""
        for link in self.links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            link.close()
        self.links = []

    def shut(self):
        """Refuses all connections, old and new."""
        if self.sock:
            self.sock.shutdown(socket.SHUT_RDWR)
            self.sock.close()
            self.sock = None
        self.cut()


def program(folder, daemon, options="timeout:10 attempts:5"):
    """A script that runs the daemon with our name server for its only one."""
    conf, path = os.path.join(folder, "resolv.conf"), os.path.join(folder, "daemon")
    with open(conf, "w") as f:
        f.write("nameserver %s\noptions %s\n" % (ADDRESS, options))
    with open(path, "w") as f:
        f.write("#!/bin/sh\nexec unshare -m sh -c 'mount --bind %s /etc/resolv.conf && exec %s \"$@\"' sh \"$@\"\n"
                % (conf, daemon))
    os.chmod(path, 0o755)
    proc.check(subprocess.run([path, "-V"]).returncode == 0, "the daemon runs in a view of its own")
    return path
