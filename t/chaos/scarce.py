"""Memory that runs out: gateways whose workers get none, one time of so many, for as long as a file says so (scarce.c)."""
import os
import shutil
import struct
import subprocess

from lib import proc

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scarce.c")


def none():
    """Why it can't be had here, or None."""
    if os.environ.get("E2E_SANITIZED"):
        return "sanitizers bring an allocator of their own"
    return None if shutil.which("cc") else "there is no cc"


def following(path, folder):
    """The environment of a program that follows the file, which must be there; the library is built in `folder`."""
    library = os.path.join(folder, "scarce.so")
    if not os.path.exists(library):
        done = subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-o", library, SOURCE],
                              capture_output=True, text=True)
        proc.check(done.returncode == 0, done.stderr)
    return {"LD_PRELOAD": library, "SCARCE_FILE": path}


def set_scarce(path, one_of):
    """So many allocations go well between two that fail, in the mean; 0: all go well."""
    if not os.path.exists(path):
        with open(path, "wb") as f:
            f.write(struct.pack("=I", 0))
    with open(path, "r+b") as f:
        f.write(struct.pack("=I", one_of))
