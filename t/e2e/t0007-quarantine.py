#!/usr/bin/env python3
"""Poison: a frame that can't be stored is kept in quarantine and doesn't block its tracker for ever."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

NOW = int(time.time() * 1000)


def record(i=0, **more):
    return wire.Record(NOW - 10 ** 6 + i * 1000, 54.5, 25.5, sats=7, **more)


def setup(bench, devices=1, **keys):
    database = bench.database()
    database.add_devices(imeis(devices))
    return database, bench.gateway(database, **keys)


def quarantine(database, imei=None):
    return database.rows("SELECT r.reason, r.attempts, encode(r.frame, 'hex'), r.device_id = d.id,"
                         " host(r.remote_addr), r.decoded_at IS NULL FROM device_ingest_raw r"
                         " LEFT JOIN devices d ON d.imei = r.imei WHERE r.imei = '%s'"
                         " ORDER BY r.id" % (imei or imeis(1)[0]))


def consistent(gw):
    wrong = gw.metrics().identity()
    proc.check(not wrong, "identity of the metrics: %s" % wrong)


@suite.quick
def test_undecodable(bench):
    """Good CRC, but counts that differ or records that don't fit: kept, ACKed in full, counted up."""
    database, gw = setup(bench)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    count = wire.frame(wire.CODEC_8, [record(0), record(1)], count2=3)
    cut = wire.wrap(bytes([wire.CODEC_8E, 3]) + record(2).encode(wire.CODEC_8E) + b"\x03")
    more = wire.wrap(bytes([wire.CODEC_16, 1]) + record(3).encode(wire.CODEC_16) + b"xyz\x01")
    proc.equal(tracker.exchange(count), 2, "ACK of the frame whose counts differ")
    proc.equal(tracker.exchange(cut), 3, "ACK of the frame that is too short")
    proc.equal(tracker.exchange(more), 1, "ACK of the frame that is too long")
    want = [["count", "1", count.hex()], ["structure", "1", cut.hex()], ["structure", "1", more.hex()]]
    proc.equal(quarantine(database), [w + ["t", "127.0.0.1", "t"] for w in want], "quarantine")
    proc.equal(tracker.exchange(count), 2, "ACK of the same again")
    proc.equal([r[:2] for r in quarantine(database)],
               [["count", "2"], ["structure", "1"], ["structure", "1"]], "only the attempts go up")
    proc.equal(tracker.exchange(wire.frame(8, [record(4)])), 1, "the next good frame")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 1, "rows")
    metrics = gw.metrics()
    proc.equal(metrics['telematics_parse_errors_total{reason="count"}'], 2, "count errors")
    proc.equal(metrics['telematics_parse_errors_total{reason="structure"}'], 2, "structure errors")
    proc.equal((metrics.outcome("quarantined"), metrics.outcome("stored")), (8, 1), "outcomes")
    proc.check(gw.logged(r"127\.0\.0\.1:\d+.*%s|%s.*127\.0\.0\.1:\d+" % ((imeis(1)[0],) * 2)),
               "the log names address and IMEI")
    consistent(gw)


def test_crc(bench):
    """A wrong CRC closes without ACK; the third time, over connections and workers, it is kept and ACKed."""
    database, gw = setup(bench, 2, TELEM_WORKERS=3, TELEM_INGEST_RAW="off")
    bad = wire.bad_crc(wire.frame(wire.CODEC_8, [record(0), record(1)]))
    for i in range(2):
        tracker = bench.tracker(gw, imeis(1)[0]).login()
        tracker.send(bad)
        tracker.expect_closed(5, "time %d" % (i + 1))
    other = bench.tracker(gw, imeis(2)[1]).login()
    other.send(bad)
    other.expect_closed(5, "the first time of another device")
    for pid in gw.workers():
        os.kill(pid, 9)   # the count outlives the workers
    proc.wait_until(gw.all_accept, 10, "replacements accept")
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    proc.equal(tracker.exchange(bad), 2, "ACK at the third time")
    proc.equal([r[0] for r in quarantine(database)], ["crc"], "quarantine")
    proc.equal(quarantine(database)[0][2], bad.hex(), "the frame as it came")
    proc.equal(tracker.exchange(wire.frame(8, [record(0), record(1)])), 2, "the frame without noise")
    proc.equal(quarantine(database, imeis(2)[1]), [], "quarantine of the other")
    proc.equal(gw.metrics()['telematics_parse_errors_total{reason="crc"}'], 4, "CRC errors counted")
    consistent(gw)


def test_debug_copies(bench):
    """TELEM_INGEST_RAW: `errors` keeps a frame with a wrong CRC at its first time, `all` keeps each frame."""
    database, gw = setup(bench)
    bad = wire.bad_crc(wire.frame(8, [record(0)]))
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    tracker.send(bad)
    tracker.expect_closed(5, "a wrong CRC")
    proc.wait_until(lambda: [r[:3] for r in quarantine(database)] == [["raw", "1", bad.hex()]], 5,
                    "its copy is kept")
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    proc.equal(tracker.exchange(wire.frame(8, [record(1)])), 1, "ACK")
    proc.equal(len(quarantine(database)), 1, "copies kept by default")
    metrics = gw.metrics()
    proc.equal((metrics.received(), metrics.outcome("quarantined")), (1, 0), "a copy is no quarantine")
    gw.stop()
    gw.write_conf(TELEM_INGEST_RAW="all")
    gw.start()
    good = wire.frame(wire.CODEC_8E, [record(2)])
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    proc.equal(tracker.exchange(good), 1, "ACK")
    proc.wait_until(lambda: ["raw", "1", good.hex()] in [r[:3] for r in quarantine(database)], 5,
                    "the copy of a good frame is kept")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 2, "rows")
    consistent(gw)


def test_unknown_codec(bench):
    """A codec nobody knows is kept and not answered; the connection goes on."""
    database, gw = setup(bench)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    strange = wire.wrap(bytes([0x55, 2]) + b"whatever it is" + b"\x02")
    tracker.send(strange)
    # Were it answered, the answer would come before this one.
    proc.equal(tracker.exchange(wire.frame(8, [record(i) for i in range(5)])), 5, "the next frame's ACK")
    proc.wait_until(lambda: quarantine(database), 5, "it is in quarantine")
    proc.equal(quarantine(database)[0][:3], ["unknown_codec", "1", strange.hex()], "quarantine")
    proc.equal(gw.metrics()["telematics_unknown_codec_packets_total"], 1, "counted")
    consistent(gw)


def test_model(bench):
    """A codec that the device's model may not use is kept and ACKed; the others are stored."""
    database = bench.database()
    database.query("INSERT INTO device_models (device_model, codec_8e) VALUES ('FM1100', false)")
    database.add_devices(imeis(1), device_model="FM1100")
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    proc.equal(tracker.exchange(wire.frame(wire.CODEC_8E, [record(0)] * 2)), 2, "ACK of 8E")
    proc.equal(tracker.exchange(wire.frame(wire.CODEC_8, [record(1)])), 1, "ACK of 8")
    proc.equal([r[0] for r in quarantine(database)], ["codec"], "quarantine")
    proc.equal(database.query("SELECT codec FROM device_positions"), "8", "rows")
    database.query("UPDATE device_models SET codec_8e = true")

    def allowed():
        tracker = bench.tracker(gw, imeis(1)[0]).login()
        proc.equal(tracker.exchange(wire.frame(wire.CODEC_8E, [record(2)])), 1, "ACK of 8E")
        return database.number("SELECT count(*) FROM device_positions WHERE codec = 142") == 1
    proc.wait_until(allowed, 5, "the changed model takes effect")
    consistent(gw)


def test_framing(bench):
    """A wrong preamble or an impossible length closes at once, without waiting for the bytes."""
    database, gw = setup(bench)
    for what, head in (("length 2", b"\0\0\0\0\0\0\0\x02"), ("length 0", bytes(8)),
                       ("length 64 KiB + 1", b"\0\0\0\0\0\x01\0\x01"), ("4 GiB", bytes(4) + b"\xff" * 4),
                       ("17 KiB of codec 8", b"\0\0\0\0\0\0\x44\0\x08"), ("preamble", b"\0\0\0\x01"),
                       ("a letter", b"\0\0G")):
        tracker = bench.tracker(gw, imeis(1)[0]).login()
        tracker.send(head)
        tracker.expect_closed(3, what)
    metrics = gw.metrics()
    proc.equal(metrics['telematics_parse_errors_total{reason="length"}'], 5, "length errors")
    proc.equal(metrics['telematics_parse_errors_total{reason="preamble"}'], 2, "preamble errors")


def test_refused_row(bench):
    """A row the database refuses for its content goes to quarantine alone; its neighbours are stored."""
    database, gw = setup(bench, 3)
    database.query("ALTER TABLE device_positions ADD CONSTRAINT telematics_record_not_77 CHECK (speed <> 77) NOT VALID")
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_positions IN ACCESS EXCLUSIVE MODE")
    trackers = [bench.tracker(gw, i).login() for i in imeis(3)]
    bad = wire.frame(wire.CODEC_8, [record(0), record(1, speed=77), record(2)])
    trackers[0].send(wire.frame(wire.CODEC_8, [record(10), record(11)]) + wire.frame(8, [record(12)]))
    trackers[1].send(wire.frame(wire.CODEC_8, [record(20)]) + bad + wire.frame(16, [record(21)]))
    trackers[2].send(wire.frame(wire.CODEC_8E, [record(30)] * 4))
    proc.wait_until(lambda: gw.metrics().in_flight() == 12, 5, "all are in flight")
    lock.run("COMMIT")
    proc.equal([trackers[0].ack(), trackers[0].ack()], [2, 1], "ACKs of the first")
    proc.equal([trackers[1].ack() for _ in range(3)], [1, 3, 1], "ACKs of the one with the bad frame")
    proc.equal(trackers[2].ack(), 4, "ACK of the third")
    proc.equal([r[:3] for r in quarantine(database, imeis(3)[1])], [["content", "1", bad.hex()]],
               "quarantine")
    proc.equal(database.number("SELECT count(*) FROM device_ingest_raw"), 1, "rows in quarantine")
    proc.equal(database.number("SELECT count(*) FROM device_positions WHERE (extract(epoch from"
                               " recorded_at) * 1000)::bigint NOT BETWEEN %d AND %d"
                               % (record(0).ts, record(2).ts)), 6, "neighbours stored")
    proc.equal(trackers[1].exchange(bad), 3, "ACK of the same again")
    proc.equal(quarantine(database, imeis(3)[1])[0][1], "2", "only its attempts go up")
    proc.equal(gw.readyz()[0], 200, "/readyz: the environment is well")
    consistent(gw)


def test_many_refused(bench):
    """A batch full of refused rows ends too, in bounded time, every frame ACKed."""
    database, gw = setup(bench, 20)
    database.query("ALTER TABLE device_positions ADD CONSTRAINT telematics_record_odd CHECK (speed % 2 = 0) NOT VALID")
    trackers = [bench.tracker(gw, i).login() for i in imeis(20)]
    for k, tracker in enumerate(trackers):
        for i in range(10):
            tracker.send(wire.frame(8, [record(1000 * k + 10 * i + n, speed=i) for n in range(5)]))
    for tracker in trackers:
        proc.equal([tracker.ack(60) for _ in range(10)], [5] * 10, "ACKs")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 500, "rows")
    proc.equal(database.number("SELECT count(*) FROM device_ingest_raw"), 100, "frames in quarantine")
    consistent(gw)


def test_refused_twice(bench):
    """Two frames of one batch hold the refused record: neither is answered before both are kept."""
    database, gw = setup(bench)
    database.query("ALTER TABLE device_positions ADD CONSTRAINT telematics_record_not_77 CHECK (speed <> 77) NOT VALID")
    lock = database.session(bench.scope)
    lock.run("BEGIN")
    lock.run("LOCK TABLE device_ingest_raw IN ACCESS EXCLUSIVE MODE")
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    tracker.send(wire.frame(wire.CODEC_8, [record(5), record(6, speed=77)])
                 + wire.frame(wire.CODEC_8, [record(1), record(6, speed=77)]))
    proc.wait_until(lambda: database.number(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"), 20, "the quarantine waits for our lock")
    proc.check(tracker.silent(), "an ACK for a record that stands nowhere")
    lock.run("COMMIT")
    proc.equal([tracker.ack(), tracker.ack()], [2, 2], "ACKs")
    proc.equal(database.number("SELECT count(*) FROM device_ingest_raw"), 2, "frames in quarantine")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 2, "rows")
    metrics = gw.metrics()
    proc.equal((metrics.outcome("quarantined"), metrics.outcome("stored")), (2, 2), "outcomes")
    consistent(gw)


def test_crc_shared_answer(bench):
    """A frame with a wrong CRC, kept at its third time, shares its answer with the same one behind it."""
    database, gw = setup(bench)
    bad = wire.bad_crc(wire.frame(wire.CODEC_8, [record(0), record(1)]))
    for i in range(2):
        tracker = bench.tracker(gw, imeis(1)[0]).login()
        tracker.send(bad)
        tracker.expect_closed(5, "time %d" % (i + 1))
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    tracker.send(bad + bad + wire.frame(8, [record(3)]))
    proc.equal([tracker.ack(), tracker.ack()], [2, 1], "ACKs")
    consistent(gw)


def test_fault_behind(bench):
    """What closes a connection doesn't take along the good frame before it, in the same segment."""
    database, gw = setup(bench)
    good = [wire.frame(8, [record(i)]) for i in range(3)]
    for i, fault in enumerate((b"\r\n", b"\0\0\0\0\xff\xff\xff\xff", wire.bad_crc(good[0]))):
        tracker = bench.tracker(gw, imeis(1)[0]).login()
        proc.equal(tracker.exchange(good[i] + fault), 1, "ACK of the frame before %r" % fault[:8])
        tracker.expect_closed(3, "fault %d" % i)
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 3, "rows")
    consistent(gw)


suite.main(globals())
