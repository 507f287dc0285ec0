#!/usr/bin/env python3
"""tgctl command send, list, cancel and wait against the database; what a gateway does is mostly played by SQL."""
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite, wire
from lib.fleet import imeis

SECRET = "setparam 2003:hush"
LOOKS = "query LIKE '%AS overdue,%'"


class Tool:
    """tgctl command on one database, with one device in it."""

    def __init__(self, bench, **columns):
        self.bench, self.database = bench, bench.database()
        self.imei = imeis(1)[0]
        self.database.add_devices([self.imei], **columns)

    def run(self, *args, want=0, **more):
        """(stdout without its last line end, stderr)."""
        code, out, err = self.bench.tgctl("command", *args, url=self.database.url, **more)
        proc.equal(code, want, "exit status of tgctl command %s (%s%s)" % (" ".join(args), out, err))
        return out.rstrip("\n"), err

    def json(self, *args, **more):
        return json.loads(self.run(*args, "--json", **more)[0])

    def send(self, *args, **more):
        """Queues a command; its id."""
        return self.run("send", self.imei, *args, **more)[0]

    def count(self):
        return self.database.number("SELECT count(*) FROM device_commands")

    def update(self, ident, what):
        self.database.query("UPDATE device_commands SET %s WHERE id = %s" % (what, ident))

    def value(self, ident, what):
        return self.database.query("SELECT %s FROM device_commands WHERE id = %s" % (what, ident))

    def sent(self, ident):
        self.update(ident, "status = 'sent', attempt_count = attempt_count + 1, sent_at = now()")

    def answered(self, ident, text):
        self.sent(ident)
        self.update(ident, "status = 'acked', responded_at = now(), response_text = E'%s', codec12_response_hex ="
                    " encode(convert_to(E'%s', 'UTF8'), 'hex')" % (text, text))

    def sessions(self, condition):
        """Processes of PostgreSQL that serve tgctl on this database and are at what is said."""
        rows = self.database.rows("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                                  " AND application_name = 'tgctl' AND " + condition)
        return [int(row[0]) for row in rows]

    def start(self, *args):
        """Runs it beside the test."""
        log = os.path.join(self.bench.folder, "tool%d.log" % len(self.bench.scope.undo))
        env = dict(gateway.sanitizer_env(self.bench.folder), DATABASE_URL=self.database.url)
        process = proc.Process([gateway.TGCTL, "command"] + list(args), log, env=env)
        self.bench.scope.later(process.kill_group)
        return process


def ends(process, want, words):
    code = process.wait(20, "tgctl ends: %s" % process.output())
    proc.equal(code, want, "exit status (%s)" % process.output())
    proc.check(words in process.output(), "%r stands in %r" % (words, process.output()))


def test_send(bench):
    """A command is queued as asked; its text comes from the argument or from one line of standard input."""
    tool = Tool(bench)
    out, err = tool.run("send", tool.imei, "getinfo")
    proc.equal(out, "1", "what is printed")
    proc.check("not connected" in err, "a note about the connection: %s" % err)
    proc.equal(tool.value(1, "imei, command_text, codec, status, attempt_count, max_attempts, expires_at, "
                          "idempotency_key, created_by LIKE '_%@tgctl'"),
               "\t".join([tool.imei, "getinfo", "12", "pending", "0", "", "", "", "t"]), "the row")
    row = tool.json("send", tool.imei, "-", "--codec", "14", "--key", "k1", "--max-attempts", "1", "--expires-in", "2h",
                    "--by", "night shift", stdin=SECRET.encode() + b"\r\nmore\n")
    proc.equal([row[c] for c in ("id", "imei", "codec", "status", "idempotency_key", "max_attempts", "created_by")],
               [2, tool.imei, 14, "pending", "k1", 1, "night shift"], "the row as JSON")
    proc.check("hush" not in json.dumps(row) and "same" not in row, "but not all: %s" % row)
    proc.check(row["existing"] is False, "it is new: %s" % row)
    proc.equal(tool.value(2, "command_text, expires_at - created_at"), SECRET + "\t02:00:00", "the second row")
    proc.equal(tool.json("send", tool.imei, "getver", "--text")["command_text"], "getver", "the text as JSON")
    tool.database.query("INSERT INTO device_online (device_id, online) SELECT id, true FROM devices")
    proc.equal(tool.run("send", tool.imei, "--", "-odd")[1], "", "remarks about a connected device")
    proc.equal(tool.value(4, "command_text"), "-odd", "a text that begins with -")


def test_texts(bench):
    """What no tracker can take is refused with its place, here and by the database, and is never printed."""
    tool = Tool(bench)
    long = "hush" * 41
    for text, words in (("", "empty"), ("hush\xe9", "character 5 of it (byte 0xc3)"),
                        ("hush\n", "character 5 of it (byte 0x0a)"), (long, "longer than 160")):
        out, err = tool.run("send", tool.imei, text, want=2)
        proc.check(words in err and "hush" not in out + err, "%r: %s%s" % (text, out, err))
    for text, words in ((b"", "empty"), (b"\nx\n", "empty"), (b"hu\0sh\n", "character 3"), (b"hush" * 2000, "longer")):
        out, err = tool.run("send", tool.imei, "-", want=2, stdin=text)
        proc.check(words in err and "hush" not in out + err, "%r: %s%s" % (text, out, err))
    # The database has the last word: its limit is that of the gateway, and there may be more rules.
    out, err = tool.run("send", tool.imei, long, want=1, env={"TELEM_COMMAND_MAX_LENGTH": "200"})
    proc.check("at most 160" in err and "hint" in err and "hush" not in out + err, "too long for SQL: %s" % err)
    tool.database.query("ALTER TABLE device_commands ADD CONSTRAINT polite CHECK (command_text !~ 'hush')")
    out, err = tool.run("send", tool.imei, SECRET, want=1)
    proc.check("polite" in err and "hush" not in out + err, "a constraint: %s" % err)
    for args in (["send", SECRET, tool.imei], ["send", SECRET], ["send", tool.imei, "setparam", "2003:hush"], [SECRET]):
        out, err = tool.run(*args, want=2)
        proc.check(err and "hush" not in out + err, "%s: %s" % (args, err))
    proc.equal(tool.count(), 0, "rows")
    tool.database.query("ALTER TABLE device_commands DROP CONSTRAINT polite")
    tool.send("x" * 160)


def test_devices(bench):
    """A device that is unknown, disabled or of a model without the codec is refused; --force queues it."""
    tool = Tool(bench, device_model="FMB001")
    stranger = "350000000000999"
    err = tool.run("send", stranger, "getinfo", want=1)[1]
    proc.check("tgctl device add " + stranger in err, "the way out: %s" % err)
    tool.database.query("INSERT INTO device_models (device_model, codec_14) VALUES ('FMB001', false)")
    err = tool.run("send", tool.imei, "getinfo", "--codec", "14", want=1)[1]
    proc.check("FMB001" in err and "codec 14" in err, "the codec: %s" % err)
    tool.send("getinfo")
    tool.database.query("UPDATE devices SET enabled = false")
    err = tool.run("send", tool.imei, "getinfo", want=1)[1]
    proc.check("tgctl device enable " + tool.imei in err and "--force" in err, "disabled: %s" % err)
    proc.equal(tool.count(), 1, "rows")
    for imei in (stranger, tool.imei):
        err = tool.run("send", imei, "getinfo", "--codec", "14", "--force")[1]
        proc.check(imei in err, "it says what is wrong all the same: %s" % err)
    proc.equal(tool.count(), 3, "rows with --force")


def test_keys(bench):
    """The same key queues nothing twice; with another text or codec it is an error; other devices have their own."""
    tool = Tool(bench)
    first = tool.send("getinfo", "--key", "k")
    out, err = tool.run("send", tool.imei, "getinfo", "--key", "k")
    proc.equal(out, first, "the id")
    proc.check("already" in err, "it is said: %s" % err)
    proc.check(tool.json("send", tool.imei, "getinfo", "--key", "k")["existing"] is True, "as JSON")
    for args in (["getver"], ["getinfo", "--codec", "14"]):
        out, err = tool.run("send", tool.imei, *args, "--key", "k", want=1)
        proc.check(out == "" and "command %s " % first in err, "another command: %s%s" % (out, err))
    proc.equal(tool.count(), 1, "rows")
    # Who repeats what is queued hears the same, also when it could not be queued any more.
    tool.database.query("UPDATE devices SET enabled = false")
    proc.equal(tool.send("getinfo", "--key", "k"), first, "the id when the device is disabled")
    tool.database.query("UPDATE devices SET enabled = true")
    # Another session is about to commit the same key: whoever is second gets the row of the first.
    other = tool.database.session(bench.scope)
    other.run("BEGIN")
    other.run("INSERT INTO device_commands (imei, command_text, idempotency_key) VALUES ('%s', 'getgps', 'race')"
              % tool.imei)
    process = tool.start("send", tool.imei, "getgps", "--key", "race")
    proc.wait_until(lambda: tool.sessions("wait_event_type = 'Lock'"), 20, "tgctl waits for the other")
    other.run("COMMIT")
    ends(process, 0, "already has this key")
    proc.equal(tool.count(), 2, "rows after the race")


def test_list(bench):
    """list shows the latest first, filtered, with answers shortened and harmless, and texts only when asked."""
    tool = Tool(bench)
    other = "350000000000888"
    ids = [tool.send(SECRET, "--max-attempts", "3") for _ in range(4)]
    foreign = tool.run("send", other, "getinfo", "--force")[0]
    tool.answered(ids[0], r"one\r\ntwo\033[31m" + "x" * 60)
    tool.sent(ids[1])
    tool.update(ids[2], "status = 'failed', attempt_count = 3, error_message = 'no answer'")
    proc.equal([str(row["id"]) for row in tool.json("list")], [foreign] + ids[::-1], "all, the latest first")
    for args, want in (([tool.imei], ids[::-1]), (["--imei", other], [foreign]),
                       (["--open"], [foreign, ids[3], ids[1]]), (["--open", tool.imei], [ids[3], ids[1]]),
                       (["--status", "failed"], [ids[2]]),
                       (["--limit", "1"], [foreign]), (["--status", "expired"], [])):
        proc.equal([str(row["id"]) for row in tool.json("list", *args)], want, "list %s" % args)
    proc.check(tool.json("list")[-1]["response_text"].endswith("x" * 60), "JSON has the whole answer")
    out = tool.run("list")[0]
    # A row of the table may go on over further lines, which are indented.
    lines = {}
    for line in out.splitlines():
        ident = line.split()[0] if not line.startswith("    ") else ident
        lines[ident] = lines.get(ident, "") + line
    proc.check("one two?[31mxx" in lines[ids[0]] and "x..." in lines[ids[0]], "the answer: %s" % lines[ids[0]])
    proc.check("no answer" in lines[ids[2]] and " 3/3 " in lines[ids[2]], "the failure: %s" % lines[ids[2]])
    proc.check(" 0/5 " in lines[foreign], "attempts as configured: %s" % lines[foreign])
    proc.check("hush" not in out + json.dumps(tool.json("list")), "no texts")
    proc.check("hush" in tool.run("list", "--text")[0], "texts with --text")
    proc.equal(tool.json("list", "--text")[-1]["command_text"], SECRET, "texts with --text as JSON")
    proc.check("latest 2" in tool.run("list", "--limit", "2")[1], "it says that there may be more")


def test_cancel(bench):
    """Only what is pending is cancelled; of the rest it is said why not."""
    tool = Tool(bench)
    ids = [tool.send("getinfo") for _ in range(6)]
    tool.answered(ids[1], "ok")
    tool.sent(ids[0])
    out, err = tool.run("cancel", ids[0], ids[1], ids[2], ids[2], "999", want=1)
    proc.equal([line.split()[0] for line in out.splitlines()], ["id", ids[2]], "what was cancelled")
    for words in ("command %s was already sent to the tracker" % ids[0], "command %s is over: acked" % ids[1],
                  "no command with id 999"):
        proc.check(words in err, "%r stands in %s" % (words, err))
    proc.equal(tool.json("cancel", ids[3], ids[2], want=1),
               [{"id": int(ids[2]), "imei": tool.imei, "status": "cancelled", "cancelled": False},
                {"id": int(ids[3]), "imei": tool.imei, "status": "cancelled", "cancelled": True}], "as JSON")
    other = tool.run("send", "350000000000888", "getinfo", "--force")[0]
    out, err = tool.run("cancel", "--imei", tool.imei, want=1)
    proc.equal([line.split()[0] for line in out.splitlines()], ["id", ids[4], ids[5]], "all of a device")
    proc.check("command %s was already sent to the tracker" % ids[0] in err, "but the one that is sent: %s" % err)
    tool.update(ids[0], "status = 'failed'")
    proc.equal(tool.run("cancel", "--imei", tool.imei)[0], "", "nothing left")
    proc.equal(tool.value(other, "status"), "pending", "the other device's")


def test_cancel_race(bench):
    """A command that a gateway takes at the same moment is not cancelled, and it is said."""
    tool = Tool(bench)
    ident = tool.send("getinfo")
    taker = tool.database.session(bench.scope)
    taker.run("BEGIN")
    taker.run("UPDATE device_commands SET status = 'sent', attempt_count = 1, sent_at = now() WHERE id = %s" % ident)
    process = tool.start("cancel", ident)
    proc.wait_until(lambda: tool.sessions("wait_event_type = 'Lock'"), 20, "tgctl waits for the gateway")
    taker.run("COMMIT")
    ends(process, 1, "has just changed")
    proc.equal(tool.value(ident, "status"), "sent", "status")


def test_wait(bench):
    """wait prints the answer, text as it is and bytes in hex, or says why there is none."""
    tool = Tool(bench)
    ident = tool.send("getinfo")
    process = tool.start("wait", ident)
    tool.sent(ident)
    tool.update(ident, "status = 'acked', response_text = 'Ver:1', codec12_response_hex = '5665723a31'")
    ends(process, 0, "Ver:1\n")
    proc.equal(tool.run("wait", ident)[0], "Ver:1", "once more")
    proc.equal([tool.json("wait", ident)[c] for c in ("id", "status", "attempt_count", "response_text")],
               [int(ident), "acked", 1, "Ver:1"], "as JSON")
    ident = tool.send("getinfo")
    tool.answered(ident, r"a\r\nb\r\n")
    code, out, _ = bench.tgctl("command", "wait", ident, url=tool.database.url)
    proc.equal((code, out), (0, "a\nb\n"), "an answer of two lines, without what moves a cursor")
    ident = tool.send("getinfo")
    tool.sent(ident)
    tool.update(ident, "status = 'acked', codec12_response_hex = '00ff'")
    out, err = tool.run("wait", ident)
    proc.check(out == "00ff" and "not text" in err, "bytes: %r %r" % (out, err))
    for what, words in (("status = 'failed', error_message = E'no answer\\n'", "failed: no answer?"),
                        ("status = 'failed'", "no reason"), ("status = 'cancelled'", "was cancelled"),
                        ("status = 'expired', expires_at = '2026-03-01 12:00Z'", "expired at 2026-03-01 12:00:00+00")):
        ident = tool.send("getinfo")
        tool.update(ident, what)
        out, err = tool.run("wait", ident, want=1)
        proc.check(out == "" and words in err, "%s: %r %r" % (what, out, err))
        proc.equal(tool.json("wait", ident, want=1)["status"], tool.value(ident, "status"), "as JSON")
    proc.check("no command with id 999" in tool.run("wait", "999", want=1)[1], "no such command")


def test_wait_ends(bench):
    """wait ends with its time, with Ctrl-C, and when a command outlives its expiry because no gateway runs."""
    tool = Tool(bench)
    ident = tool.send(SECRET)
    out, err = tool.run("wait", ident, "--timeout", "0", want=1)
    proc.check(out == "" and "still pending after 0 s" in err, "pending: %r %r" % (out, err))
    tool.sent(ident)
    row = tool.json("wait", ident, "--timeout", "1", want=1)
    proc.equal(row["status"], "sent", "the row as JSON")
    proc.check("overdue" not in row and "command_text" not in row, "and nothing more: %s" % row)
    proc.equal(tool.json("wait", ident, "--timeout", "0", "--text", want=1)["command_text"], SECRET, "with --text")
    process = tool.start("wait", ident)
    proc.wait_until(lambda: tool.sessions(LOOKS), 20, "it looks")
    process.signal(signal.SIGINT)
    proc.equal(process.wait(10, "SIGINT ends it"), -signal.SIGINT, "exit status")
    tool.update(ident, "status = 'failed'")
    ident = tool.send("getinfo", "--expires-in", "1d")
    tool.update(ident, "expires_at = now() - interval '1 hour'")
    proc.check("no gateway" in tool.run("wait", ident, want=1)[1], "overdue")


def test_send_and_wait(bench):
    """send --wait prints the answer alone; the id goes to stderr."""
    tool = Tool(bench)
    process = tool.start("send", tool.imei, "getinfo", "--wait=60")
    proc.wait_until(tool.count, 20, "it is queued")
    tool.answered(1, "done")
    ends(process, 0, "command 1 is queued\ndone\n")
    out, err = tool.run("send", tool.imei, "getinfo", "--wait=0", want=1)
    proc.check(out == "" and "command 2 is queued" in err and "still pending" in err, "too slow: %r %r" % (out, err))
    # With a key, the wait is for what is there.
    third = tool.send("getver", "--key", "k")
    tool.answered(third, "v1")
    proc.equal(tool.json("send", tool.imei, "getver", "--key", "k", "--wait")["response_text"], "v1", "as JSON")


def test_gateway(bench):
    """With a gateway and a tracker: what send queues arrives, and wait prints what the tracker says."""
    tool = Tool(bench)
    tracker = bench.tracker(bench.gateway(tool.database), tool.imei).login()
    process = tool.start("send", tool.imei, "getinfo", "--wait=60")
    want = wire.message(12, 5, b"getinfo")
    proc.equal(tracker.read(len(want)), want, "the command")
    tracker.send(wire.message(12, 6, b"Ver:03.27"))
    ends(process, 0, "\nVer:03.27\n")
    proc.equal(tool.value(1, "status, attempt_count, updated_at >= sent_at"), "acked\t1\tt", "the row")


def test_database_away(bench):
    """A lost database is tried again until the time is over; one that hangs does not hold the wait."""
    tool = Tool(bench)
    cluster = bench.own_cluster()
    tool.database = bench.database(cluster)
    tool.database.add_devices([tool.imei])
    ident = tool.send("getinfo")
    process, hasty = tool.start("wait", ident), tool.start("wait", ident, "--timeout", "3")
    proc.wait_until(lambda: len(tool.sessions(LOOKS)) == 2, 20, "both look")
    cluster.stop()
    ends(hasty, 1, "did not come back in time")
    cluster.start()
    tool.answered(ident, "here again")
    ends(process, 0, "here again\n")
    proc.equal(process.output().count("lost the connection"), 1, "complaints")
    ident = tool.send("getinfo")
    process = tool.start("wait", ident, "--timeout", "2")
    backend = proc.wait_until(lambda: tool.sessions(LOOKS), 20, "it looks")[0]
    os.kill(backend, signal.SIGSTOP)
    try:
        ends(process, 1, "does not answer in time")
    finally:
        os.kill(backend, signal.SIGCONT)


suite.main(globals())
