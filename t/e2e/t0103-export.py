#!/usr/bin/env python3
"""tgctl export and import: a day of the history becomes a file and comes back, with each record once.

The day is dropped in between, trackers send some of it again and some that is new, the import is killed and started again.
A file that isn't whole, or that speaks of strangers, changes nothing.
"""
import datetime
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite, wire
from lib.fleet import imeis

DAY = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=20)
NOON = int(datetime.datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=datetime.timezone.utc).timestamp() * 1000)
PART = "device_positions_%s" % DAY.strftime("%Y%m%d")
# All that a tracker has said; when it was received is another moment where it had to say it again.
CONTENT = ("SELECT md5(string_agg(concat_ws('|', i.imei, p.recorded_at, p.record_hash, p.latitude, p.longitude, p.altitude, p.heading,"
           " p.satellites, p.speed, p.valid, p.priority, p.event_io_id, p.codec, p.generation_type, p.io), E'\\n'"
           " ORDER BY i.imei, p.recorded_at, p.record_hash))"
           " FROM device_positions p JOIN devices i ON i.id = p.device_id")


def records(first, count):
    """With all kinds of values, a fix and none, one a second from noon."""
    return [wire.Record(NOON + 1000 * n, 54.5 + n / 1e4, 25.5, alt=100 + n, angle=n, sats=7 if n % 5 else 0, speed=n, event=239,
                        io=[(239, bytes([n % 2])), (66, b"\x31\x6a"), (78, n.to_bytes(8, "big"))]) for n in range(first, first + count)]


def ok(bench, database, *args, stdin=None):
    code, out, err = bench.tgctl(*args, url=database.url, stdin=stdin)
    proc.equal(code, 0, "tgctl %s: %s%s" % (" ".join(args), out, err))
    return out


def many(database, imei, count, step=1):
    """Rows straight into the table, more than one transaction of the import takes."""
    database.query("INSERT INTO device_positions SELECT d.id, to_timestamp(%d) + n * interval '%d ms', n, now(), 54.5, 25.5, 0, 0, 0,"
                   " 0, 7, 0, 8, NULL, true, '{\"239\": 1}' FROM devices d, generate_series(1, %d) AS n WHERE d.imei = '%s'"
                   % (NOON // 1000, step, count, imei))


def test_day(bench):
    """A day is exported, dropped, partly sent again, and imported while a tracker sends on: each record is there once, as it was."""
    database = bench.database()
    names = imeis(3)
    database.add_devices(names)
    gw = bench.gateway(database)
    for imei in names:
        tracker = bench.tracker(gw, imei).login()
        tracker.exchange(wire.frame(0x8E, records(0, 40)))
    before = database.query(CONTENT)
    path = os.path.join(bench.folder, "day.csv")
    out = ok(bench, database, "export", "--day", str(DAY), path)
    proc.check(": 120 records of 3 devices, checksum " in out, out)
    proc.equal(os.stat(path).st_mode & 0o777, 0o600, "who may read the file")
    with open(path) as f:
        lines = f.read().splitlines()
    proc.equal(len(lines), 122, "lines")
    proc.check(lines[0].startswith("imei,device_id,recorded_at,record_hash,") and lines[-1].startswith("#end,120,"), lines[-1])
    database.query("DROP TABLE %s" % PART)
    tracker.exchange(wire.frame(0x8E, records(30, 20)))   # ten of them again, ten new
    proc.check("120 records, of which 10 are in the history; nothing was changed"
               in ok(bench, database, "import", "--dry-run", path), "dry run")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 20, "rows after the dry run")
    proc.check(": 110 records imported, 10 were there already" in ok(bench, database, "import", path), "import")
    proc.check(": 0 records imported, 120 were there already" in ok(bench, database, "import", path), "the same again")
    tracker.exchange(wire.frame(0x8E, records(0, 40)))   # all again
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 130, "each once")
    proc.equal(database.query(CONTENT + " WHERE p.recorded_at < to_timestamp(%d)" % (NOON // 1000 + 40)), before, "what they say")
    gw.stop()


def test_damaged(bench):
    """A file that was cut, changed or made by hand, or that has strangers in it, changes nothing, and it is said why."""
    database = bench.database()
    one, two = imeis(2)
    database.add_devices([one, two])
    many(database, one, 20)
    many(database, two, 20)
    path = os.path.join(bench.folder, "day.csv")
    ok(bench, database, "export", "--day", str(DAY), path)
    database.query("DELETE FROM device_positions")
    with open(path) as f:
        lines = f.readlines()
    whole = "".join(lines)
    cases = {"isn't whole": (whole[:-3], "is not whole"), "is cut": ("".join(lines[:9]), "is not whole"),
             "has a line less": ("".join(lines[:5] + lines[6:]), "is damaged: it has 39 records"),
             "has a line twice": ("".join(lines[:5] + lines[4:]), "is damaged: it has 41 records"),
             "has another value": (whole.replace("25.5", "25.6", 1), "is damaged: it has 40 records"),
             "is empty": ("", "is empty"), "has no names": ("".join(lines[1:]), "column name mismatch"),
             "is something else": ("hello\n", "is not whole"), "is zeros": ("\0" * 5000, "is not whole"),
             "has a long line": ("x" * 100000, "is not whole")}
    for what, (text, why) in cases.items():
        code, out, err = bench.tgctl("import", "-", url=database.url, stdin=text.encode())
        proc.equal((code, out), (1, ""), "a file that %s: %s" % (what, err))
        proc.check(why in err, "a file that %s: %s" % (what, err))
    database.query("DELETE FROM devices WHERE imei = '%s'" % two)
    code, out, err = bench.tgctl("import", path, url=database.url)
    proc.check(code == 1 and "20 records of %s, which is not registered" % two in err and "nothing was imported" in err, err)
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 0, "rows")
    for args, why in ((("export", "--day", str(DAY), path), "File exists"), (("export", "--imei", "356307042440000", path + "x"), "no device"),
                      (("import", path + "none"), "No such file"), (("export", "--day", "2026-02-31", path + "x"), "out of range")):
        code, out, err = bench.tgctl(*args, url=database.url)
        proc.check(code == 1 and why in err, "%s: %s" % (args, err))
    proc.check(not os.path.exists(path + "x"), "a file of nothing")
    with open(path) as f:
        proc.equal(f.read(), whole, "a file that is there already")
    code, out, err = bench.tgctl("export", "--imei", one, "/dev/full", url=database.url)
    proc.equal(code, 1, "a file that is a device: " + err)
    with open("/dev/full", "w") as full:
        done = subprocess.run([gateway.TGCTL, "export", "--imei", one, "-"], stdout=full, stderr=subprocess.PIPE,
                              env=dict(os.environ, DATABASE_URL=database.url))
    proc.check(done.returncode == 1 and b"No space left" in done.stderr, "a disk that is full: %s" % done.stderr)
    for args in (("export", path), ("export", "--day", "today", path), ("export", "--day", str(DAY)), ("import",), ("export", "--imei", "1", path)):
        proc.equal(bench.tgctl(*args, url=database.url)[0], 2, " ".join(args))


def test_other_database(bench):
    """In another database a device has another number; one that had left the inventory keeps its own, unless that is taken."""
    database, other = bench.database(), bench.database()
    one, two, three = imeis(3)
    database.add_devices([one, two])
    many(database, one, 30)
    many(database, two, 30)
    # A clock that was wrong, with text that looks like the end of a file.
    database.query("INSERT INTO device_positions SELECT d.id, '1970-01-01Z', 7, now(), 1, 2, 0, 0, 0, 0, 7, 0, 8, NULL, true,"
                   " E'{\n\"1\": \"a,b\\\\n#end,1,2\"\n}' FROM devices d WHERE d.imei = '%s'" % one)
    out = ok(bench, database, "export", "--json", "--imei", one, "-")
    # A pipe from one to the other, also of a day for which there is no partition.
    other.add_devices([three, one])
    other.query("DROP TABLE %s" % PART)
    proc.check(": 31 records imported" in ok(bench, other, "import", "-", stdin=out.encode()), "import")
    proc.equal(other.query(CONTENT), database.query(CONTENT + " WHERE i.imei = '%s'" % one), "what it says")
    proc.equal(other.number("SELECT count(*) FROM %s" % PART), 30, "in a partition of its own")
    proc.equal(other.number("SELECT count(*) FROM device_positions_default"), 1, "a day that is none")
    database.query("DELETE FROM devices WHERE imei = '%s'" % two)
    path = os.path.join(bench.folder, "day.csv")
    proc.equal(json.loads(ok(bench, database, "export", "--json", "--day", str(DAY), path))["devices"], 2, "devices")
    code, out, err = bench.tgctl("import", path, url=other.url)
    proc.check(code == 1 and "whose number is, or may become, another device's here" in err, err)
    database.query("DELETE FROM device_positions")
    proc.equal(json.loads(ok(bench, database, "import", "--json", path)),
               {"file": path, "dry_run": False, "records": 60, "imported": 60, "present": 60}, "back where it was")


def test_partitions(bench):
    """A day that is being made can't be exported whole, so it isn't; a table in the way of a day is said, and nobody waits for it."""
    database, other = bench.database(), bench.database()
    one, = imeis(1)
    for each in (database, other):
        each.add_devices([one])
        each.query("DROP TABLE %s" % PART)
    many(database, one, 20000)
    step = "UPDATE telematics_locks SET day = '%s', block = NULL WHERE name = 'upkeep' AND day IS NULL; SELECT telematics_upkeep(0, 0)" % DAY
    path = os.path.join(bench.folder, "day.csv")
    database.query(step)
    for args in (("--day", str(DAY)), ("--imei", one)):
        code, _, err = bench.tgctl("export", *args, path, url=database.url)
        proc.check(code == 1 and "is being made" in err and not os.path.exists(path), "moving: %d %s" % (code, err))
    proc.wait_until(lambda: database.query(step) and database.query("SELECT day FROM telematics_locks WHERE name = 'upkeep'") == "", 30,
                    "the day is made")
    proc.check(": 20000 records" in ok(bench, database, "export", "--day", str(DAY), path), "export")
    other.query("CREATE TABLE %s (LIKE device_positions)" % PART)
    code, _, err = bench.tgctl("import", path, url=other.url)
    proc.check(code == 1 and "no partition of the history" in err, err)
    proc.equal(other.query("SELECT day FROM telematics_locks WHERE name = 'upkeep'"), "", "the upkeep is asked for nothing")
    other.query("DROP TABLE %s" % PART)
    proc.check(": 20000 records imported" in ok(bench, other, "import", path), "import")


def test_killed(bench):
    """An import that is killed in the middle is started again, and ends with each record once; a lock is waited for."""
    database = bench.database()
    one, = imeis(1)
    database.add_devices([one])
    count = 12000
    many(database, one, count)
    before = database.query(CONTENT)
    path = os.path.join(bench.folder, "day.csv")
    proc.check(": %d records of 1 device" % count in ok(bench, database, "export", "--day", str(DAY), path), "export")
    database.query("DELETE FROM device_positions")
    # The second transaction waits for a row that somebody is writing.
    holder = database.session(bench.scope)
    holder.run("BEGIN; INSERT INTO device_positions SELECT d.id, to_timestamp(%d) + 6000 * interval '1 ms', 6000, now(), 1, 1, 0, 0, 0, 0, 7,"
               " 0, 8, NULL, true, '{}' FROM devices d" % (NOON // 1000))
    with open(os.path.join(bench.folder, "import.log"), "w") as log:
        child = subprocess.Popen([gateway.TGCTL, "import", path], stdout=log, stderr=log,
                                 env=dict(os.environ, DATABASE_URL=database.url), start_new_session=True)
    bench.scope.later(lambda: child.poll() is None and child.kill())
    proc.wait_until(lambda: database.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") > 0, 30,
                    "it waits for the row")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 5000, "rows of the first transaction")
    child.send_signal(signal.SIGKILL)
    proc.equal(child.wait(), -signal.SIGKILL, "how it ended")
    holder.run("ROLLBACK")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tgctl'") == 0, 30,
                    "its session has ended")
    there = database.number("SELECT count(*) FROM device_positions")
    proc.check(": %d records imported, %d were there already" % (count - there, there) in ok(bench, database, "import", path), "import")
    proc.equal(database.query(CONTENT), before, "what they say")


suite.main(globals())
