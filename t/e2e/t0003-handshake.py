#!/usr/bin/env python3
"""Who may connect: the devices table decides, at once, and refusals are on record."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

RECORD = wire.Record(int(time.time() * 1000), 54.5, 25.5, sats=7)


def ask(bench, gw, imei):
    """One try of a tracker: the gateway's answer; b'' if it closed without one."""
    tracker = bench.tracker(gw, imei)
    try:
        return tracker.handshake()
    except proc.Failure as failure:
        if "closed" in str(failure) or "reset" in str(failure):
            return b""
        raise
    finally:
        tracker.close()


def refused(database, imei):
    rows = database.rows("SELECT reason, attempts, host(last_remote_addr), first_seen_at <= last_seen_at"
                         " FROM rejected_devices WHERE imei = '%s'" % imei)
    return rows[0] if rows else None


@suite.quick
def test_unknown(bench):
    """An unknown IMEI gets 00 and is on record within 2 s; added, it is accepted at its next try."""
    database = bench.database()
    gw = bench.gateway(database)
    imei = imeis(1)[0]
    tracker = bench.tracker(gw, imei)
    proc.equal(tracker.handshake(), b"\x00", "answer to an unknown IMEI")
    tracker.expect_closed(5, "after 00")
    proc.wait_until(lambda: refused(database, imei), 2, "the refusal is in rejected_devices")
    proc.equal(refused(database, imei), ["unknown", "1", "127.0.0.1", "t"], "rejected_devices")
    proc.equal(ask(bench, gw, imei), b"\x00", "second try")
    proc.wait_until(lambda: refused(database, imei)[1] == "2", 2, "two attempts on record")
    database.add_devices([imei])
    proc.wait_until(lambda: ask(bench, gw, imei) == b"\x01", 1, "the new row takes effect")
    proc.check(refused(database, imei), "the refusal stays on record")
    metrics = gw.metrics()
    proc.check(metrics['telematics_imei_rejected_total{reason="unknown"}'] >= 2, "rejections counted")
    proc.check(gw.logged(imei), "the log names the IMEI")


def test_disabled(bench):
    """A disabled device gets 00; enabled it is accepted; disabling and deleting close its session."""
    database = bench.database()
    imei, other = imeis(2)
    database.add_devices([imei], enabled="false")
    database.add_devices([other])
    gw = bench.gateway(database)
    proc.equal(ask(bench, gw, imei), b"\x00", "answer to a disabled device")
    proc.wait_until(lambda: refused(database, imei), 2, "the refusal is in rejected_devices")
    proc.equal(refused(database, imei)[0], "disabled", "reason")
    bystander = bench.tracker(gw, other).login()
    for change in ("UPDATE devices SET enabled = false WHERE imei = '%s'",
                   "DELETE FROM devices WHERE imei = '%s'",
                   "UPDATE devices SET imei = '990000000000001' WHERE imei = '%s'"):
        database.query("INSERT INTO devices (imei) VALUES ('%s')"
                       " ON CONFLICT (imei) DO UPDATE SET enabled = true" % imei)
        proc.wait_until(lambda: ask(bench, gw, imei) == b"\x01", 1, "the device is accepted")
        live = bench.tracker(gw, imei).login()
        database.query(change % imei)
        proc.wait_until(live.is_closed, 1, "its session is closed after: " + change)
        proc.equal(ask(bench, gw, imei), b"\x00", "answer after: " + change)
    proc.equal(bystander.exchange(wire.frame(wire.CODEC_8, [RECORD])), 1, "the other's session")


def test_bulk(bench):
    """A change of thousands of rows in one statement takes effect as a single one does."""
    database = bench.database()
    many = imeis(3000)
    database.add_devices(many)
    gw = bench.gateway(database)
    live = [bench.tracker(gw, i).login() for i in many[:20]]
    database.query("UPDATE devices SET enabled = false WHERE imei >= '%s'" % many[10])
    proc.wait_until(lambda: all(t.is_closed() for t in live[10:]), 3, "ten sessions are closed")
    proc.check(not any(t.is_closed() for t in live[:10]), "the others stay")
    proc.equal(ask(bench, gw, many[2999]), b"\x00", "a disabled one")
    database.query("UPDATE devices SET enabled = true")
    proc.wait_until(lambda: ask(bench, gw, many[2999]) == b"\x01", 3, "enabled again")


def test_missed_notification(bench):
    """A notification that never came is made up for: a miss asks the database, a lost listener reloads."""
    database = bench.database()
    imei, other = imeis(2)
    database.add_devices([imei])
    gw = bench.gateway(database)
    live = bench.tracker(gw, imei).login()
    database.query("ALTER TABLE devices DISABLE TRIGGER USER; INSERT INTO devices (imei) VALUES ('%s');"
                   " UPDATE devices SET enabled = false WHERE imei = '%s'" % (other, imei))
    proc.wait_until(lambda: ask(bench, gw, other) == b"\x01", 5, "the new row is found")
    proc.check(not live.is_closed(), "nobody told of the disabled one")
    database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                   " WHERE datname = current_database() AND pid <> pg_backend_pid()")
    proc.wait_until(live.is_closed, 10, "the reload after a lost listener closes its session")


def test_malformed(bench):
    """What is no IMEI is closed without an answer, as soon as its bytes tell."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database)
    bad = {"14 digits": b"\0\x0e35000000000000", "16 digits": b"\0\x103500000000000000",
           "letters": b"\0\x0f35000000000000A", "a web scanner": b"GET / HTTP/1.1\r\n\r\n",
           "TLS": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "a frame": wire.frame(8, [RECORD]),
           "length 0": b"\0\0", "blank": b"\0\x0f" + b" " * 15}
    for what, data in bad.items():
        tracker = bench.tracker(gw, "?")
        tracker.send(data)
        tracker.expect_closed(5, what)
    counted = gw.metrics()['telematics_imei_rejected_total{reason="malformed"}']
    proc.equal(counted, len(bad), "malformed handshakes counted")
    proc.check(gw.logged(r"127\.0\.0\.1:\d+"), "the log names the peer")
    proc.equal(database.number("SELECT count(*) FROM rejected_devices"), 0, "rows in rejected_devices")


def test_allow_unknown(bench):
    """TELEM_GATEWAY_ALLOW_UNKNOWN_IMEI=true adds a row with the IMEI alone; a disabled device stays out."""
    database = bench.database()
    imei, other = imeis(2)
    database.add_devices([other], enabled="false")
    gw = bench.gateway(database, TELEM_GATEWAY_ALLOW_UNKNOWN_IMEI="true")
    tracker = bench.tracker(gw, imei).login()
    proc.equal(tracker.exchange(wire.frame(wire.CODEC_8, [RECORD])), 1, "ACK")
    proc.equal(database.query("SELECT enabled, device_model IS NULL FROM devices WHERE imei = '%s'" % imei),
               "t\tt", "the row of the unknown")
    proc.equal(ask(bench, gw, other), b"\x00", "answer to the disabled device")
    many = imeis(40, 860000000000000)
    waiting = [bench.tracker(gw, i) for i in many]
    for t in waiting:
        t.send(wire.imei_packet(t.imei))
    proc.equal([t.read(1) for t in waiting], [b"\x01"] * 40, "answers to forty at once")
    proc.equal(database.number("SELECT count(*) FROM devices"), 42, "rows of devices")


def test_scanner(bench):
    """Thousands of invented IMEIs leave the gateway serving and the ledger bounded in memory."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database)
    good = bench.tracker(gw, imeis(1)[0]).login()
    n = proc.scaled(30) * 100
    for i in range(0, n, 100):
        batch = [bench.tracker(gw, "%015d" % (10 ** 14 + i + k)) for k in range(100)]
        for t in batch:
            t.send(wire.imei_packet(t.imei))
        for t in batch:
            proc.equal(t.read(1), b"\x00", "answer")
            t.close()
    proc.equal(good.exchange(wire.frame(wire.CODEC_8, [RECORD])), 1, "a known one is served")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM rejected_devices") > 0, 5, "the ledger")
    proc.wait_until(lambda: gw.metrics()['telematics_imei_rejected_total{reason="unknown"}'] == n, 5,
                    "all are counted")


suite.main(globals())
