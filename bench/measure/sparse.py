"""One record a frame: a fleet whose trackers report one by one, at a rate that a machine carries with ease.

What counts here is what stands around a record: a turn of the loop, a transaction of few rows, a live row. The fleet's
roads and moments are the same in each run (a fixed seed). WAL is counted behind a checkpoint and a warm-up, so that no
page of a table that only changes is in it whole.
"""
import time

from lib import proc

from . import machine
from .stand import Sim, Window
from .table import Row

TRACKERS, INTERVAL_MS, SEED = 9000, 3000, 7
TARGET_US, TARGET_WAL, TARGET_ACK_MS = 35, 600, 30


def _wal(db):
    return db.number("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")


def _run(bench, db, gw):
    bench.stand.checkpoint(db)
    sim = Sim(gw, "--latency", trackers=TRACKERS, records=1, interval=INTERVAL_MS, seed=SEED, io=12)
    try:
        proc.wait_until(lambda: gw.active() == TRACKERS, 90, "all trackers are at work")
        time.sleep(3 * INTERVAL_MS / 1000 if bench.quick else 12)
        window, wal = Window(gw), _wal(db)
        time.sleep(4 if bench.quick else 15)
        found, wal = window.close(), _wal(db) - wal
        sim.interrupt()
        report = sim.result(must_succeed=False)
    finally:
        sim.kill()
    n = found["stored"] + found["duplicate"]
    batches = found["copies"] + found["inserts"]
    return {"rate": n / found["at"], "us": (found["gateway"] + found["postgres"]) / n * 1e6,
            "gateway_us": found["gateway"] / n * 1e6, "postgres_us": found["postgres"] / n * 1e6, "wal": wal / n,
            "batch": n / max(1, batches), "copied": found["copies"] / max(1, batches), "live": found["live"] / n,
            "p50_ms": report["latency_us"]["p50"] / 1e3, "p99_ms": report["latency_us"]["p99"] / 1e3}


def one_a_frame(bench):
    rows = []
    for workers in (2, 8):
        db = bench.stand.database(TRACKERS)
        gw = bench.stand.gateway(db, TELEM_WORKERS=workers)
        runs = []
        for turn in range(bench.rounds):
            bench.say("one record a frame, %d workers, round %d of %d" % (workers, turn + 1, bench.rounds))
            runs.append(_run(bench, db, gw))
            bench.detail("one a frame, %d workers" % workers, runs[-1])
            gw.settle()
        gw.finish()
        mid = {key: machine.median([r[key] for r in runs]) for key in runs[0]}
        what = "one record a frame, %d workers: " % workers
        rows += [Row(what + "cost of a record", mid["us"], TARGET_US, "low", "µs", 1,
                     "%.1f gateway + %.1f PostgreSQL; %s records/s of %s trackers, batches of %.0f" % (
                         mid["gateway_us"], mid["postgres_us"], "{:,.0f}".format(mid["rate"]),
                         "{:,}".format(TRACKERS), mid["batch"])),
                 Row(what + "WAL of a record", mid["wal"], TARGET_WAL, "low", "bytes", 0,
                     "%.2f live rows a record" % mid["live"]),
                 Row(what + "ACK, p99", mid["p99_ms"], TARGET_ACK_MS, "low", "ms", 1, "p50 %.1f ms" % mid["p50_ms"])]
    return rows
