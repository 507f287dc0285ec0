"""The machine: what it is, and who used how much of its CPU."""
import os
import platform
import re
import subprocess
import time

from lib import postgres, proc

TICK = os.sysconf("SC_CLK_TCK")


def tree_cpu(pid):
    """CPU seconds of a process, its living descendants, and those that it has buried.

    Neither PostgreSQL's server nor the gateway's master leaves anybody to init, so nothing is lost.
    """
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = proc.stat_fields(int(name))
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(int(fields[1]), []).append((int(name), fields))
    total, todo = 0, [(pid, proc.stat_fields(pid))]
    while todo:
        at, fields = todo.pop()
        total += sum(int(f) for f in fields[11:15])   # utime, stime, cutime, cstime
        todo += parents.get(at, [])
    return total / TICK


def wait_idle(pid, seconds=20):
    """Waits until a process tree has nothing left to do (30 ms of CPU in half a second)."""
    deadline = time.monotonic() + seconds
    before = tree_cpu(pid)
    while time.monotonic() < deadline:
        time.sleep(0.5)
        now = tree_cpu(pid)
        if now - before <= 0.03:
            return
        before = now


def _first(pattern, text, otherwise="?"):
    found = re.search(pattern, text, re.M)
    return found.group(1).strip() if found else otherwise


def _read(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ""


def facts(socket_dir):
    """Lines about this machine, without its name."""
    cpu = _first(r"^model name\s*:\s*(.*)$", _read("/proc/cpuinfo"))
    memory = int(_first(r"^MemTotal:\s*(\d+)", _read("/proc/meminfo"), "0")) // 1024
    server = subprocess.run([os.path.join(postgres.bin_dir(), "postgres"), "-V"],
                            stdout=subprocess.PIPE).stdout.decode()
    return [
        ("processors", "%d × %s" % (len(os.sched_getaffinity(0)), cpu)),
        ("memory", "%.0f GiB" % (memory / 1024)),
        ("system", "Linux %s" % _first(r"^(\d+\.\d+)", platform.release())),
        ("PostgreSQL", _first(r"([0-9.]+)", server) + ", Unix socket"),
        ("load before the start", "%.2f" % os.getloadavg()[0]),
        ("8 kB written and synced", "%.0f µs" % sync_us(socket_dir)),
    ]


def sync_us(folder):
    """Median time of a write of one page with fdatasync, on the disk of the database."""
    path = os.path.join(folder, "sync")
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    times = []
    try:
        os.pwrite(fd, b"x" * (16 << 20), 0)
        os.fsync(fd)
        for i in range(300):
            began = time.perf_counter()
            os.pwrite(fd, b"y" * 8192, 8192 * i)
            os.fdatasync(fd)
            times.append(time.perf_counter() - began)
    finally:
        os.close(fd)
        os.unlink(path)
    return sorted(times)[len(times) // 2] * 1e6


def median(values):
    ordered = sorted(values)
    n = len(ordered)
    return (ordered[n // 2] + ordered[(n - 1) // 2]) / 2
