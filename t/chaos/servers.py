"""The PostgreSQL of a run: on a disk that can be filled, and with a synchronous standby that takes over, each where it is asked for.

A disk is a tmpfs in a mount namespace of this process and its children: nothing of it is left when they are gone.
"""
import ctypes
import os
import shutil
import subprocess

from lib import postgres, proc

CLONE_NEWNS = 0x00020000


def no_disk():
    """Why no disk of its own can be mounted, or None; from then on what this process mounts is seen by it and its children alone."""
    if os.geteuid() != 0:
        return "only root may mount a disk"
    if ctypes.CDLL(None).unshare(CLONE_NEWNS) != 0:
        return "there can be no mount namespace here"
    done = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, text=True)
    return "mount: " + done.stderr.strip() if done.returncode else None


def mount(*args):
    done = subprocess.run(["mount"] + list(args), capture_output=True, text=True)
    proc.check(done.returncode == 0, "mount %s: %s" % (" ".join(args), done.stderr))


class Disk:
    """What the data of a server lie on."""

    def __init__(self, scope, path, user):
        self.path = path
        mount("-t", "tmpfs", "-o", "mode=0700,uid=%d,gid=%d,size=90%%" % (user.pw_uid, user.pw_gid), "chaos", path)
        scope.later(self.close)

    def fill(self):
        """Nothing more fits."""
        proc.wait_until(self.shrink, 10, "the disk is full", every=0)

    def shrink(self):
        """To what it holds; that is refused if it holds more meanwhile."""
        now = os.statvfs(self.path)
        mount("-o", "remount,size=%d" % ((now.f_blocks - now.f_bfree) * now.f_frsize), self.path)
        return True

    def make_room(self):
        mount("-o", "remount,size=90%", self.path)

    def close(self):
        if os.path.ismount(self.path):
            subprocess.run(["umount", "-l", self.path], check=True)


ADDRESSES = ("127.0.0.2", "127.0.0.3")
"""Of the servers, where gateways reach them by a network."""


class Servers:
    """`primary`, and `standby` or None. `net`: gateways reach them by TCP, else by Unix sockets."""

    def __init__(self, bench, disks, standby, net):
        self.bench, self.disks = bench, disks
        self.standby = None
        free = ADDRESSES if net else ("", "")
        self.primary = bench.own_cluster(place=self.place, address=free[0])
        self.all = [self.primary]
        if standby:
            self.add_standby(address=free[1])
        self.hosts = ",".join(server.address or server.socket for server in self.all)

    def place(self, cluster):
        cluster.disk = Disk(self.bench.scope, cluster.data, cluster.user) if self.disks else None

    def url(self, database, user="tg"):
        """Of all servers; it names the one that can be written to, as an operator's does. Without GSSAPI, whose library libpq asks
        at each connection by TCP: where that gets no memory, it crashes."""
        return ("host=%s port=5432 dbname=%s user=%s target_session_attrs=read-write gssencmode=disable"
                % (self.hosts, database, user))

    def add_standby(self, socket=None, address=""):
        self.standby = postgres.Standby(self.bench.scope, self.primary, socket=socket, place=self.place, address=address)
        self.all.append(self.standby)

    def fail_over(self):
        """The standby takes over, and the old primary goes on as if nothing had happened; returns that."""
        old = self.primary
        self.standby.promote()
        self.primary, self.standby = self.standby, None
        return old

    def replace(self, old):
        """The old primary is gone for good; a new standby is where it was."""
        old.kill()
        if old.disk:
            old.disk.close()
        shutil.rmtree(old.data)
        self.add_standby(old.socket, old.address)

    def fill_disk(self):
        """Of the primary; returns what makes room again, and starts the server if it could not go on."""
        cluster = self.primary
        cluster.disk.fill()

        def up():
            if cluster.server.exited():
                cluster.start()
            return cluster.query("SELECT 1", "postgres") == "1"

        def end():
            cluster.disk.make_room()
            proc.wait_until(up, 60, "PostgreSQL is back, as its disk has room")
        return end
