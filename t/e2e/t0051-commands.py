#!/usr/bin/env python3
"""Commands: queued by SQL, sent at the right moment, answered, tried again, given up."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import commands, proc, suite, wire
from lib.commands import queue, row, wait_status
from lib.fleet import imeis


def frame(n=0, count=1):
    at = int(time.time() * 1000) + n * 1000
    return wire.frame(8, [wire.Record(at + i, 54.5, 25.5, sats=7) for i in range(count)])


def ground(bench, n=1, **keys):
    """A gateway and n devices, the first of them connected and acknowledged once."""
    database = bench.database()
    names = imeis(n)
    database.add_devices(names)
    commands.record_changes(database)
    gw = bench.gateway(database, **keys)
    tracker = bench.tracker(gw, names[0]).login()
    proc.equal(tracker.exchange(frame()), 1, "ACK of the first frame")
    return database, gw, tracker, names


def messages(database):
    return [r[0] for r in database.rows("SELECT convert_from(payload, 'UTF8') FROM device_messages ORDER BY id")]


@suite.quick
def test_idle(bench):
    """An idle tracker gets its command in well under a second; `sent` is committed before; the answer is booked."""
    database, gw, tracker, (imei,) = ground(bench)
    ident = queue(database, imei, "getinfo")
    proc.equal(commands.read(tracker), (12, "getinfo", None), "the command")
    now = row(database, ident)
    proc.equal((now["status"], now["attempt_count"]), ("sent", "1"), "in the table when the bytes arrive")
    commands.answer(tracker, b"RTC:2026/3/1 12:00 Init:1")
    now = wait_status(database, ident, "acked", 5)
    proc.equal(now["response_text"], "RTC:2026/3/1 12:00 Init:1", "response_text")
    proc.equal(now["codec12_response_hex"], b"RTC:2026/3/1 12:00 Init:1".hex(), "hex")
    proc.check(now["sent_at"] and now["responded_at"] and not now["error_message"], "times: %s" % now)
    proc.equal(commands.history(database, ident), [("pending", "sent"), ("sent", "acked")], "history")
    proc.equal(tracker.exchange(frame(1)), 1, "records go on")
    proc.equal(messages(database), [], "nothing unasked")
    m = gw.metrics()
    proc.equal(m['telematics_commands_total{outcome="acked"}'], 1, "counted")
    proc.equal(m["telematics_command_answer_seconds_count"], 1, "histogram")
    proc.check("getinfo" not in gw.log_text(), "the text of a command is in the log")

    def quick():
        """On a busy machine not each time; one that is found by looking in turns never is."""
        began = time.monotonic()
        ident = queue(database, imei, "getver")
        commands.read(tracker)
        took = time.monotonic() - began
        commands.answer(tracker, b"ok")
        wait_status(database, ident, "acked", 5)
        return took < 0.5
    proc.wait_until(quick, 10, "it takes less than half a second")


def test_answers(bench):
    """Binary, empty, long and split answers are stored whole; text (UTF-8, NULs at the end left out) as text, all else as hex."""
    database, _, tracker, (imei,) = ground(bench)
    for payload in (b"\x00\x01\xff", b"", b"x" * 60000, b"two\r\nlines", "grün".encode()):
        ident = queue(database, imei, "get")
        commands.read(tracker)
        data = wire.message(12, 6, payload)
        tracker.send_split(data, len(data) // 2)
        now = wait_status(database, ident, "acked", 10)
        proc.equal(now["codec12_response_hex"], payload.hex(), "hex of %r" % payload[:20])
        text = "" if payload[:1] == b"\0" else payload.decode()
        proc.equal(database.query("SELECT response_text IS NULL FROM device_commands WHERE id = %d" % ident),
                   "f" if text or not payload else "t", "text of %r" % payload[:20])
        if text and "\n" not in text:
            proc.equal(now["response_text"], text, "text")


def test_codec_14(bench):
    """Codec 14 carries the IMEI; its nACK fails it at once; an answer in codec 12 is not its own."""
    database, _, tracker, (imei,) = ground(bench)
    ident = queue(database, imei, "getver", codec=14)
    proc.equal(commands.read(tracker), (14, "getver", imei), "the command")
    commands.answer(tracker, b"serial data", codec=12)
    proc.wait_until(lambda: messages(database) == ["serial data"], 5, "kept as unasked")
    proc.equal(row(database, ident)["status"], "sent", "still waiting")
    commands.answer(tracker, b"Ver:03.27", codec=14)
    proc.equal(wait_status(database, ident, "acked", 5)["response_text"], "Ver:03.27", "answer")
    ident = queue(database, imei, "getver", codec=14)
    commands.read(tracker)
    commands.answer(tracker, b"", codec=14, kind=0x11)
    now = wait_status(database, ident, "failed", 5)
    proc.check("nACK" in now["error_message"] and now["attempt_count"] == "1", "at once: %s" % now)
    proc.check(now["responded_at"], "when it came")


def test_fresh(bench):
    """On a fresh connection: after its first ACK, or two seconds after a silent handshake; never into a frame."""
    database = bench.database()
    imei, other = imeis(2)
    database.add_devices([imei, other])
    gw = bench.gateway(database)
    ident = queue(database, imei, "first")
    silent = queue(database, other, "quiet")
    # Half a frame keeps it back, its ACK lets it go: right behind, before the next frame's.
    tracker = bench.tracker(gw, imei).login()
    quiet = bench.tracker(gw, other)
    began = time.monotonic()
    quiet.login()
    data = frame()
    tracker.send(data[:20])
    proc.equal(commands.read(quiet)[1], "quiet", "the silent one gets its command")
    proc.check(time.monotonic() - began >= 1.9, "before two seconds were over")
    proc.check(tracker.silent(), "a command went into a frame")
    proc.equal(row(database, ident)["status"], "pending", "not even claimed")
    tracker.send(data[20:])
    proc.equal(tracker.ack(), 1, "ACK first")
    proc.equal(commands.read(tracker)[1], "first", "then the command")
    commands.answer(tracker, b"ok")
    commands.answer(quiet, b"ok")
    for i in (ident, silent):
        wait_status(database, i, "acked", 5)


def test_uploading(bench):
    """A tracker that is uploading gets it between an ACK and the next frame, and its records go on."""
    database, _, tracker, (imei,) = ground(bench)
    ident = queue(database, imei, "getgps")
    seen = answered = 0
    for i in range(1, 400):
        tracker.send(frame(i, 3))
        first = tracker.read(4)
        if first == b"\0\0\0\0":
            # It was idle for a moment: the command came first, the ACK follows.
            length = int.from_bytes(tracker.read(4), "big")
            tracker.read(length + 4)
            seen += 1
            proc.equal(tracker.ack(), 3, "ACK behind the command")
        else:
            proc.equal(int.from_bytes(first, "big"), 3, "ACK %d" % i)
        if seen and not answered:
            commands.answer(tracker, b"GPS:1")
            answered = i
        if answered and row(database, ident)["status"] == "acked":
            break
        if not seen and not tracker.silent():
            commands.read(tracker)
            seen += 1
    proc.equal(seen, 1, "it came once")
    wait_status(database, ident, "acked", 5)


def test_order(bench):
    """One in flight, oldest first; what comes when nothing is in flight is kept and never booked."""
    database, _, tracker, (imei,) = ground(bench)
    commands.answer(tracker, b"nobody asked")
    proc.wait_until(lambda: messages(database) == ["nobody asked"], 5, "kept")
    ids = [queue(database, imei, "c%d" % i) for i in range(4)]
    for i, ident in enumerate(ids):
        proc.equal(commands.read(tracker)[1], "c%d" % i, "in order")
        states = database.query("SELECT string_agg(status, ',' ORDER BY id) FROM device_commands")
        proc.equal(states, ",".join(["acked"] * i + ["sent"] + ["pending"] * (3 - i)), "states")
        proc.check(tracker.silent(), "two at once")
        # One too many, at once behind it: before the next command can be sent.
        tracker.send(wire.message(12, 6, b"a%d" % i) + wire.message(12, 6, b"more %d" % i))
        proc.equal(wait_status(database, ident, "acked", 5)["response_text"], "a%d" % i, "own answer")
    proc.wait_until(lambda: len(messages(database)) + sum(
        1 for i in ids if row(database, i)["response_text"].startswith("more")) == 5, 5, "the rest is kept")


def test_timeout(bench):
    """No answer: again after the back-off, then failed; the next other one only on a new connection."""
    database, gw, tracker, (imei,) = ground(bench, TELEM_COMMAND_TIMEOUT_MS=400, TELEM_COMMAND_MAX_ATTEMPTS=3)
    ident = queue(database, imei, "deaf")
    other = queue(database, imei, "next")
    for attempt in (1, 2, 3):
        proc.equal(commands.read(tracker)[1], "deaf", "attempt %d" % attempt)
    now = wait_status(database, ident, "failed", 5)
    proc.equal(database.rows("SELECT attempt FROM changes WHERE id = %d AND new = 'sent' ORDER BY at" % ident),
               [["1"], ["2"], ["3"]], "attempts")
    proc.check("attempt 3 of 3" in now["error_message"], now["error_message"])
    gaps = [float(r[0]) for r in database.rows(
        "SELECT extract(epoch FROM at - lag(at) OVER (ORDER BY at)) FROM changes WHERE id = %d ORDER BY at"
        % ident) if r[0] not in ("", "\\N", "NULL")]
    # sent -> pending after the time-out, pending -> sent after the back-off: x1, x2, each +- 20 %.
    for gap, least in zip(gaps, (0.4, 0.32, 0.4, 0.64, 0.4)):
        proc.check(least * 0.98 <= gap, "too early: %s" % gaps)
    tracker.expect_closed(10, "a late answer could be taken for the next one's")
    proc.equal(row(database, other)["status"], "pending", "the other one was not claimed for it")
    tracker = bench.tracker(gw, imei).login()
    proc.equal(tracker.exchange(frame(5)), 1, "ACK")
    proc.equal(commands.read(tracker)[1], "next", "the next one, on a new connection")
    commands.answer(tracker, b"here")
    wait_status(database, other, "acked", 5)
    proc.equal(gw.metrics()['telematics_commands_total{outcome="failed"}'], 1, "counted")
    proc.equal(gw.metrics()['telematics_command_attempts_total{event="unanswered"}'], 3, "counted")


def test_late(bench):
    """An answer that comes in the back-off ends the command, which does not run again."""
    database, _, tracker, (imei,) = ground(bench, TELEM_COMMAND_TIMEOUT_MS=1500)
    ident = queue(database, imei, "slow")
    commands.read(tracker)
    wait_status(database, ident, "pending", 10)
    commands.answer(tracker, b"late")
    now = wait_status(database, ident, "acked", 5)
    proc.equal((now["response_text"], now["attempt_count"]), ("late", "1"), "the first attempt")
    proc.equal(messages(database), [], "nothing is kept as unasked")
    # No copy is unanswered, so another one may go on this connection.
    other = queue(database, imei, "next")
    proc.equal(commands.read(tracker)[1], "next", "the next one")
    commands.answer(tracker, b"here")
    wait_status(database, other, "acked", 5)


def test_disconnect(bench):
    """A lost connection counts as an attempt: pending within a second, due at the next connection; the last fails."""
    database, gw, tracker, (imei,) = ground(bench)
    ident = queue(database, imei, "once", max_attempts=2)
    commands.read(tracker)
    tracker.reset()
    now = wait_status(database, ident, "pending", 1)
    proc.equal((now["attempt_count"], now["next_retry_at"]), ("1", ""), "one attempt, due at once")
    tracker = bench.tracker(gw, imei).login()
    proc.equal(tracker.exchange(frame(2)), 1, "ACK")
    proc.equal(commands.read(tracker)[1], "once", "again")
    tracker.close()
    now = wait_status(database, ident, "failed", 1)
    proc.check("connection was lost" in now["error_message"], now["error_message"])


def test_takeover(bench):
    """A tracker that comes back while its old connection still stands gets the command on the new one."""
    database, gw, tracker, (imei,) = ground(bench)
    ident = queue(database, imei, "move")
    commands.read(tracker)
    again = bench.tracker(gw, imei).login()
    proc.equal(again.exchange(frame(3)), 1, "ACK on the new one")
    proc.equal(commands.read(again, 5)[1], "move", "the command on the new one")
    commands.answer(again, b"moved")
    proc.equal(wait_status(database, ident, "acked", 5)["attempt_count"], "2", "two attempts")


def test_expiry(bench):
    """Expiry takes effect within two seconds, for devices that are away too; cancelled only from pending."""
    database, gw, tracker, (imei, away) = ground(bench, 2)
    soon = queue(database, away, "soon", expires_at="now() + interval '1 second'")
    past = queue(database, away, "past", expires_at="now() - interval '1 second'")
    keep = queue(database, away, "keep")
    wait_status(database, past, "expired", 2)
    wait_status(database, soon, "expired", 3)
    proc.equal(row(database, keep)["status"], "pending", "the one without a limit stays")
    database.query("UPDATE device_commands SET status = 'cancelled' WHERE id = %d" % keep)
    ident = queue(database, imei, "sent", expires_at="now() + interval '1 hour'")
    commands.read(tracker)
    try:
        database.query("UPDATE device_commands SET status = 'cancelled' WHERE id = %d" % ident)
        raise AssertionError("a command that was sent could be cancelled")
    except proc.Failure as error:
        proc.check("is sent, it can't become cancelled" in str(error), str(error))
    commands.answer(tracker, b"done")
    wait_status(database, ident, "acked", 5)
    proc.equal(gw.metrics()['telematics_commands_total{outcome="expired"}'], 2, "counted")


def test_entry(bench):
    """Limits are checked where a command enters, with a clear error that doesn't hold the text."""
    database, gw, tracker, (imei,) = ground(bench, TELEM_COMMAND_MAX_LENGTH=20)
    for text, imei_, want in (("", imei, "text is empty"), ("x" * 21, imei, "at most 20"),
                              ("sec\tret", imei, "character 4"), ("secret\u00e4", imei, "character 7"),
                              ("ok", "12345", "15 digits")):
        try:
            database.query("INSERT INTO device_commands (imei, command_text) VALUES ('%s', E'%s')" % (imei_, text))
            raise AssertionError("taken: %r" % text)
        except proc.Failure as error:
            proc.check(want in str(error), "%r: %s" % (text, error))
    ident = queue(database, imei, "y" * 20)
    proc.equal(commands.read(tracker)[1], "y" * 20, "the longest")
    commands.answer(tracker, b"ok")
    wait_status(database, ident, "acked", 5)
    gw.write_conf(TELEM_COMMAND_MAX_LENGTH="300")
    gw.hup()
    proc.wait_until(lambda: database.query("SELECT value FROM telematics_settings WHERE name = 'command_max_length'") == "300", 15,
                    "a reload brings the new limit into SQL")


def test_model(bench):
    """A command in a codec that the device's model may not use fails, and says why; the next one goes."""
    database = bench.database()
    imei, = imeis(1)
    database.query("INSERT INTO device_models (device_model, codec_12) VALUES ('mute', false)")
    database.add_devices([imei], device_model="mute")
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imei).login()
    proc.equal(tracker.exchange(frame()), 1, "ACK")
    refused = queue(database, imei, "twelve")
    ident = queue(database, imei, "fourteen", codec=14)
    proc.equal(commands.read(tracker), (14, "fourteen", imei), "the one that it may use")
    commands.answer(tracker, b"ok", codec=14)
    wait_status(database, ident, "acked", 5)
    now = row(database, refused)
    proc.equal((now["status"], now["attempt_count"]), ("failed", "0"), "the other was never sent")
    proc.check("may not use codec 12" in now["error_message"], now["error_message"])


def test_missed(bench):
    """A notification that was missed is made up for within a few seconds."""
    database, _, tracker, (imei,) = ground(bench)
    database.query("ALTER TABLE device_commands DISABLE TRIGGER telematics_queued")
    ident = queue(database, imei, "unheard")
    proc.equal(commands.read(tracker, 5)[1], "unheard", "it comes all the same")
    commands.answer(tracker, b"ok")
    wait_status(database, ident, "acked", 5)


def test_many(bench):
    """Many at once, for connected devices and for others: each of the connected ones gets its own."""
    count = proc.scaled(200, 50)
    database = bench.database()
    names = imeis(count * 2)
    database.add_devices(names)
    gw = bench.gateway(database)
    trackers = [bench.tracker(gw, i).login() for i in names[:count]]
    for i, t in enumerate(trackers):
        proc.equal(t.exchange(frame(i)), 1, "ACK")
    database.query("INSERT INTO device_commands (imei, command_text) SELECT imei, 'to ' || imei FROM devices")
    for t in trackers:
        proc.equal(commands.read(t)[1], "to " + t.imei, "its own")
        commands.answer(t, t.imei.encode())
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_commands WHERE status = 'acked'"
                                            " AND response_text = imei") == count, 15, "all are answered")
    proc.wait_until(lambda: gw.metrics()['telematics_commands_queued{state="pending"}'] == count, 15,
                    "the rest is queued")


def test_database_away(bench):
    """An answer that comes while the database is away is booked when it is back."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    imei, = imeis(1)
    database.add_devices([imei])
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imei).login()
    proc.equal(tracker.exchange(frame()), 1, "ACK")
    ident = queue(database, imei, "getinfo")
    commands.read(tracker)
    cluster.stop()
    commands.answer(tracker, b"from the dark")
    tracker.taken()
    cluster.start()
    now = wait_status(database, ident, "acked", 20)
    proc.equal((now["response_text"], now["attempt_count"]), ("from the dark", "1"), "once, and booked")


suite.main(globals())
