#!/usr/bin/env python3
"""What operators see: /metrics, its identity in every scrape, /healthz, /readyz, /status."""
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import metrics, proc, suite, wire
from lib.fleet import imeis

NAMES = """telematics_tcp_connections_total telematics_avl_records_total telematics_records_in_flight
 telematics_unknown_codec_packets_total telematics_connections{state="active"}
 telematics_records_total{outcome="stored"} telematics_records_total{outcome="duplicate"}
 telematics_records_total{outcome="quarantined"} telematics_records_total{outcome="refused"}
 telematics_parse_errors_total{reason="crc"} telematics_parse_errors_total{reason="length"}
 telematics_parse_errors_total{reason="preamble"} telematics_parse_errors_total{reason="count"}
 telematics_parse_errors_total{reason="structure"} telematics_imei_rejected_total{reason="unknown"}
 telematics_imei_rejected_total{reason="disabled"} telematics_acks_total telematics_database_up
 telematics_received_bytes_total telematics_frames_total{kind="avl"}""".split()


@suite.quick
def test_pages(bench):
    """The pages exist, have the agreed names and tell the same story."""
    database = bench.database()
    database.add_devices(imeis(3))
    gw = bench.gateway(database)
    trackers = [bench.tracker(gw, i).login() for i in imeis(3)]
    now = int(time.time() * 1000)
    for i, tracker in enumerate(trackers):
        tracker.exchange(wire.frame(8, [wire.Record(now - 1000 * k, 54.5, 25.5, sats=7)
                                        for k in range(i + 2)]))
    # A worker counts an ACK when it has written it, which the tracker may have read by then.
    proc.wait_until(lambda: gw.metrics()["telematics_acks_total"] == 3, 5, "three ACKs are counted")
    page = gw.metrics()
    missing = [n for n in NAMES if n not in page.samples]
    proc.equal(missing, [], "samples that are missing")
    for name in ("build_info", "worker_restarts", "reload", "ack_seconds_bucket",
                 "batch_commit_seconds_bucket", "batch_records_bucket"):
        proc.check(any(name in key for key in page.samples), "a sample named ...%s" % name)
    proc.equal(page['telematics_connections{state="active"}'], 3, "active connections")
    proc.equal((page.received(), page.outcome("stored"), page["telematics_acks_total"]), (9, 9, 3),
               "counters")
    proc.equal(page["telematics_ack_seconds_count"], 3, "observations of receive to ACK")
    proc.equal(page['telematics_ack_seconds_bucket{le="+Inf"}'], 3, "the last bucket")
    proc.equal(gw.http("/healthz")[0], 200, "/healthz")
    proc.equal(gw.http("/readyz")[0], 200, "/readyz")
    proc.equal(gw.http("/nothing")[0], 404, "/nothing")
    status = gw.status()
    proc.equal(len([w for w in status["workers"] if w["accepting"]]), 2, "workers that accept")
    proc.equal(sorted(w["pid"] for w in status["workers"]), gw.workers(), "pids in /status")
    proc.check(any(str(gw.port) in str(a) for a in status["listen"]), "listen in /status")


def test_identity(bench):
    """received = outcomes + in flight in every scrape, and no counter goes backward, whatever happens."""
    database = bench.database()
    names = imeis(20)
    database.add_devices(names)
    database.query("ALTER TABLE device_positions ADD CONSTRAINT telematics_record_not_129 CHECK (speed <> 129) NOT VALID")
    gw = bench.gateway(database)
    watch = bench.watch(gw)
    load = bench.fleet(gw, names[:16], delay=0.01)
    over = threading.Event()

    def nuisance():
        """Bad frames of all kinds, until it is over."""
        n = 0
        now = int(time.time() * 1000)
        while not over.is_set():
            n += 1
            record = wire.Record(now - n * 1000, 54.5, 25.5, sats=7)
            try:
                tracker = bench.tracker(gw, names[16 + n % 4])
                tracker.login()
                good = wire.frame(8, [record] * 3)
                tracker.send(good + good + wire.frame(8, [record] * 4, count2=9)
                             + wire.wrap(b"\x55\x05abc\x05") + wire.bad_crc(wire.frame(8, [record])))
                tracker.read(12)
                tracker.close()
            except (OSError, proc.Failure):
                continue
    thread = threading.Thread(target=nuisance, daemon=True)
    thread.start()
    bench.scope.later(lambda: (over.set(), thread.join(30)))
    for what in ("kill", "reload", "kill", "reload"):
        load.wait_acked(proc.scaled(400))
        if what == "kill":
            os.kill(gw.workers()[0], 9)
        else:
            before = set(gw.workers())
            gw.hup()
            proc.wait_until(lambda: not before & set(gw.workers()), 30, "the new generation is alone")
        proc.wait_until(gw.all_accept, 20, "all workers accept")
    load.wait_acked(proc.scaled(400))
    load.stop()
    over.set()
    thread.join(30)
    watch.finish(20)
    page = gw.metrics()
    for outcome in metrics.OUTCOMES[:3]:
        proc.check(page.outcome(outcome) > 0, "some %s: %s" % (outcome, page.samples))
    proc.wait_until(lambda: gw.metrics().in_flight() == 0, 10, "nothing stays in flight")
    proc.equal(database.number("SELECT count(*) FROM device_positions") <= page.outcome("stored")
               + page.outcome("refused"), True, "rows against the counter")


def test_slow_readers(bench):
    """Clients of the metrics port that say nothing, or never end, don't keep others from it."""
    database = bench.database()
    gw = bench.gateway(database)
    port = int(gw.keys["METRICS_PORT"])
    mute = [bench.tracker(gw, "?", port=port) for _ in range(30)]
    for i, link in enumerate(mute):
        link.send([b"", b"GET /metr", b"\xff\xfe\0garbage\r\n\r\n", b"GET /" + b"a" * 20000][i % 4])
    proc.equal(gw.http("/healthz")[0], 200, "/healthz beside them")
    proc.check(json.loads(gw.http("/status")[1]), "/status beside them")
    proc.equal(len(gw.workers()), 2, "workers")


suite.main(globals())
