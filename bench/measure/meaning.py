"""What it costs to say what IO elements mean (doc/dictionary.md)."""
import json
import os
import re
import statistics
import subprocess

from .table import Row

RECORD = ('{"239":1,"240":1,"21":4,"200":0,"69":1,"181":13,"182":8,"66":12345,"24":57,"67":4100,"16":5000000,"241":24602,'
          '"78":"0000000000000000","72":4294967286,"199":123456}')
MORE = ',"80":1,"68":12,"9":1200,"6":22,"17":65500}'   # with these it has 20 elements
DEVICES, DAYS = 10000, 30
INDEX_COST = 3   # % of storing


class _Backend:
    """A session, and the CPU that it has used, in seconds, to the nanosecond."""

    def __init__(self, bench, db):
        self.session = db.session(bench.stand.scope)
        self.session.run("SET max_parallel_workers_per_gather = 0")   # theirs would not be counted
        self.pid = self.session.pid

    def cpu(self, sql):
        before = self._used()
        self.session.run(sql, seconds=600)
        return self._used() - before

    def _used(self):
        with open("/proc/%d/schedstat" % self.pid) as f:
            return int(f.read().split()[0]) / 1e9


def _cpu_us(bench, db, sql, rows):
    """CPU of PostgreSQL for a statement, in microseconds a row: the least of some runs."""
    backend = _Backend(bench, db)
    return min(backend.cpu(sql) for _ in range(2 + 2 * bench.rounds)) * 1e6 / rows


def look_up(bench):
    out = subprocess.run([os.path.join(os.environ["TOP_BUILDDIR"], "bench", "bench-dictionary")],
                         stdout=subprocess.PIPE, check=True).stdout
    ns = json.loads(out)
    return [Row("look-up of an id in C, one family", ns["one_family_ns"], 20, "low", "ns", 1),
            Row("look-up of an id in C, all families", ns["all_families_ns"], 20, "low", "ns", 1)]


def reading(bench):
    """telematics_io() over history, all columns; the cost of walking the elements is in it."""
    db = bench.stand.database(10)
    rows, result = 20000, []
    ask = ("SELECT count(e.name), sum(e.value), count(e.label), count(e.unit), count(e.text), count(e.note)"
           " FROM %s AS h JOIN models m ON m.id = h.device_id, telematics_io(h.io%s, %s) AS e")
    db.query("CREATE TABLE models AS SELECT i AS id, (ARRAY['FMB920', 'FMC130'])[1 + i % 2] AS model"
             " FROM generate_series(0, 99) AS i; ANALYZE models")
    for name, elements, record in (("h15", 15, RECORD), ("h20", 20, RECORD[:-1] + MORE)):
        db.query("CREATE TABLE %s AS SELECT i %% 100 AS device_id, '%s'::jsonb || jsonb_build_object('66', 12000 + i %% 2000,"
                 " '16', i) AS io FROM generate_series(1, %d) AS i; ANALYZE %s" % (name, record, rows, name))
        us = {"walk": _cpu_us(bench, db, "SELECT count(*), max(e.value::text) FROM %s AS h, jsonb_each(h.io) AS e" % name, rows)}
        for how, cast, model in (("model", "", "'FMB920'"), ("join", "", "m.model"), ("json", "::json", "'FMB920'"),
                                 ("no model", "", "NULL")):
            us[how] = _cpu_us(bench, db, ask % (name, cast, model), rows)
        bench.detail("telematics_io, %d elements, us a row" % elements, us)
        what = "telematics_io(), %d elements, " % elements
        result += [Row(what + "jsonb", us["model"], 30, "low", "us a row", 1, "%.1f of it jsonb_each()" % us["walk"]),
                   Row(what + "models of devices", us["join"], 30, "low", "us a row", 1, "with the join"),
                   Row(what + "json", us["json"], 30, "low", "us a row", 1, "with the cast to json"),
                   Row(what + "no model", us["no model"], None, None, "us a row", 1)]
    return result


def state(bench):
    db = bench.stand.database(DEVICES)
    db.query("UPDATE devices SET device_model = 'FMB920'; INSERT INTO device_online (device_id, online, io)"
             " SELECT id, true, '%s' FROM devices; ANALYZE" % RECORD)
    us = _cpu_us(bench, db, "SELECT count(s::text) FROM device_state AS s", DEVICES)
    return [Row("device_state, all columns", us, None, None, "us a device", 1)]


def alarms(bench):
    """Warm, in one session, planning and all, the least of some runs. The alarms of one day among 10,000 devices and a month; a tenth of the records are events, 2 % of these alarms."""
    db = bench.stand.database(DEVICES)
    db.query("UPDATE devices SET device_model = 'FMB920'")
    for day in range(DAYS):
        db.query("INSERT INTO device_positions SELECT d.id, t, (random() * 1e15)::bigint, t, 54, 25, 0, 50,"
                 " CASE WHEN n %% 500 = 0 THEN 246 WHEN n %% 10 = 0 THEN 239 ELSE 0 END, 0, 9, 0, 8, NULL, true,"
                 " '{\"239\": 1, \"240\": 1, \"66\": 12345, \"246\": 1}' FROM (SELECT id, id * 10 + k AS n,"
                 " now() - interval '%d days' - k * interval '1 minute' AS t FROM devices, generate_series(1, 10) AS k) AS d"
                 % day)
    db.query("VACUUM ANALYZE")
    ask = ("SELECT count(*), max(kind) FROM device_events WHERE severity = 'alarm'"
           " AND received_at >= now() - interval '1 day'")
    session, times = db.session(bench.stand.scope), []
    for _ in range(3 + 4 * bench.rounds):
        text = "\n".join(session.run("EXPLAIN (ANALYZE, TIMING off, SUMMARY on) " + ask))
        times.append([float(re.search(what + " Time: ([0-9.]+)", text)[1]) for what in ("Planning", "Execution")])
    planning, running = min(times, key=sum)
    found = db.rows(ask)[0][0]
    return [Row("alarms of one day in a month, 10,000 devices", planning + running, 50, "low", "ms", 1,
                "%.1f of it planning; %s alarms in %s records"
                % (planning, found, db.number("SELECT count(*) FROM device_positions")))]


def _interval(values):
    """Median, and the order statistics around it that hold it with 95 %."""
    values = sorted(values)
    n = len(values)
    reach = int(0.98 * n ** 0.5) + 1
    return statistics.median(values), values[max(0, n // 2 - reach)], values[min(n - 1, n // 2 + reach)]


def event_index(bench):
    """Storing with and without the index, in turn, by COPY in binary as the gateway stores. PostgreSQL alone: the gateway's
    share would only make it less.

    CPU of the session, so that what else the machine does counts little. A turn stores little, as many short ones decide
    sooner than a few long ones; rounds go on, to a limit, until the interval is narrow enough to say yes or no.
    """
    db = bench.stand.database(1000)
    path = os.path.join(db.cluster.root, "rows")
    rows, few, most, result = 4000, 60, 120 if bench.quick else 900, []
    for name in ("bare", "indexed"):
        db.query("CREATE TABLE %s (LIKE device_positions INCLUDING ALL)" % name)
    db.query("DO $$ DECLARE i text; BEGIN SELECT indexrelid::regclass INTO i FROM pg_index"
             " WHERE indrelid = 'bare'::regclass AND indpred IS NOT NULL; EXECUTE 'DROP INDEX ' || i; END $$")
    for share in (0, 10):
        db.query("SET client_min_messages = error; DROP TABLE IF EXISTS source; CREATE TABLE source (LIKE device_positions);"
                 " INSERT INTO source SELECT 1 + i %% 1000,"
                 " now() + i * interval '1 ms', (random() * 1e15)::bigint, now() + i * interval '1 us', 54::float8,"
                 " 25::float8, 0, 50, CASE WHEN i %% 100 < %d THEN 239 ELSE 0 END, 0::smallint, 9::smallint, 0::smallint,"
                 " 8::smallint, NULL::smallint, true, '%s'::json FROM generate_series(1, %d) AS i;"
                 " COPY source TO '%s' (FORMAT binary)" % (share, RECORD, rows, path))
        more, backend = [], _Backend(bench, db)
        while len(more) < most:
            cpu = {}
            for name in ("bare", "indexed") if len(more) % 2 else ("indexed", "bare"):
                backend.session.run("TRUNCATE " + name)
                cpu[name] = backend.cpu("COPY %s FROM '%s' (FORMAT binary)" % (name, path))
            more.append(100 * (cpu["indexed"] / cpu["bare"] - 1))
            middle, low, high = _interval(more)
            if len(more) >= few and len(more) % few == 0 and (high <= INDEX_COST or low > INDEX_COST):
                break
        result.append(Row("index of events, %d %% of records are events" % share, high, INDEX_COST, "low",
                          "% of storing", 1, "upper end; median %.1f, lower end %.1f, %d rounds" % (middle, low, len(more))))
    return result


ALL = [look_up, reading, state, alarms, event_index]
