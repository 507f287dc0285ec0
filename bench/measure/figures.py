"""The figures: each function measures some of them and returns rows of the table."""
import os
import signal
import socket
import time

from lib import proc, wire

from . import copying, machine, meaning, sparse
from .stand import FIRST_IMEI, Sim, Window, gather
from .table import Row

FLEET = "as many trackers as have 10,000 records under way; 12 IO elements a record; 2 workers"
DAY_MS = 86400 * 1000
COPY_BATCHES = (1000, 3000, 10000)
TARGETS = {5: (0.75, 0.30, 0.5), 25: (0.85, 0.18, 0.65)}


def decoding(bench):
    speed = copying.decode()
    return [Row("decoding, Codec 8", speed["8"], 25, "high", "M records/s", 1, "documented frames"),
            Row("decoding, Codec 8 Extended", speed["8e"], 15, "high", "M records/s", 1)]


def _best(runs, key, pick):
    """The best size of a transaction by its median over the rounds."""
    return pick(machine.median([run[batch][key] for run in runs]) for batch in runs[0])


def _copy_us(run):
    return run["postgres_us"] + run["client_us"]


def write_path(bench):
    """Gateway and COPY in turn, with the same rows; the first round warms up and does not count."""
    rows = []
    db = bench.stand.database(bench.in_flight // min(TARGETS))
    gw = bench.stand.gateway(db)
    base_ms = int(time.time() * 1000) // DAY_MS * DAY_MS - DAY_MS
    start_ms = base_ms
    for records in sorted(TARGETS):
        ours, theirs = [], []
        for turn in range(bench.rounds + 1):
            bench.say("%d records a frame, round %d of %d" % (records, turn, bench.rounds))
            bench.stand.checkpoint(db)
            start_ms += 3600 * 1000   # later than the last round's: the live rows must move
            run = gather(gw, bench.in_flight // records, bench.seconds if turn else 2, start_ms, records)
            gw.settle()
            copies = copying.copy(bench.stand, db, bench.stand.workers,
                                  COPY_BATCHES if turn else COPY_BATCHES[-1:])
            for copied in copies.values():
                copied["total_us"] = _copy_us(copied)
            bench.detail("gateway", run)
            for batch, copied in copies.items():
                bench.detail("COPY, %d a transaction" % batch, copied)
            if turn:
                ours.append(run)
                theirs.append(copies)
        rows += _compare(bench, records, ours, theirs)
    bench.database, bench.running = db, gw
    return rows


def _compare(bench, records, ours, theirs):
    gateway_us = machine.median([r["gateway_us"] for r in ours])
    server_us = machine.median([r["postgres_us"] for r in ours])
    rate = machine.median([r["rate"] for r in ours])
    copy_us = _best(theirs, "total_us", min)
    copy_server_us = _best(theirs, "postgres_us", min)
    copy_rate = _best(theirs, "rate", max)
    usual_us = machine.median([run[COPY_BATCHES[0]]["total_us"] for run in theirs])
    cost, share, speed = TARGETS[records]
    what = ", %d records a frame" % records
    if records == min(TARGETS):
        bench.max_rate = rate
    return [
        Row("cost of COPY ÷ cost of ours" + what, copy_us / (gateway_us + server_us), cost, "high", "", 2,
            "%.2f ÷ (%.2f gateway + %.2f PostgreSQL) µs; %.2f against COPY of %s rows a transaction" % (
                copy_us, gateway_us, server_us, usual_us / (gateway_us + server_us),
                "{:,}".format(COPY_BATCHES[0]))),
        Row("gateway's CPU ÷ PostgreSQL's in COPY" + what, gateway_us / copy_server_us, share, "low", "",
            2, "%.2f ÷ %.2f µs" % (gateway_us, copy_server_us)),
        Row("rate ÷ COPY's rate" + what, rate / copy_rate, speed, "high", "", 2,
            "%s ÷ %s records/s; %d trackers take %.2f µs, batches of %d" % (
                "{:,.0f}".format(rate), "{:,.0f}".format(copy_rate), bench.in_flight // records,
                machine.median([r["sim_us"] for r in ours]),
                machine.median([r["batch"] for r in ours]))),
    ]


def latency(bench):
    """Like against like, in turn: one after the other without a pause, and fifty a second."""
    db, gw = bench.database, bench.running
    found = {}

    def note(what, value):
        found.setdefault(what, []).append(value)
        bench.detail(what, {"us": value})

    for turn in range(bench.rounds):
        bench.say("latency, round %d of %d" % (turn + 1, bench.rounds))
        note("insert", copying.insert(db, 2000)["p50_us"])
        note("paced insert", copying.insert(db, 150, 20000)["p50_us"])
        for what, fleet in (("loop", dict(trackers=1, records=1, duration=2)),
                            ("loop of 5", dict(trackers=1, records=5, duration=2)),
                            ("paced", dict(trackers=10, records=5, interval=200, duration=4))):
            report = Sim(gw, "--latency", **fleet).result()["latency_us"]
            note(what, report["p50"])
            note(what + " p99", report["p99"])
        gw.settle()
    us = {what: machine.median(values) for what, values in found.items()}
    rows = [Row("ACK of a lone tracker ÷ one-row INSERT, both without a pause, p50",
                us["loop"] / us["insert"], 2, "low", "", 2,
                "%.0f ÷ %.0f µs, a record a frame; 5 records: %.0f µs" % (
                    us["loop"], us["insert"], us["loop of 5"])),
            Row("ACK at light load ÷ one-row INSERT, both 50 a second, p50",
                us["paced"] / us["paced insert"], 2, "low", "", 2,
                "%.0f ÷ %.0f µs, ten trackers, 5 records a frame; p99 %.0f µs" % (
                    us["paced"], us["paced insert"], us["paced p99"]))]
    half = []
    for turn in range(bench.rounds):
        bench.stand.checkpoint(db)
        report = Sim(gw, "--latency", trackers=bench.in_flight // 5, records=5,
                     duration=bench.seconds, rate=int(bench.max_rate / 2)).result()
        half.append(report)
        bench.detail("half load", dict(report["latency_us"], rate=report["records_per_s"]))
        gw.settle()
    rows.append(Row("ACK at half of the maximum load, p99",
                    machine.median([r["latency_us"]["p99"] for r in half]) / 1e3, 50, "low", "ms", 1,
                    "%s records/s; p50 %.1f ms" % (
                        "{:,.0f}".format(machine.median([r["records_per_s"] for r in half])),
                        machine.median([r["latency_us"]["p50"] for r in half]) / 1e3)))
    return rows


def fleet_return(bench):
    """Everybody comes back at once: first frames are stored already, then all of them are."""
    db, gw = bench.database, bench.running
    bench.stand.checkpoint(db)
    start_ms = int(time.time() * 1000) - DAY_MS
    fleet = dict(trackers=bench.in_flight // 5, records=5, start_time=start_ms, step=1000,
                 connect_parallel=0)
    frames = max(10, int(bench.max_rate * bench.seconds / bench.in_flight))
    reports = []
    for what, n in (("first frames", 1), ("back with a backlog", frames), ("all of it again", frames)):
        bench.say("return of the fleet: %s" % what)
        window = Window(gw)
        report = Sim(gw, frames=n, **fleet).result()
        machine.wait_idle(bench.stand.postgres_pid)
        found = window.close()
        report["us"] = (found["gateway"] + found["postgres"]) / max(1, report["records_acked"]) * 1e6
        bench.detail(what, dict(found, rate=report["records_per_s"]))
        reports.append(report)
    back, again = reports[1], reports[2]
    return [Row("fleet's return: first frame a duplicate, then new ones", back["records_per_s"] / 1e3,
                unit="k records/s", digits=1, note="ON CONFLICT; %.2f µs a record" % back["us"]),
            Row("fleet's return: duplicates only", again["records_per_s"] / 1e3, unit="k records/s",
                digits=1, note="%.2f µs a record" % again["us"])]


def larger_fleet(bench):
    """The live row is written once a second a device: what a larger fleet makes of the cost."""
    rows = []
    db = bench.stand.database(16000)
    gw = bench.stand.gateway(db)
    for trackers in (500, 16000):
        bench.say("a fleet of %d" % trackers)
        bench.stand.checkpoint(db)
        run = gather(gw, trackers, bench.seconds, int(time.time() * 1000) - DAY_MS, 5)
        gw.settle()
        bench.detail("fleet of %d" % trackers, run)
        rows.append(Row("cost of a record, fleet of %s" % "{:,}".format(trackers),
                        run["gateway_us"] + run["postgres_us"], unit="µs",
                        note="%s records/s, %s live rows/s" % ("{:,.0f}".format(run["rate"]),
                                                               "{:,.0f}".format(run["live_rate"]))))
    gw.finish()
    return rows


def idle_memory(bench):
    """Growth of the workers' own memory, from ready to full of identified connections."""
    n = bench.idle
    db = bench.stand.database(n)
    gw = bench.stand.gateway(db)
    bench.say("%d idle connections" % n)
    before = sum(proc.resident_kb(pid) for pid in gw.workers())
    sim = Sim(gw, "--idle", trackers=n, duration=600, connect_parallel=500)
    proc.wait_until(lambda: gw.active() == n, 60, "all are connected")
    machine.wait_idle(bench.stand.postgres_pid)
    after = sum(proc.resident_kb(pid) for pid in gw.workers())
    sim.kill()
    gw.settle()
    gw.finish()
    return [Row("memory of an idle connection", (after - before) * 1024 / n, 512, "low", "bytes", 0,
                "%s connections on %d workers" % ("{:,}".format(n), bench.stand.workers))]


def handshakes(bench):
    db = bench.stand.database(10000)
    gw = bench.stand.gateway(db)
    rates = []
    for turn in range(bench.rounds):
        bench.say("handshakes, round %d of %d" % (turn + 1, bench.rounds))
        before = gw.cpu()
        report = Sim(gw, "--handshake-only", trackers=10000, duration=3).result()
        cpu = gw.cpu() - before
        rates.append((report["handshakes"] / cpu, report["handshakes_per_s"]))
        bench.detail("handshakes", {"a core": rates[-1][0], "rate": rates[-1][1]})
        machine.wait_idle(bench.stand.postgres_pid)
    gw.finish()
    return [Row("handshakes, a core of the gateway", machine.median([r[0] for r in rates]), 20000, "high",
                "/s", 0, "%s/s with trackers and PostgreSQL on the same cores"
                % "{:,.0f}".format(machine.median([r[1] for r in rates])))]


def storm(bench):
    """100,000 trackers at once; as many workers and simulators as the descriptor limit asks for."""
    n, parts = bench.storm, -(-bench.storm // 16000)
    edges = [n * k // parts for k in range(parts + 1)]
    db = bench.stand.database(n)
    gw = bench.stand.gateway(db, TELEM_WORKERS=parts)
    times = []
    for turn in ("first", "back"):
        bench.say("%d trackers: %s" % (n, turn))
        began = time.monotonic()
        sims = [Sim(gw, "--idle", trackers=edges[k + 1] - edges[k], first=edges[k], duration=600,
                    source_ips=20, connect_parallel=1000) for k in range(parts)]
        proc.wait_until(lambda: gw.active() == n, 120, "all are connected", every=0.05)
        times.append(time.monotonic() - began)
        bench.detail("storm", {"seconds": times[-1], "gateway": gw.cpu()})
        for sim in sims:
            sim.kill()
        gw.settle()
    gw.finish()
    return [Row("%s trackers back after a cut" % "{:,}".format(n), times[-1], 10, "low", "s", 1,
                "%d workers and %d simulators on the same cores; from their start" % (parts, parts))]


def _handshake(port, imei, seconds):
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as link:
        link.sendall(wire.imei_packet(imei))
        return link.recv(1) == b"\x01"


def replacement(bench):
    """kill -9 of the only worker until the next handshake is answered; a slot is restarted once a second."""
    db = bench.stand.database(100)
    gw = bench.stand.gateway(db, TELEM_WORKERS=1)
    times = []
    for turn in range(bench.kills):
        time.sleep(1.3)
        pid, = gw.workers()
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        proc.check(_handshake(gw.port, str(FIRST_IMEI + turn), 10), "not accepted")
        times.append((time.monotonic() - began) * 1e3)
    gw.finish()
    bench.detail("replacement", {"median": machine.median(times), "max": max(times)})
    return [Row("worker killed until its slot answers again, worst of %d" % len(times), max(times), 100,
                "low", "ms", 1, "median %.1f ms" % machine.median(times))]


ALL = [decoding, write_path, latency, fleet_return, larger_fleet, sparse.one_a_frame, idle_memory, handshakes, storm,
       replacement] + meaning.ALL
