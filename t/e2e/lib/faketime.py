"""Gateways whose host has a wrong clock, by libfaketime. The monotonic clocks are left alone, as they are on a real one."""
import glob
import os

from . import proc


def library():
    """Where it is, or None."""
    found = glob.glob("/usr/lib*/faketime/libfaketime.so.1") + glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    return found[0] if found else None


def env(offset):
    """The environment of a program whose wall clock is off by so much: "+2h", "-5m", "+10y"."""
    proc.check(library(), "libfaketime is missing: scripts/install-deps test")
    return {"LD_PRELOAD": library(), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def following(path):
    """The same for an offset that the program reads from a file, again and again: see set_clock()."""
    made = dict(env(""), FAKETIME_TIMESTAMP_FILE=path, FAKETIME_NO_CACHE="1")
    del made["FAKETIME"]   # it would win
    return made


def set_clock(path, offset):
    with open(path + ".new", "w") as f:
        f.write(offset)
    os.rename(path + ".new", path)   # nobody reads a half
