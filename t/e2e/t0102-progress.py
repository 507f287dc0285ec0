#!/usr/bin/env python3
"""Long commands say on a terminal how far they are, on a line that is gone at the end; pipes get nothing that is quick.

The database makes them long: a trigger, or a function, that sleeps.
"""
import os
import pty
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite, wire
from lib.fleet import imeis

SLOW = ("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END $$;"
        " CREATE TRIGGER slow BEFORE %s FOR EACH ROW EXECUTE FUNCTION slow()")
TURNS = 12   # of 0.3 s: the line comes after 2 s
ERASE = "\r\033[K"


def on_terminal(bench, *args, database=None):
    """Runs tgctl with stderr on a terminal; returns exit status, stdout and what the terminal was sent."""
    env = dict(os.environ, **gateway.sanitizer_env(bench.folder))
    if database is not None:
        env["DATABASE_URL"] = database.url
    ours, theirs = pty.openpty()
    child = subprocess.Popen([gateway.TGCTL] + list(args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs,
                             env=env, start_new_session=True)
    os.close(theirs)
    sent = []

    def read():
        try:
            while True:
                part = os.read(ours, 4096)
                if not part:
                    return
                sent.append(part)
        except OSError:   # so Linux says that the other end is closed
            return
    reader = threading.Thread(target=read)
    reader.start()
    out = child.communicate(timeout=120 * proc.PATIENCE)[0].decode()
    reader.join()
    os.close(ours)
    return child.returncode, out, b"".join(sent).decode()


def check_line(sent, pattern):
    """The line came, was written over, and is gone at the end."""
    lines = re.findall(r"\r(" + pattern + r")\033\[K", sent)
    proc.check(lines, "no line like %r in %r" % (pattern, sent))
    proc.check(sent.endswith(ERASE), "the line stays: %r" % sent)
    proc.check("\n" not in sent.rstrip(ERASE), "more than one line: %r" % sent)


def test_migrate(bench):
    """tgctl migrate counts its steps of upkeep."""
    database = bench.database()
    database.query("CREATE TABLE turns (n integer); INSERT INTO turns VALUES (%d); GRANT ALL ON turns TO PUBLIC;"
                   " CREATE OR REPLACE FUNCTION telematics_upkeep(retention_days integer, raw_retention_days integer)"
                   " RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3);"
                   " UPDATE turns SET n = n - 1 WHERE n > 0; RETURN FOUND; END $$" % TURNS)
    code, out, sent = on_terminal(bench, "migrate", database=database)
    proc.equal(code, 0, "tgctl migrate: %s%s" % (out, sent))
    check_line(sent, r"\d+ steps of upkeep done")
    proc.equal(database.number("SELECT n FROM turns"), 0, "turns left")
    proc.equal(bench.tgctl("migrate", url=database.url)[2], "", "what a quick one says, to a pipe")


def test_raw_decode(bench):
    """tgctl raw decode --all says how many frames of how many, and how long the rest takes."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    now = int(time.time() * 1000)
    for i in range(TURNS):
        database.query("INSERT INTO device_ingest_raw (imei, reason, frame, frame_hash, received_at, last_seen_at) VALUES"
                       " ('%s', 'structure', '\\x%s', %d, now(), now())"
                       % (imei, wire.frame(8, [wire.Record(now + i, 54.5, 25.5, sats=7)]).hex(), i))
    database.query(SLOW % "UPDATE ON device_ingest_raw")
    code, out, sent = on_terminal(bench, "raw", "decode", "--all", database=database)
    proc.equal(code, 0, "tgctl raw decode: %s%s" % (out, sent))
    check_line(sent, r"\d+ of %d frames decoded, \d+:\d\d left" % TURNS)
    proc.equal(database.number("SELECT count(*) FROM device_ingest_raw WHERE decoded_at IS NOT NULL"), TURNS, "decoded")


def test_replay(bench):
    """tgctl decode --replay says how many bytes it has played; also where the file ends in the middle."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database)
    database.query(SLOW % "INSERT ON device_positions")
    now = int(time.time() * 1000)
    path = os.path.join(bench.folder, "stream.bin")
    for tail, want in ((b"", 0), (b"\0\0\0\0\0", 1)):
        data = wire.imei_packet(imei) + b"".join(
            wire.frame(8, [wire.Record(now + 1000 * len(tail) + i, 54.5, 25.5, sats=7)]) for i in range(TURNS)) + tail
        with open(path, "wb") as f:
            f.write(data)
        code, out, sent = on_terminal(bench, "decode", path, "--replay", "127.0.0.1:%d" % gw.port)
        proc.equal(code, want, "tgctl decode: %s%s" % (out, sent))
        check_line(sent, r"\d+ of %d bytes played, \d+:\d\d left" % len(data))
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 2 * TURNS, "rows")


suite.main(globals())
