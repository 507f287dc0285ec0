"""The baselines in C (bench-copy, bench-insert), and decoding."""
import json
import os
import re
import subprocess

from lib import gateway, proc

from . import machine


def program(name):
    path = os.path.join(gateway.BUILD, "bench", name)
    proc.check(os.access(path, os.X_OK), "%s is missing: make bench builds it" % path)
    return path


def _line(child, what):
    line = child.stdout.readline().strip()
    if not line:
        child.kill()
        child.wait()
        raise proc.Failure("%s: %s" % (what, child.stderr.read().strip()))
    return line


def copy(stand, db, connections, batches):
    """COPYs the rows that stand in device_positions; {rows a transaction: what a row cost}."""
    child = subprocess.Popen([program("bench-copy"), str(connections), db.admin_url], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    stand.scope.later(lambda: child.poll() is None and child.kill())
    found = {}
    for batch in batches:
        child.stdin.write("%d\n" % batch)
        child.stdin.flush()
        proc.equal(_line(child, "bench-copy"), "ready", "bench-copy")
        machine.wait_idle(stand.postgres_pid)
        before = machine.tree_cpu(stand.postgres_pid)
        child.stdin.write("go\n")
        child.stdin.flush()
        report = json.loads(_line(child, "bench-copy"))
        server = machine.tree_cpu(stand.postgres_pid) - before
        rows = report["rows"]
        found[batch] = {"rows": rows, "rate": rows / report["seconds"],
                        "postgres_us": server / rows * 1e6,
                        "client_us": report["client_cpu"] / rows * 1e6}
    child.communicate("0\n", timeout=60)
    return found


def insert(db, rows, pause_us=0):
    done = subprocess.run([program("bench-insert"), str(rows), str(pause_us), db.admin_url],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    proc.check(done.returncode == 0, "bench-insert: %s" % done.stderr.decode())
    return json.loads(done.stdout)


def decode():
    """Millions of records a second by codec: {"8": 31.2, "8e": 20.1}."""
    source = os.path.join(gateway.SOURCE, "t/vectors/documented.json")
    done = subprocess.run([program("bench-decode"), source], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120)
    proc.check(done.returncode == 0, "bench-decode: %s" % done.stderr.decode())
    return parse_decode(done.stdout.decode())


def parse_decode(text):
    found = {}
    for line in text.splitlines():
        match = re.match(r"codec (8e?)\s+([0-9.]+) M records/s", line, re.I)
        if match:
            found[match.group(1).lower()] = float(match.group(2))
    proc.check(set(found) == {"8", "8e"}, "bench-decode says: %s" % text)
    return found
