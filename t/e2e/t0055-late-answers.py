#!/usr/bin/env python3
"""Answers that come late, on another connection, in another form; attempts of which no byte went out.

What was answered never runs again, and what did not go out does not count.
"""
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import commands, proc, suite, wire
from lib.commands import queue, row, wait_status
from lib.fleet import imeis


def frame(n=0):
    return wire.frame(8, [wire.Record(int(time.time() * 1000) + n * 1000, 54.5, 25.5, sats=7)])


def ground(bench, **keys):
    """A gateway and one device, connected and acknowledged once."""
    database = bench.database()
    (imei,) = imeis(1)
    database.add_devices([imei])
    keys.setdefault("TELEM_COMMAND_TIMEOUT_MS", 1000)
    gw = bench.gateway(database, **keys)
    return database, gw, connect(bench, gw, imei), imei


def connect(bench, gw, imei, n=0):
    tracker = bench.tracker(gw, imei).login()
    proc.equal(tracker.exchange(frame(n)), 1, "ACK of the first frame")
    return tracker


def unasked(database):
    return database.number("SELECT count(*) FROM device_messages")


def test_last_attempt(bench):
    """A second after the time-out of the only attempt: failed becomes acked."""
    database, _, tracker, imei = ground(bench)
    ident = queue(database, imei, "slow", max_attempts=1)
    commands.read(tracker)
    wait_status(database, ident, "failed", 10)
    commands.answer(tracker, b"at last")
    now = wait_status(database, ident, "acked", 5)
    proc.equal((now["response_text"], now["error_message"]), ("at last", ""), "its answer")
    proc.equal(unasked(database), 0, "messages that nobody asked for")


def test_next_connection(bench):
    """On the next connection, before anything was sent there: it ends what timed out."""
    database, gw, tracker, imei = ground(bench, TELEM_COMMAND_TIMEOUT_MS=60000)
    ident = queue(database, imei, "slow", max_attempts=1)
    commands.read(tracker)
    tracker.reset()
    proc.check("no answer" in wait_status(database, ident, "failed", 5)["error_message"], "why it failed")
    tracker = bench.tracker(gw, imei).login()
    commands.answer(tracker, b"from before")
    proc.equal(wait_status(database, ident, "acked", 5)["response_text"], "from before", "its answer")
    # The same once more answers nothing, and an answer after something was sent belongs to that.
    commands.answer(tracker, b"from before, again")
    proc.wait_until(lambda: unasked(database) == 1, 5, "kept as unasked")
    proc.equal(tracker.exchange(frame(1)), 1, "ACK")
    other = queue(database, imei, "new")
    proc.equal(commands.read(tracker)[1], "new", "the next command")
    commands.answer(tracker, b"to the new one")
    proc.equal(wait_status(database, other, "acked", 5)["response_text"], "to the new one", "its answer")
    proc.equal(row(database, ident)["response_text"], "from before", "that of the first stays")


def test_two_at_once(bench):
    """Two answers in one piece on the next connection: the first ends the command, the other is kept."""
    database, gw, tracker, imei = ground(bench, TELEM_COMMAND_TIMEOUT_MS=60000)
    ident = queue(database, imei, "slow", max_attempts=1)
    commands.read(tracker)
    tracker.reset()
    wait_status(database, ident, "failed", 5)
    tracker = bench.tracker(gw, imei).login()
    tracker.send(wire.message(12, 6, b"one") + wire.message(12, 6, b"two"))
    proc.equal(wait_status(database, ident, "acked", 5)["response_text"], "one", "its answer")
    proc.wait_until(lambda: database.query("SELECT text FROM device_messages") == "two", 5, "the other is kept")


def test_two_copies(bench):
    """Sent twice, answered twice: the second answer is not taken for that of the next command."""
    database, gw, tracker, imei = ground(bench, TELEM_COMMAND_TIMEOUT_MS=500)
    ident = queue(database, imei, "twice")
    commands.read(tracker)
    proc.equal(commands.read(tracker)[1], "twice", "the second copy")
    commands.answer(tracker, b"first")
    commands.answer(tracker, b"second")
    proc.equal(wait_status(database, ident, "acked", 5)["response_text"], "first", "the first will do")
    proc.wait_until(lambda: unasked(database) == 1, 5, "the other is kept as unasked")
    other = queue(database, imei, "next")
    proc.equal(commands.read(tracker)[1], "next", "on the same connection")
    commands.answer(tracker, b"mine")
    proc.equal(wait_status(database, other, "acked", 5)["response_text"], "mine", "its answer")
    del gw


def test_nothing_went_out(bench):
    """Links that are reset right behind their frame use up no attempt before a byte could go out."""
    database, gw, tracker, imei = ground(bench)
    tracker.close()
    ident = queue(database, imei, "patient", max_attempts=2)
    for n in range(5):
        hasty = bench.tracker(gw, imei).login()
        # It sends its frame and resets: what the gateway writes behind the ACK goes nowhere.
        hasty.send(frame(n))
        hasty.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        hasty.sock.close()
        proc.wait_until(lambda: row(database, ident)["status"] == "pending", 10, "due again")
    before = int(row(database, ident)["attempt_count"])
    proc.check(before < 2, "attempts used up: %d" % before)
    tracker = connect(bench, gw, imei, 9)
    proc.equal(commands.read(tracker)[1], "patient", "it is sent after all")
    commands.answer(tracker, b"done")
    proc.equal(int(wait_status(database, ident, "acked", 5)["attempt_count"]), before + 1, "attempts")


def test_text(bench):
    """Answers in UTF-8, or with NULs at the end, are text; others are hex."""
    database, _, tracker, imei = ground(bench, TELEM_COMMAND_TIMEOUT_MS=20000)
    for payload, text in (("Vilnius, Žirmūnų 1".encode(), "Vilnius, Žirmūnų 1"), (b"OK\0", "OK"),
                          (b"OK\r\n\0", "OK\r\n"), (b"\x01\x02", ""), (b"a\xc2\x9bb", "")):
        ident = queue(database, imei, "say")
        commands.read(tracker)
        commands.answer(tracker, payload)
        wait_status(database, ident, "acked", 5)
        proc.equal(database.query("SELECT coalesce(encode(convert_to(response_text, 'UTF8'), 'hex'), 'null')"
                                  " FROM device_commands WHERE id = %d" % ident),
                   text.encode().hex() if text else "null", "text of %r" % payload)


def test_codec_13(bench):
    """With "message timestamp" the answer to a Codec 12 command comes in Codec 13."""
    database, _, tracker, imei = ground(bench, TELEM_COMMAND_TIMEOUT_MS=20000)
    ident = queue(database, imei, "getinfo")
    commands.read(tracker)
    commands.answer(tracker, b"INI:2026/11/30", codec=13)
    proc.equal(wait_status(database, ident, "acked", 5)["response_text"], "INI:2026/11/30", "its answer")


suite.main(globals())
