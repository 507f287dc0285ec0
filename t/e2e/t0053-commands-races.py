#!/usr/bin/env python3
"""Commands when others get into their way: locks that somebody holds, odd rows, narrow roles, old databases.

One row that somebody locked or filled with nonsense may hold up its own device, but nobody else.
"""
import glob
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import commands, proc, suite, wire
from lib.commands import queue, row, wait_status
from lib.fleet import imeis


def frame(n=0):
    return wire.frame(8, [wire.Record(int(time.time() * 1000) + n * 1000, 54.5, 25.5, sats=7)])


def ground(bench, n, **keys):
    """A gateway and n devices, all connected and acknowledged once."""
    database = bench.database()
    names = imeis(n)
    database.add_devices(names)
    keys.setdefault("TELEM_WORKERS", 1)
    gw = bench.gateway(database, **keys)
    trackers = [bench.tracker(gw, i).login() for i in names]
    for t in trackers:
        proc.equal(t.exchange(frame()), 1, "ACK of the first frame")
    return database, gw, trackers, names


def serve(database, tracker, text):
    """The device gets a command and answers it."""
    ident = queue(database, tracker.imei, text)
    proc.equal(commands.read(tracker)[1], text, "the command")
    commands.answer(tracker, b"ok")
    return wait_status(database, ident, "acked", 5)


def test_infinite_times(bench):
    """Times without an end, and others that no interval can hold, are no errors that stop everybody's commands."""
    database, gw, (odd, other), (imei, _) = ground(bench, 2)
    database.query("INSERT INTO device_commands (imei, command_text, next_retry_at) VALUES ('%s', 'never', 'infinity')"
                   % imei)
    serve(database, other, "other")
    database.query("UPDATE device_commands SET next_retry_at = '-infinity' WHERE command_text = 'never'")
    proc.equal(commands.read(odd)[1], "never", "long due")
    database.query("UPDATE device_commands SET created_at = '-infinity' WHERE command_text = 'never'")
    commands.answer(odd, b"done")
    proc.wait_until(lambda: database.query("SELECT response_text FROM device_commands WHERE command_text = 'never'")
                    == "done", 5, "booked")
    # Nobody sent these, so they are swept: the nonsense in one is no reason to leave the others.
    database.query("INSERT INTO device_commands (imei, command_text, status, sent_at) VALUES"
                   " ('359999999999991', 'x', 'sent', '294276-12-31 23:59:59+00'),"
                   " ('359999999999992', 'x', 'sent', '-infinity')")
    proc.wait_until(lambda: database.query("SELECT status FROM device_commands WHERE imei = '359999999999992'")
                    == "pending", 5, "swept")
    serve(database, other, "again")
    proc.check(not gw.logged("database refuses"), "refused by the database")


def test_infinite_and_late(bench):
    """The same where a late answer keeps the next command back."""
    database, gw, (tracker,), (imei,) = ground(bench, 1, TELEM_COMMAND_TIMEOUT_MS=300)
    queue(database, imei, "deaf", max_attempts=1)
    queue(database, imei, "next", next_retry_at="'-infinity'")
    proc.equal(commands.read(tracker)[1], "deaf", "the first")
    tracker.expect_closed(5, "a late answer could be taken for the next one's")
    proc.check(not gw.logged("database refuses"), "refused by the database")


def test_locked_end(bench):
    """A row that somebody holds locked when its attempt ends doesn't stop the commands of others."""
    database, _, (deaf, other), (imei, _) = ground(bench, 2)
    holder = database.session(bench.scope)
    holder.run("BEGIN")
    ident = queue(database, imei, "deaf")
    commands.read(deaf)
    # The attempt ends with the connection, and not before the row is locked.
    holder.run("SELECT id FROM device_commands WHERE id = %d FOR UPDATE" % ident)
    deaf.reset()
    for i in range(3):
        serve(database, other, "other %d" % i)
    proc.equal(row(database, ident)["status"], "sent", "locked")
    holder.run("COMMIT")
    wait_status(database, ident, "pending", 3)


def test_locked_answer(bench):
    """A row that somebody holds locked when its answer comes doesn't stop the records and commands of others."""
    database, gw, (tracker, other), (imei, _) = ground(bench, 2)
    ident = queue(database, imei, "locked")
    commands.read(tracker)
    holder = database.session(bench.scope)
    holder.run("BEGIN")
    holder.run("SELECT id FROM device_commands WHERE id = %d FOR UPDATE" % ident)
    commands.answer(tracker, b"the answer")
    tracker.taken()
    for i in range(1, 4):
        proc.equal(other.exchange(frame(i), 10), 1, "records of others are acknowledged")
    serve(database, other, "other")
    holder.run("COMMIT")
    now = wait_status(database, ident, "acked", 10)
    proc.equal(now["response_text"], "the answer", "booked when the row is free")
    proc.equal(tracker.exchange(frame(9)), 1, "records go on")
    serve(database, tracker, "next")


def test_search_path(bench):
    """Who names the table with its schema needs no search_path to queue, cancel and answer."""
    database, _, (tracker,), (imei,) = ground(bench, 1)
    database.query("SET search_path = ''; INSERT INTO public.device_commands (imei, command_text)"
                   " VALUES ('%s', 'far')" % imei)
    proc.equal(commands.read(tracker)[1], "far", "the command")
    database.query("SET search_path = ''; INSERT INTO public.device_commands (imei, command_text)"
                   " VALUES ('%s', 'away'); UPDATE public.device_commands SET status = 'cancelled'"
                   " WHERE command_text = 'away'" % imei)
    commands.answer(tracker, b"ok")
    wait_status(database, 1, "acked", 5)


def test_roles(bench):
    """A role for the web that may queue and cancel needs no other table."""
    database, _, (tracker,), (imei,) = ground(bench, 1)
    database.query("DROP ROLE IF EXISTS web; CREATE ROLE web LOGIN;"
                   "GRANT SELECT, INSERT, UPDATE ON device_commands TO web")
    try:
        database.query("INSERT INTO device_commands (imei, command_text, next_retry_at) VALUES"
                       " ('%s', 'one', NULL), ('%s', 'two', now() + interval '1 hour')" % (imei, imei), user="web")
        proc.equal(commands.read(tracker)[1], "one", "the command")
        database.query("UPDATE device_commands SET status = 'cancelled' WHERE command_text = 'two'", user="web")
        try:
            database.query("INSERT INTO device_commands (imei, command_text) VALUES ('%s', '%s')"
                           % (imei, "x" * 161), user="web")
            raise AssertionError("too long, and taken")
        except proc.Failure as error:
            proc.check("at most 160" in str(error), str(error))
        commands.answer(tracker, b"ok")
        wait_status(database, 1, "acked", 5)
    finally:
        database.query("DROP OWNED BY web; DROP ROLE web")


def test_change_in_back_off(bench):
    """What was sent can't be changed, not even while it waits for its next attempt: its answer may be on the way."""
    database, _, (tracker,), (imei,) = ground(bench, 1, TELEM_COMMAND_TIMEOUT_MS=2000)
    ident = queue(database, imei, "first text")
    commands.read(tracker)
    wait_status(database, ident, "pending", 10)
    try:
        database.query("UPDATE device_commands SET command_text = 'other text' WHERE id = %d" % ident)
        raise AssertionError("changed")
    except proc.Failure as error:
        proc.check("what was sent can't be changed" in str(error), str(error))


def test_old_rows(bench):
    """Rows of a database from before: two of a device that something else left as sent, texts that are no commands."""
    database = bench.database(migrated=False)
    database.query("CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text NOT NULL,"
                   " applied_at timestamptz NOT NULL DEFAULT now()); ALTER TABLE schema_migrations OWNER TO tg")
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "migrations")
    for path in sorted(glob.glob(os.path.join(folder, "000[1-4]_*.sql"))):
        version, name = re.match(r"(\d+)_(\w+)\.sql", os.path.basename(path)).groups()
        with open(path) as f:
            database.query(f.read(), user="tg")
        database.query("INSERT INTO schema_migrations (version, name) VALUES (%d, '%s')" % (int(version), name))
    imei, = imeis(1)
    database.add_devices([imei])
    database.query("INSERT INTO device_commands (imei, command_text, status) VALUES ('%s', 'a', 'sent'),"
                   " ('%s', 'b', 'sent'), ('%s', E'no\\tcommand', 'pending'), ('%s', repeat('x', 5000), 'pending'),"
                   " ('%s', 'c', 'acked'), ('%s', 'd', 'pending')" % ((imei,) * 6))
    code, _, err = bench.tgctl("migrate", url=database.url)
    proc.equal(code, 0, "tgctl migrate: %s" % err)
    proc.equal(database.query("SELECT string_agg(status, ',' ORDER BY id) FROM device_commands"),
               "sent,pending,failed,pending,acked,pending", "one in flight")
    gw = bench.gateway(database, TELEM_COMMAND_TIMEOUT_MS=1000)
    tracker = bench.tracker(gw, imei).login()
    proc.equal(tracker.exchange(frame()), 1, "ACK")
    for text in "abd":
        proc.equal(commands.read(tracker)[1], text, "in order")
        commands.answer(tracker, b"ok")
    wait_status(database, 6, "acked", 5)
    proc.check("printable" in row(database, 3)["error_message"], "why the third is no command")
    now = row(database, 4)
    proc.equal(now["status"], "failed", "longer than any limit")
    proc.check("no valid frame" in now["error_message"], now["error_message"])


def test_many_of_one_device(bench):
    """Thousands of one device that expire at once don't hold up the commands of others: they take little work."""
    database, _, (tracker,), (imei,) = ground(bench, 1)

    def worked():
        """Processor time of the gateway's sessions: unlike the time on the clock it hardly depends on the machine's load."""
        return sum(proc.cpu_seconds(int(pid)) for pid, in database.rows(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'tg'"))
    before = worked()
    database.query("INSERT INTO device_commands (imei, command_text, expires_at)"
                   " SELECT '359999999999999', 'x', now() + interval '1 second' FROM generate_series(1, 10000)")

    def served_and_expired():
        serve(database, tracker, "between")
        return database.number("SELECT count(*) FROM device_commands WHERE status = 'expired'") == 10000
    proc.wait_until(served_and_expired, 60, "all have expired")
    spent = worked() - before
    print("# %.2f s of processor time" % spent)
    # A trigger that looks at each row by itself takes 2 s a thousand.
    proc.check(spent < 8, "it took %.1f s of processor time" % spent)


suite.main(globals())
