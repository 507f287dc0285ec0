#!/usr/bin/env python3
"""Somebody holds a lock: what he holds is put aside, everybody else is served, and afterwards all of it is stored."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import commands, proc, suite, wire
from lib.fleet import imeis

HELD_S = 8
LIMIT_S = 2.0
MANY = 50   # devices that what is held blocks


class Bystander(threading.Thread):
    """A tracker that has nothing to do with the lock: a record every 20 ms, and how long the slowest ACK took."""

    def __init__(self, bench, gateway, imei):
        super().__init__(daemon=True)
        self.tracker = bench.tracker(gateway, imei).login()
        self.over = threading.Event()
        self.slowest, self.acked, self.failure = 0.0, 0, None
        self.base = int(time.time() * 1000)
        self.start()

    def run(self):
        try:
            while not self.over.is_set():
                began = time.monotonic()
                record = wire.Record(self.base + self.acked, 54.5, 25.5, sats=7)
                proc.equal(self.tracker.exchange(wire.frame(8, [record]), 30), 1, "ACK")
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.acked += 1
                time.sleep(0.02)
        except Exception as error:   # pylint: disable=broad-except
            self.failure = error

    def finish(self):
        self.over.set()
        self.join(60)
        proc.check(self.failure is None, "the bystander: %s" % self.failure)
        print("# slowest ACK of the bystander: %.3f s of %d" % (self.slowest, self.acked))
        proc.check(self.slowest <= LIMIT_S * proc.BUSY / 3, "the slowest ACK took %.1f s" % self.slowest)


def blocked(gw, what):
    return gw.metrics()['telematics_blocked{what="%s"}' % what]


def held(seconds, began):
    """Until so many seconds have passed since then."""
    time.sleep(max(0, began + seconds - time.monotonic()))


def setup(bench, trackers, **keys):
    database = bench.database()
    names = imeis(trackers + 1)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_WORKERS=1, **keys)
    return database, gw, names[0], names[1:]


def test_table_of_commands(bench):
    """ACCESS EXCLUSIVE on device_commands, then on device_messages: messages wait, records don't."""
    database, gw, other, names = setup(bench, MANY)
    trackers = [bench.tracker(gw, name).login() for name in names]
    bystander = Bystander(bench, gw, other)
    for number, table in enumerate(("device_commands", "device_messages"), 1):
        lock = database.session(bench.scope)
        began = time.monotonic()
        lock.run("BEGIN; LOCK TABLE %s" % table)
        for tracker in trackers:
            tracker.send(wire.message(12, 6, b"unasked %d" % number))
        proc.wait_until(lambda: blocked(gw, "step") == 1, 10, "the step is put aside")
        for tracker in trackers:
            tracker.send(wire.frame(8, [wire.Record(1700000000000 + number, 54, 25, sats=7)]))
        for tracker in trackers:
            proc.equal(tracker.ack(20), 1, "ACK of their own records")
        held(HELD_S, began)
        lock.run("COMMIT")
        proc.wait_until(lambda: database.number("SELECT count(*) FROM device_messages") == number * MANY, 30,
                        "the messages are kept")
        proc.wait_until(lambda: blocked(gw, "step") == 0, 30, "nothing is put aside")
    bystander.finish()
    proc.check(gw.logged("device_messages or device_commands is blocked"), "a line in the log")
    proc.equal(database.number("SELECT count(*) FROM device_ingest_raw"), 0, "frames in quarantine")


def test_answers(bench):
    """40 answers to commands whose rows somebody holds: put aside in one go, booked when they are free."""
    many = 40
    database, gw, other, names = setup(bench, many)
    trackers = [bench.tracker(gw, name).login() for name in names]
    idents = [commands.queue(database, name, "getinfo") for name in names]
    for tracker in trackers:
        commands.read(tracker, 20)
    bystander = Bystander(bench, gw, other)
    lock = database.session(bench.scope)
    began = time.monotonic()
    lock.run("BEGIN; SELECT FROM device_commands FOR UPDATE")
    for tracker in trackers:
        commands.answer(tracker, b"fine")
    proc.wait_until(lambda: blocked(gw, "command") == many, 10, "the answers are put aside")
    # Their own records do not wait either.
    proc.equal(trackers[3].exchange(wire.frame(8, [wire.Record(1700000000000, 54, 25, sats=7)])), 1, "ACK")
    held(HELD_S, began)
    lock.run("COMMIT")
    for ident in idents:
        row = commands.wait_status(database, ident, "acked", 40)
        proc.equal(row["response_text"], "fine", "the answer")
    bystander.finish()
    proc.equal(database.number("SELECT count(*) FROM device_ingest_raw") + database.number(
        "SELECT count(*) FROM device_messages"), 0, "quarantine and messages")
    proc.wait_until(lambda: blocked(gw, "command") == 0, 30, "nothing is put aside")
    proc.equal(gw.metrics()['telematics_commands_total{outcome="acked"}'], many, "commands acked")


def test_raw_row(bench):
    """One locked row of device_ingest_raw: its frame waits for its ACK, other frames in quarantine don't."""
    database, gw, other, names = setup(bench, 2)
    first, second = (bench.tracker(gw, name).login() for name in names)
    bad = wire.frame(8, [wire.Record(1700000000000, 54, 25, sats=7)], count2=2)
    proc.equal(first.exchange(bad), 1, "ACK of the first")
    bystander = Bystander(bench, gw, other)
    lock = database.session(bench.scope)
    began = time.monotonic()
    lock.run("BEGIN; SELECT FROM device_ingest_raw FOR UPDATE")
    first.send(bad)
    proc.wait_until(lambda: blocked(gw, "raw_frame") == 1, 10, "the frame is put aside")
    proc.equal(second.exchange(bad), 1, "ACK of another device's")
    proc.check(first.silent(), "no ACK of what is not stored")
    held(HELD_S, began)
    proc.check(first.silent(), "no ACK of what is not stored")
    lock.run("COMMIT")
    proc.equal(first.ack(40), 1, "ACK when the row is free")
    bystander.finish()
    proc.equal(database.rows("SELECT imei, attempts FROM device_ingest_raw ORDER BY 1"),
               [[names[0], "2"], [names[1], "1"]], "frames")


def test_raw_rows(bench):
    """The rows of 50 devices in device_ingest_raw: each frame waits, those of another device don't."""
    database, gw, other, names = setup(bench, MANY + 1)
    trackers = [bench.tracker(gw, name).login() for name in names]
    free = trackers.pop()
    bad = wire.frame(8, [wire.Record(1700000000000, 54, 25, sats=7)], count2=2)
    for tracker in trackers:
        proc.equal(tracker.exchange(bad), 1, "ACK of the first")
    bystander = Bystander(bench, gw, other)
    lock = database.session(bench.scope)
    began = time.monotonic()
    lock.run("BEGIN; SELECT FROM device_ingest_raw FOR UPDATE")
    for tracker in trackers:
        tracker.send(bad)
    proc.wait_until(lambda: blocked(gw, "raw_frame") == MANY, 10, "the frames are put aside")
    proc.equal(free.exchange(bad), 1, "ACK of another device's")
    held(HELD_S, began)
    proc.check(all(t.silent() for t in trackers), "no ACK of what is not stored")
    lock.run("COMMIT")
    for tracker in trackers:
        proc.equal(tracker.ack(40), 1, "ACK when the row is free")
    bystander.finish()
    proc.equal(database.number("SELECT count(*) FROM device_ingest_raw WHERE attempts = 2"), MANY, "frames seen twice")


def rows_of(n):
    return [wire.Record(1700000000000 + i * 1000, 54, 25, sats=7) for i in range(n)]


def test_histories(bench):
    """An open DELETE of the histories of 50 devices, which send their records again and new ones."""
    many = MANY
    database, gw, other, names = setup(bench, many)
    for name in names:
        tracker = bench.tracker(gw, name).login()
        proc.equal(tracker.exchange(wire.frame(8, rows_of(3))), 3, "ACK")
        tracker.close()
    bystander = Bystander(bench, gw, other)
    lock = database.session(bench.scope)
    began = time.monotonic()
    lock.run("BEGIN; DELETE FROM device_positions WHERE recorded_at < now() - interval '1 day'")
    trackers = [bench.tracker(gw, name).login() for name in names]
    for tracker in trackers:
        tracker.send(wire.frame(8, rows_of(3)))
        tracker.send(wire.frame(8, rows_of(5)[3:]))
    proc.wait_until(lambda: blocked(gw, "device") == many, 10, "the devices are put aside")
    held(HELD_S, began)
    proc.check(all(t.silent() for t in trackers), "no ACK of what is not stored")
    # Some go away meanwhile.
    for tracker in trackers[:10]:
        tracker.reset()
    lock.run("COMMIT")
    for tracker in trackers[10:]:
        proc.equal((tracker.ack(40), tracker.ack(40)), (3, 2), "ACKs in order")
    bystander.finish()
    proc.wait_until(lambda: blocked(gw, "device") == 0, 30, "nothing is put aside")
    proc.equal(database.number("SELECT count(*) FROM device_positions WHERE recorded_at < now() - interval '1 day'"
                               " AND device_id IN (SELECT id FROM devices WHERE imei >= '%s')" % names[10]), 5 * (many - 10),
               "their records")
    proc.equal(database.number("SELECT count(*) FROM device_ingest_raw"), 0, "frames in quarantine")

    proc.wait_until(lambda: gw.metrics().in_flight() == 0, 20, "nothing is in flight")
    proc.equal(gw.metrics().identity(), None, "received = stored + duplicate + quarantined + refused")


def test_all_at_once(bench):
    """All four: both tables, the rows of 50 devices in quarantine and an open DELETE of their histories."""
    database, gw, other, names = setup(bench, MANY)
    trackers = [bench.tracker(gw, name).login() for name in names]
    bad = wire.frame(8, [wire.Record(1700000009000, 54, 25, sats=7)], count2=2)
    for tracker in trackers:
        proc.equal((tracker.exchange(wire.frame(8, rows_of(3))), tracker.exchange(bad)), (3, 1), "ACKs")
    bystander = Bystander(bench, gw, other)
    locks = [database.session(bench.scope) for _ in range(4)]
    began = time.monotonic()
    locks[0].run("BEGIN; LOCK TABLE device_commands")
    locks[1].run("BEGIN; LOCK TABLE device_messages")
    locks[2].run("BEGIN; SELECT FROM device_ingest_raw FOR UPDATE")
    locks[3].run("BEGIN; DELETE FROM device_positions WHERE recorded_at < now() - interval '1 day'")
    for tracker in trackers:
        tracker.send(wire.message(12, 6, b"unasked"))
        tracker.send(bad)
        tracker.send(wire.frame(8, rows_of(3)))
    for what, number in (("step", 1), ("device", MANY), ("raw_frame", MANY)):
        proc.wait_until(lambda what=what, number=number: blocked(gw, what) == number, 20, "put aside: " + what)
    held(HELD_S, began)
    proc.check(all(t.silent() for t in trackers), "no ACK of what is not stored")
    for lock in locks:
        lock.run("ROLLBACK")
    for tracker in trackers:
        proc.equal((tracker.ack(40), tracker.ack(40)), (1, 3), "ACKs in order")
    bystander.finish()
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_messages") == MANY, 30, "the messages are kept")
    for what in ("step", "device", "raw_frame"):
        proc.wait_until(lambda what=what: blocked(gw, what) == 0, 30, "nothing is put aside: " + what)
    proc.wait_until(lambda: gw.metrics().in_flight() == 0, 20, "nothing is in flight")
    proc.equal(gw.metrics().identity(), None, "received = stored + duplicate + quarantined + refused")


def test_partition(bench):
    """ACCESS EXCLUSIVE on the partition of one day, and an insert of a record's key that is not committed."""
    database, gw, other, names = setup(bench, 3)
    day = time.strftime("%Y%m%d", time.gmtime(time.time() - 5 * 86400))
    then = int(time.time() * 1000) - 5 * 86400 * 1000
    trackers = [bench.tracker(gw, name).login() for name in names]
    bystander = Bystander(bench, gw, other)
    lock = database.session(bench.scope)
    began = time.monotonic()
    lock.run("BEGIN; LOCK TABLE device_positions_%s" % day)
    trackers[0].send(wire.frame(8, [wire.Record(then, 54, 25, sats=7)]))
    proc.wait_until(lambda: blocked(gw, "day") == 1, 10, "the day is put aside")
    proc.equal(trackers[1].exchange(wire.frame(8, [wire.Record(then + 86400000, 54, 25, sats=7)])), 1, "another day's ACK")
    held(HELD_S, began)
    proc.check(trackers[0].silent(), "no ACK of what is not stored")
    lock.run("COMMIT")
    proc.equal(trackers[0].ack(40), 1, "ACK when it is free")
    # The same record by somebody whose transaction is open.
    lock.run("BEGIN; INSERT INTO device_positions SELECT d.id, recorded_at, record_hash, received_at, latitude, longitude,"
             " heading, speed, event_io_id, altitude, satellites, priority, codec, generation_type, valid, io FROM"
             " device_positions, devices d WHERE d.imei = '%s' AND recorded_at = to_timestamp(%d / 1000.0)" % (names[2], then))
    began = time.monotonic()
    trackers[2].send(wire.frame(8, [wire.Record(then, 54, 25, sats=7)]))
    proc.wait_until(lambda: blocked(gw, "device") == 1, 10, "the device is put aside")
    held(HELD_S, began)
    lock.run("ROLLBACK")
    proc.equal(trackers[2].ack(40), 1, "ACK when it is free")
    bystander.finish()


def test_live_row(bench):
    """One locked row of device_online: the live rows and sessions of all others go on."""
    database, gw, other, names = setup(bench, 1)
    tracker = bench.tracker(gw, names[0]).login()
    proc.equal(tracker.exchange(wire.frame(8, rows_of(1))), 1, "ACK")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_online") == 1, 20, "a live row")
    lock = database.session(bench.scope)
    lock.run("BEGIN; SELECT FROM device_online FOR UPDATE")
    proc.equal(tracker.exchange(wire.frame(8, rows_of(2)[1:])), 1, "ACK")
    proc.wait_until(lambda: blocked(gw, "live_row") == 1, 10, "the row is left out")
    late = bench.tracker(gw, other).login()
    began = time.monotonic()
    proc.equal(late.exchange(wire.frame(8, rows_of(1))), 1, "ACK")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_online WHERE online AND recorded_at IS NOT NULL"
                                            " AND device_id = (SELECT id FROM devices WHERE imei = '%s')" % other) == 1,
                    20, "another live row")
    proc.check(time.monotonic() - began < 3 * proc.BUSY, "it took %.1f s" % (time.monotonic() - began))
    lock.run("COMMIT")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_online WHERE recorded_at = to_timestamp(1700000001)")
                    == 1, 20, "the row that was locked")


suite.main(globals())
