"""The audit that ends each test of a calamity.

acknowledged is a subset of stored · nothing is stored twice · nothing is stored that was not sent
"""
import json

from . import proc, wire

STORED_SQL = """SELECT d.imei || ' ' || json_build_array((extract(epoch from p.recorded_at) * 1000)::bigint,
 round((p.latitude * 1e7)::numeric)::bigint, round((p.longitude * 1e7)::numeric)::bigint, p.altitude,
 p.heading, p.satellites, p.speed, p.valid, p.priority, p.event_io_id, p.generation_type, p.codec, p.io)
 FROM device_positions p LEFT JOIN devices d ON d.id = p.device_id"""


def audit(database, fleet):
    """Compares, column by column, what a (stopped) Fleet sent with what the tables hold."""
    stored = {}
    for line in database.query(STORED_SQL).split("\n"):
        if not line:
            continue
        imei, _, rest = line.partition(" ")
        row = wire.parse_row(rest)
        key = (imei, row[0])
        proc.check(key not in stored, "stored twice: %s" % (key,))
        stored[key] = row
    missing, different = [], []
    sent = set()
    acked = 0
    for unit in fleet.units:
        proc.equal(unit.wrong, 0, "ACKs of %s with a wrong count" % unit.imei)
        for ts, record in unit.sent.items():
            key = (unit.imei, ts)
            sent.add(key)
            row = stored.get(key)
            if row is None and ts in unit.acked:
                missing.append(key)
            elif row is not None and row != record.columns(unit.codec):
                different.append((row, record.columns(unit.codec)))
        acked += len(unit.acked)
    proc.check(not missing, "%d of %d acknowledged records are not stored, e.g. %s"
               % (len(missing), acked, missing[:3]))
    proc.check(not different, "%d stored otherwise than sent, e.g. %s" % (len(different), different[:1]))
    invented = [key for key in stored if key not in sent]
    proc.check(not invented, "%d stored that nobody sent, e.g. %s" % (len(invented), invented[:3]))
    proc.equal(database.number("SELECT count(*) FROM device_ingest_raw"), 0, "frames in quarantine")
    return acked, len(stored)


def audit_logs(database, sent_log, acked_log):
    """The same for `tgctl sim`, by the logs it writes: lines of IMEI, time in ms, record hash."""
    def load(path):
        with open(path) as f:
            lines = [line.split()[:3] for line in f if line.strip() and not line.startswith("#")]
        return [(i, int(ms), int(h)) for i, ms, h in lines]
    stored = [tuple(map(json.loads, ('"%s"' % r[0], r[1], r[2]))) for r in database.rows(
        "SELECT d.imei, (extract(epoch from p.recorded_at) * 1000)::bigint, p.record_hash"
        " FROM device_positions p JOIN devices d ON d.id = p.device_id")]
    proc.equal(len(stored), database.number("SELECT count(*) FROM device_positions"),
               "positions of known devices")
    unique, sent, acked = set(stored), set(load(sent_log)), set(load(acked_log))
    proc.equal(len(unique), len(stored), "records stored once")
    proc.check(acked <= sent, "acknowledged, but never sent: %s" % list(acked - sent)[:3])
    proc.check(acked <= unique, "%d of %d acknowledged records are not stored, e.g. %s"
               % (len(acked - unique), len(acked), list(acked - unique)[:3]))
    proc.check(unique <= sent, "%d stored that nobody sent, e.g. %s"
               % (len(unique - sent), list(unique - sent)[:3]))
    return len(acked), len(stored)
