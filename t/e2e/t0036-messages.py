#!/usr/bin/env python3
"""Codec 12, 13 and 15: what a tracker says unasked is kept in device_messages and gets no ACK."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

RECORD = wire.Record(int(time.time() * 1000), 54.5, 25.5, sats=7)


def test_messages(bench):
    """Each is stored with its text or without, in order; the frame behind it gets its own ACK."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imei).login()
    when = 1700000000
    tracker.send(wire.message(wire.CODEC_12, 6, b"DI1:1 DI2:0\r\n")
                 + wire.message(wire.CODEC_12, 6, b"\x00\x01\xfe\xff")
                 + wire.message(wire.CODEC_13, 6, b"serial", time=when * 1000)
                 + wire.message(wire.CODEC_15, 11, b"rs232", time=when, imei=imei))
    proc.equal(tracker.exchange(wire.frame(8, [RECORD])), 1, "the next ACK is that of the AVL frame")
    rows = "SELECT codec, type, encode(payload, 'hex') FROM device_messages ORDER BY id"
    proc.wait_until(lambda: len(database.rows(rows)) == 4, 5, "four messages are stored")
    proc.equal(database.rows(rows), [
        ["12", "6", b"DI1:1 DI2:0\r\n".hex()], ["12", "6", "0001feff"], ["13", "6", b"serial".hex()],
        ["15", "11", b"rs232".hex()]], "messages")
    proc.equal([r[0] for r in database.rows("SELECT coalesce(replace(text, E'\\r\\n', ''), 'NULL') FROM"
                                            " device_messages ORDER BY id")],
               ["DI1:1 DI2:0", "NULL", "serial", "rs232"], "texts")
    proc.equal(database.query("SELECT count(*) FROM device_messages m JOIN devices d ON d.id = m.device_id"
                              " AND d.imei = m.imei WHERE host(remote_addr) = '127.0.0.1'"), "4", "owners")
    proc.equal(database.query("SELECT extract(epoch FROM message_time)::bigint FROM device_messages"
                              " WHERE codec IN (13, 15)"), "%d\n%d" % (when, when), "times")
    proc.check(not gw.metrics().identity(), "identity: %s" % gw.metrics().identity())


def test_malformed(bench):
    """A message frame whose inside doesn't fit is quarantined, not answered; the connection goes on."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imei).login()
    bad = wire.wrap(b"\x0c\x01\x06\0\0\0\x64short\x01")
    tracker.send(bad)
    proc.equal(tracker.exchange(wire.frame(8, [RECORD])), 1, "the next ACK is that of the AVL frame")
    proc.wait_until(lambda: database.query("SELECT reason, encode(frame, 'hex') FROM device_ingest_raw")
                    == "message\t" + bad.hex(), 5, "it is in quarantine")
    big = wire.message(wire.CODEC_12, 6, b"x" * 60000)
    tracker.send(big)
    proc.equal(tracker.exchange(wire.frame(8, [RECORD] * 2)), 2, "ACK behind a message of 60 kB")
    proc.wait_until(lambda: database.number("SELECT length(payload) FROM device_messages") == 60000, 5,
                    "the long message is stored")


def test_refused(bench):
    """A message that the table refuses goes to quarantine; those beside it are stored."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    database.query("ALTER TABLE device_messages ADD CONSTRAINT odd CHECK (text <> 'bad')")
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imei).login()
    bad = wire.message(wire.CODEC_12, 6, b"bad")
    tracker.send(wire.message(wire.CODEC_12, 6, b"one") + bad + wire.message(wire.CODEC_12, 6, b"two"))
    proc.equal(tracker.exchange(wire.frame(8, [RECORD])), 1, "ACK of the frame behind them")
    proc.wait_until(lambda: database.query("SELECT string_agg(text, ',' ORDER BY id) FROM device_messages")
                    == "one,two", 5, "its neighbours are stored")
    proc.wait_until(lambda: database.query("SELECT reason, attempts, encode(frame, 'hex')"
                                           " FROM device_ingest_raw") == "content\t1\t" + bad.hex(), 5,
                    "it is in quarantine")
    proc.check(not gw.metrics().identity(), "identity: %s" % gw.metrics().identity())


def test_same(bench):
    """The same message many times in one segment: each is kept."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imei).login()
    tracker.send(wire.message(wire.CODEC_12, 6, b"x") * 1000)
    proc.equal(tracker.exchange(wire.frame(8, [RECORD])), 1, "ACK of the frame behind them")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_messages") == 1000, 5,
                    "all are stored")


suite.main(globals())
