#!/usr/bin/env python3
"""The README, read from its first command to the last of "A first real tracker in five minutes": every block is run as
it stands there, in its order, by a shell on this machine as it is just installed: with the demo before, without a
PostgreSQL cluster, ports and processes of its own. A simulated tracker then does what the real one would.

This takes root, to make a copy-on-write view of the file system and a network of its own: nothing of the machine is
changed. Without that the test says so and does nothing.
"""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, pages, proc, suite

IMEI = "350000000000001"
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"   # of an ordinary user
# Who isn't root calls sudo, which changes the environment as this does.
SUDO = """#!/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
if [ "$1" = -u ]; then
	user=$2
	shift 2
	exec setpriv --reuid="$user" --regid="$user" --init-groups env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME=/ "$@"
fi
exec env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME=/root "$@"
"""
# Made of the machine's own root ($1, an empty folder); then $2 is run in it.
VIEW = r"""
set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" overlay "$1/root"
cd "$1/root"
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs run
mount --bind "$3" mnt
ip link set lo up
rm -rf etc/postgresql/* var/lib/postgresql/* usr/local/sbin/telematics-gateway usr/local/etc/telematics-gateway
cp mnt/sudo usr/bin/sudo
chmod 755 usr/bin/sudo
exec chroot . /bin/bash "/mnt/$2"
"""
# What a build leaves at the top of the tree.
MADE = ("demo-cluster", ".git", "autom4te.cache", "config.status", "Makefile", "telematics-gateway", "tgctl")


def isolated(bench, script, folder):
    """Runs a script of the folder in a view of the machine; returns (exit status, what it printed)."""
    root = os.path.join(bench.folder, "view")
    os.mkdir(root)
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--net", "--uts", "--ipc", "--propagation",
            "private", "--", "/bin/sh", "-c", VIEW, "view", root, script, folder]
    name, mark = proc.RUN_MARK.split("=")
    env = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", name: mark, "LC_ALL": "C.UTF-8"}
    log = os.path.join(bench.folder, script + ".log")
    with open(log, "wb") as f:
        code = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.STDOUT, env=env,
                              timeout=900 * proc.PATIENCE).returncode
    os.rmdir(root)
    with open(log, errors="replace") as f:
        return code, f.read()


def ignored(folder, names):
    top = os.path.samefile(folder, gateway.SOURCE)
    return [n for n in names if n.endswith((".o", ".a", ".log", ".trs")) or n in (".deps", "__pycache__")
            or top and (n in MADE or n.startswith("build") and n != "build-aux")]


def walk(blocks):
    """A script that runs them in one shell, as somebody who types them; a tracker comes before the last."""
    text = ["set -e -o pipefail", "cd /home/vera/telematics-gateway",
            "export PATH=%s HOME=/home/vera LC_ALL=C.UTF-8 MAKEFLAGS=-j2 DEMO_SECONDS=3" % PATH, "umask 022"]
    for number, block in enumerate(blocks):
        if block is blocks[-1]:
            text.append("/usr/local/bin/tgctl sim --imei-base %s --trackers 1 --interval 300 --quiet"
                        " >/tmp/sim.log 2>&1 &" % IMEI)
            text.append("until sudo tgctl device list --online | grep -q %s; do sleep 0.2; done" % IMEI)
        text.append("echo '=== %d %s'" % (number, str(block).replace("'", "'\\''")))
        text.append(block.text)
    text.append("echo '=== end'")
    text.append("stat -c '%A %U:%G' /run/telematics-gateway/control.sock")
    text.append("sudo /usr/local/etc/init.d/telematics-gateway stop")
    return "\n".join(text) + "\n"


def test_first_tracker(bench):
    """The demo, then each step of the first tracker, word by word."""
    if os.geteuid() != 0:
        print("# needs root")
        return
    if os.environ.get("E2E_SANITIZED"):
        print("# builds for itself: the plain run has done it")
        return
    for program in ("unshare", "pg_createcluster", "setpriv", "ip", "autoreconf"):
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
            print("# needs %s" % program)
            return
    folder = os.path.join(bench.folder, "given")
    os.mkdir(folder)
    with open(os.path.join(folder, "sudo"), "w") as f:
        f.write(SUDO)
    with open(os.path.join(folder, "probe"), "w") as f:
        f.write("echo possible\n")
    code, out = isolated(bench, "probe", folder)
    if "possible" not in out:
        print("# this machine gives no view of itself: %s" % out.strip()[-300:])
        return
    shutil.copytree(gateway.SOURCE, os.path.join(folder, "source"), symlinks=True, ignore=ignored)
    page = pages.all_pages()["README.md"]
    with open(os.path.join(gateway.SOURCE, "README.md")) as f:
        lines = f.read().split("\n")
    first = lines.index("## A first real tracker in five minutes") + 1
    last = next(n for n, line in enumerate(lines, 1) if n > first and line.startswith("## "))
    blocks = [b for b in page.blocks if b.first == "scripts/demo" or first < b.line < last]
    proc.check(len(blocks) >= 6 and all(b.kind == "sh" for b in blocks), "blocks: %s" % [str(b) for b in blocks])
    with open(os.path.join(folder, "walk"), "w") as f:
        f.write("mkdir -p /home/vera\ncp -a /mnt/source /home/vera/telematics-gateway\n" + walk(blocks))
    code, out = isolated(bench, "walk", folder)
    proc.equal(code, 0, "the README, as far as it went: %s" % out[-3000:])
    said = re.split(r"(?m)^=== .*\n", out)
    look = said[-2]
    for words in ("ready", IMEI, "handshake", "ack"):
        proc.check(words in look.lower(), "the last step shows %r: %s" % (words, look[-3000:]))
    proc.check(re.search(r"(?m)^ *%s \| t " % IMEI, look), "the row of the tracker: %s" % look[-3000:])
    proc.check(said[-1].startswith("srw-rw---- _telematics:_telematics"), "the control socket: %s" % said[-1])


suite.main(globals())
