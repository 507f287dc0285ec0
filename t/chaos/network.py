"""A network of the run's own, in which packets are lost: a namespace of this process and its children, with rules of nftables.

Nothing of it is left when they are gone.
"""
import ctypes
import os
import shutil
import subprocess

CLONE_NEWNET = 0x40000000
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

LOSE = """table inet %(name)s {
    chain in {
        type filter hook input priority 0; policy accept;
        %(drop)s
    }
}"""


def run(program, *args, text=None):
    """Returns what is wrong, or None."""
    done = subprocess.run([shutil.which(program, path=PATH)] + list(args), input=text, capture_output=True, text=True)
    return "%s: %s" % (program, done.stderr.strip()) if done.returncode else None


def none():
    """Why no network of its own can be had, or None; from then on this process has nothing but a loopback of its own."""
    if os.geteuid() != 0:
        return "only root may make a network"
    for program in ("ip", "nft"):
        if shutil.which(program, path=PATH) is None:
            return "there is no %s (scripts/install-deps test)" % program
    if ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        return "there can be no network namespace here"
    return run("ip", "link", "set", "lo", "up") or run("nft", "-f", "-", text=rules("tried", ["tcp dport 1"], 1)) or forget("tried")


def rules(name, which, percent):
    share = "" if percent == 100 else "numgen random mod 100 < %d " % percent
    return LOSE % {"name": name, "drop": "\n        ".join("%s %sdrop" % (w, share) for w in which)}


def forget(name):
    return run("nft", "delete", "table", "inet", name)


def lose(name, which, percent=100):
    """Of the packets that match one of `which`, expressions of nftables, so many are lost, without a word to either side; returns
    what ends that. `name` tells one loss from another at the same time."""
    must(run("nft", "-f", "-", text=rules(name, which, percent)))
    return lambda: must(forget(name))


def must(wrong):
    if wrong is not None:
        raise RuntimeError(wrong)   # no fault of another kind excuses it
