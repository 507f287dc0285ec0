#!/usr/bin/env python3
"""The dictionary in SQL says what it says in C and in JSON: families, names, values, states, events."""
import csv
import json
import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite, wire
from lib.fleet import imeis

VECTORS = os.path.join(gateway.SOURCE, "t", "vectors")
HOUR = 3600000

# Elements that captures don't have: structured ones, broken ones, and what nobody knows.
ODD = [("FMB920", 385, "1121aabbccddeeff00112233445566778899000a0014ba1107aabbccddeeff00112233445566778899c4012cffff"),
       ("FMB920", 385, "1121aabb"), ("FMB920", 385, "11"), ("FMB920", 385, ""),
       ("FMB920", 548, "011a0001ca0104aabbccdd0202806d0504546167310e020bd6080101"), ("FMB920", 548, "01ff0001c6"),
       ("FMB920", 548, "010e0001c60106babbf3630022020180"), ("FMC650", 10500, "010e020ab70a8f264c6000ffff6bff00"),
       ("FMB920", 548, "0105050322415c"), ("FMB920", 548, "01070602ff380702aabb"), ("FMB920", 548, ""),
       ("FMB920", 256, "5756575a5a5a314b5a4157303030303031"), ("FMB920", 256, "00" * 17), ("FMB920", 256, "0102"),
       ("FMB920", 281, "50303432302c5030313731"), ("FMB920", 281, "50300142"), ("FMB920", 281, ""),
       ("FMB920", 331, "00ff17"), ("FMB920", 60000, "00ff17"), ("FMB920", 60000, ""), ("FMB640", 10500, "00")]
FIXED = [("FMB920", 78, "0123456789abcdef"), ("FMB920", 78, "00" * 8), ("FMB920", 132, "0000000202000100"),
         ("FMB920", 517, "000002810004003c"), ("FMB920", 11, "00000000d4f1a2b3"), ("FMB920", 90, "0900"),
         ("FMB920", 123, "80000001"), ("FMB640", 195, "4142433132330000"), ("FMB640", 195, "41424331323300ff"),
         ("FMB920", 72, "00000352"), ("FMB920", 72, "fffffff6"), ("FMB640", 72, "fff6"), ("FMB920", 201, "ffff"),
         ("FMB920", 25, "7fff"), ("FMB920", 25, "fc18"), ("FMB920", 32, "f6"), ("FMB920", 800, "00003039"),
         ("FMB920", 60000, "ff"), (None, 72, "fff6"), (None, 72, "fffffff6"), (None, 72, "00e7"), (None, 25, "fc18"),
         (None, 69, "01"), (None, 200, "03"), (None, 239, "01"), (None, 252, "01"), (None, 385, "00"), (None, 16, "00000010")]


def quoted(text):
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def io_of(elements):
    """The io of "239:01 331=0102", as the gateway stores it."""
    io = {}
    for element in elements.split():
        number, mark, value = re.match(r"(\d+)([:=])(.*)", element).groups()
        io[number] = int(value, 16) if mark == ":" and len(value) in (2, 4, 8) else value
    return io


def families_by_json(dictionary, model, io):
    """The same function once more, over what web applications read."""
    order = [f["family"] for f in dictionary["families"]]
    groups = {f["family"]: f["group"] for f in dictionary["families"]}
    possible, how = set(order), "open"
    key = re.match(r"(?:TELTONIKA)?[ _-]*([A-Z]+)[ _-]*([0-9]+)[ _-]*([A-Z0-9]{0,2})", (model or "").upper())
    for more in (2, 1, 0) if key else ():
        name = key[1] + key[2] + key[3][:more]
        if name in dictionary["models"]:
            possible, how = {dictionary["models"][name]}, "model"
            break
    else:
        for number, value in io.items():
            cls = (6 if len(value) == 16 else 7) if isinstance(value, str) else sum(
                value > limit for limit in (127, 255, 32767, 65535, 2147483647))
            senders = {f for row in dictionary["rows"].get(int(number), ()) if row["fits"] >> cls & 1
                       for f in row["families"]}
            possible &= senders or possible
        how = "elements" if len(possible) == 1 else "open"
        if not possible:
            possible, how = set(order), "contradiction"
    some = [f for f in order if f in possible]
    text = some[0] if len(some) == 1 else groups[some[0]] if len({groups[f] for f in some}) == 1 else ""
    return "all" if some == order else " ".join(some), how, text


def load_json():
    with open(os.path.join(os.environ["TOP_BUILDDIR"], "dictionary", "dictionary.json")) as f:
        dictionary = json.load(f)
    dictionary["rows"] = {}
    for row in dictionary["parameters"]:
        dictionary["rows"].setdefault(row["id"], []).append(row)
    return dictionary


@suite.quick
def test_families(bench):
    """The golden table of families holds for json, jsonb, and the dictionary as JSON."""
    database = bench.database()
    dictionary = load_json()
    everything = " ".join(f["family"] for f in dictionary["families"])
    with open(os.path.join(VECTORS, "families.csv")) as f:
        cases = list(csv.DictReader(f))
    asked = [(case, kind) for case in cases for kind in ("json", "jsonb")]
    answers = database.rows(" UNION ALL ".join(
        "SELECT %d AS n, array_to_string(candidates, ' '), how, coalesce(family, '') FROM telematics_family(%s::%s, %s)"
        % (n, quoted(json.dumps(io_of(case["elements"]))), kind, quoted(case["model"]))
        for n, (case, kind) in enumerate(asked)) + " ORDER BY n")
    for (case, kind), (_, candidates, how, family) in zip(asked, answers):
        want = case["families"], case["how"], case["text"]
        proc.equal(("all" if candidates == everything else candidates, how, family), want,
                   "%s by %s" % (case["name"], kind))
        proc.equal(families_by_json(dictionary, case["model"], io_of(case["elements"])), want,
                   "%s by JSON" % case["name"])


def by_c(bench, model, frame):
    args = ["decode", "--hex", "--names"] + (["--model", model] if model else [])
    code, out, err = bench.tgctl(*args, stdin=frame.hex().encode())
    proc.equal(code, 0, "tgctl decode: %s" % err)
    return json.loads(out)["records"]


def shown(value):
    """A value as C and SQL both have it: numbers without trailing zeros, lists as such."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return round(float(value), 6)
    return value


def compare(database, model, records):
    """Each element by SQL is what it is by C."""
    queries = [" UNION ALL ".join(
        "(SELECT %d AS n, coalesce(jsonb_agg(jsonb_build_array(id, name, value, text, unit, label, note)"
        " ORDER BY id)::text, '[]') FROM telematics_io(%s::%s, %s))"
        % (i, quoted(json.dumps(r["io"])), "json" if i % 2 else "jsonb", quoted(model)) for i, r in enumerate(records))]
    answers = dict((int(n), json.loads(text)) for n, text in database.rows(
        "SELECT * FROM (%s) AS q ORDER BY n" % queries[0]))
    many = 0
    for i, record in enumerate(records):
        # Of an id that comes twice JSON keeps the last.
        want = {e["id"]: [e["name"], shown(e["value"]), e.get("unit"), e.get("label"), e.get("note")]
                for e in record["names"]}
        got = {}
        for number, name, value, text, unit, label, note in answers[i]:
            if value is None and text is not None:
                value = json.loads(text) if text[:1] in "[{" else text
            got[number] = [name, shown(value), unit, label, note]
        proc.equal(got, want, "elements of %s" % json.dumps(record["io"]))
        many += len(got)
    return many


def test_values(bench):
    """Captured frames, structured and odd elements: SQL reads what C reads."""
    database = bench.database()
    many = 0
    with open(os.path.join(VECTORS, "captured.json")) as f:
        frames = json.load(f)
    for frame in frames[::6]:
        many += compare(database, frame["model"], by_c(bench, frame["model"], bytes.fromhex(frame["hex"])))
        # And without a model, where only what the elements leave has a name.
        if many % 3 == 0:
            compare(database, None, by_c(bench, None, bytes.fromhex(frame["hex"])))
    proc.check(many > 200, "%d elements compared" % many)
    for model, number, value in ODD + FIXED:
        fixed = (model, number, value) in FIXED
        record = wire.Record(1700000000000, io=[(number, bytes.fromhex(value))])
        frame = wire.frame(wire.CODEC_8E, [record])
        if not fixed:
            frame = variable(number, bytes.fromhex(value))
        compare(database, model, by_c(bench, model, frame))


def variable(number, value):
    """A frame with one element of variable length."""
    plain = wire.frame(wire.CODEC_8E, [wire.Record(1700000000000)])
    body = bytearray(plain[8:-4])
    at = len(body) - 1 - 2 - 2 * 5 - 0
    body[at:at + 2] = (1).to_bytes(2, "big")
    body[-3:-1] = (1).to_bytes(2, "big") + number.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value
    return wire.wrap(bytes(body))


def test_state(bench):
    """device_state has one row a device, each column from the id that its family uses."""
    database = bench.database()
    some = imeis(4)
    rows = [("FMB920", {"239": 1, "240": 0, "66": 12345, "67": 4100, "16": 5000000, "69": 1, "200": 2, "21": 4,
                        "72": 4294967286, "78": "0123456789abcdef", "89": 55, "85": 3512, "115": 65526,
                        "256": "5756575a5a5a314b5a4157303030303031", "252": 1}),
            ("FMB640", {"239": 0, "66": 24345, "216": 7000000, "71": 3, "35": 1200, "195": "4142434445464748",
                        "196": "3132333435363738", "233": "5756575a5a5a314b", "234": "5a41573030303030", "235": 49}),
            ("FTC134", {"800": 12600, "16": 1000, "113": 87}),
            (None, {"72": 65526, "239": 1, "16": 1000})]
    for i, (imei, (model, io)) in enumerate(zip(some, rows)):
        database.query("INSERT INTO devices (id, imei, device_model) VALUES (%d, '%s', %s); INSERT INTO device_online"
                       " (device_id, online, io) VALUES (%d, true, %s)"
                       % (i + 1, imei, quoted(model), i + 1, quoted(json.dumps(io))))
    columns = ("family, ignition, movement, external_voltage_v, odometer_m, gnss_status, sleep_mode, engine_rpm,"
               " fuel_level_percent, coolant_temperature_c, temperature_1_c, driver_id, vin, unplugged, battery_level_percent")
    got = {r[0]: r[1:] for r in database.rows("SELECT device_id, %s FROM device_state ORDER BY 1" % columns)}
    proc.equal(got["1"], ["fmb120", "t", "f", "12.345", "5000000", "gnss on with fix", "deep sleep", "3512", "55", "-1.0",
                          "-1.0", "efcdab8967452301", "WVWZZZ1KZAW000001", "t", ""], "an FMB920")
    proc.equal(got["2"], ["fmb640", "f", "", "24.345", "7000000", "gnss on, with fix", "", "1200", "", "", "",
                          "ABCDEFGH12345678", "WVWZZZ1KZAW000001", "", ""], "an FMB640")
    proc.equal(got["3"], ["ftc134", "", "", "12.600", "1000", "", "", "", "", "", "", "", "", "", "87"], "an FTC134")
    # Nobody has named its model: the temperature is negative all the same, the odometer could be another thing.
    proc.equal(got["4"], ["", "t", "", "", "", "", "", "", "", "", "-1.0", "", "", "", ""], "a device without a model")
    out = bench.tgctl("device", "show", some[3], url=database.url)[1]
    proc.check("set the model" in out and "dallas_temperature_1" in out, "device show: %s" % out)
    out = bench.tgctl("device", "show", some[0], "--json", url=database.url)[1]
    proc.equal(json.loads(out)["io_family"], "fmb120", "device show --json")
    out = bench.tgctl("why", some[0], url=database.url)[1]
    proc.check("external_voltage 12.345 V" in out, "why: %s" % out)


def test_events(bench):
    """device_events names what happened and how bad it is; tgctl events lists and follows it."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei], device_model="FMB920")
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imei).login()
    now = int(database.number("SELECT (extract(epoch FROM now()) * 1000)::bigint"))
    cases = [(239, b"\x01", 0, "ignition_on", "info"), (240, b"\x00", 0, "movement_stop", "info"),
             (255, b"\x5c", 1, "overspeed", "warning"), (253, b"\x02", 1, "harsh_braking", "warning"),
             (246, b"\x01", 0, "towing", "alarm"), (246, b"\x00", 0, "towing_end", "info"),
             (252, b"\x01", 0, "power_cut", "alarm"), (155, b"\x01", 0, "geofence_enter", "info"),
             (155, b"\x00", 0, "geofence_leave", "info"), (1, b"\x01", 2, "din1_on", "alarm"),
             (249, b"\x01", 1, "jamming", "alarm"), (78, b"\x01" * 8, 0, "driver_identified", "info"),
             (72, b"\xff\xff\xff\xf6", 0, "temperature", "info"), (113, b"\x0a", 0, "battery_low", "warning"),
             (60000, b"\x01", 0, "io_60000", "info")]
    records = [wire.Record(now + i, 54.5, 25.5, sats=7, priority=priority, event=number, io=[(number, value)])
               for i, (number, value, priority, _, _) in enumerate(cases)]
    records.append(wire.Record(now + 100, 54.5, 25.5, sats=7))
    proc.equal(tracker.exchange(wire.frame(wire.CODEC_8E, records)), len(records), "ACK")
    got = database.rows("SELECT kind, severity FROM device_events ORDER BY recorded_at")
    proc.equal([tuple(r) for r in got], [c[3:] for c in cases], "kinds and severities")
    alarms = [c[3] for c in cases if c[4] == "alarm"]
    code, out, err = bench.tgctl("events", "--severity", "alarm", "--json", url=database.url)
    proc.equal((code, sorted(json.loads(line)["kind"] for line in out.splitlines())), (0, sorted(alarms)), "alarms %s" % err)
    out = bench.tgctl("events", imei, "--limit", "2", url=database.url)[1]
    proc.equal(len(out.splitlines()), 2, "the latest two: %s" % out)
    proc.equal(bench.tgctl("events", "--severity", "panic", url=database.url)[0], 2, "an unknown severity")
    # Of an event without a value of its id the kind is that of any value.
    database.query("UPDATE device_positions SET io = '{}' WHERE event_io_id IN (255, 246)")
    proc.equal(database.rows("SELECT DISTINCT kind FROM device_events WHERE event_io_id = 255"), [["overspeed"]], "kind")


def test_follow(bench):
    """tgctl events --follow prints each event once, also one whose commit was overtaken by later ones."""
    database = bench.database()
    some = imeis(2)
    database.add_devices(some, device_model="FMB920")

    def insert(number, arrived="clock_timestamp()", imei=some[0], event=239):
        return ("INSERT INTO device_positions SELECT id, now() + %d * interval '1 ms', 1, %s, %d, 25, 0, 0, %d, 0, 9, 0, 8,"
                " NULL, true, '{\"239\": 1, \"246\": 1}' FROM devices WHERE imei = '%s'" % (number, arrived, number, event, imei))
    for number in range(3):
        database.query(insert(number))
    process = proc.Process([gateway.TGCTL, "events", some[0], "--follow", "--json", "--limit", "2"],
                           os.path.join(bench.folder, "events.log"), env={"DATABASE_URL": database.url})
    bench.scope.later(process.kill_group)

    def numbers():
        return [int(json.loads(line)["latitude"]) for line in process.output().split("\n")[:-1]]

    def printed(many):
        proc.wait_until(lambda: len(numbers()) >= many, 20, "%d events are printed: %s" % (many, process.output()))
        return numbers()
    first = printed(2)
    proc.equal(first, [1, 2], "the latest two")
    slow = database.session(bench.scope)
    slow.run("BEGIN; " + insert(3))
    database.query(insert(4) + "; " + insert(5, imei=some[1]) + "; " + insert(6, event=0))
    proc.equal(printed(3), [1, 2, 4], "what came while another transaction is open")
    slow.run("COMMIT")
    proc.equal(printed(4), [1, 2, 4, 3], "the one that was overtaken")
    database.query(insert(7, event=246))
    proc.equal(printed(5), [1, 2, 4, 3, 7], "each once")
    proc.equal(json.loads(process.output().split("\n")[4])["kind"], "towing", "kind of the last")
    process.signal(signal.SIGINT)
    process.wait(10, "it ends by Ctrl-C")
    alarms = proc.Process([gateway.TGCTL, "events", "--follow", "--severity", "alarm"],
                          os.path.join(bench.folder, "alarms.log"), env={"DATABASE_URL": database.url})
    bench.scope.later(alarms.kill_group)
    proc.wait_until(lambda: "towing" in alarms.output(), 20, "the alarm is printed")
    database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                   " AND pid <> pg_backend_pid()")
    proc.equal(alarms.wait(20, "it ends with the database"), 1, "exit status: %s" % alarms.output())


def test_replaced(bench):
    """Rows that are not this program's are put in place again; everybody may read them, nobody change them."""
    database = bench.database()
    database.query("UPDATE avl_parameters SET name = 'nonsense' WHERE id = 66; SELECT telematics_dictionary_loaded();"
                   " UPDATE telematics_settings SET value = 'other' WHERE name = 'dictionary'")
    proc.equal(database.rows("SELECT name FROM telematics_io('{\"66\": 12000}'::jsonb, 'FMB920')"), [["nonsense"]], "before")
    code, out, err = bench.tgctl("migrate", url=database.url)
    proc.check(code == 0 and "dictionary" in out, "tgctl migrate: %s%s" % (out, err))
    proc.equal(database.rows("SELECT name FROM telematics_io('{\"66\": 12000}'::jsonb, 'FMB920')"),
               [["external_voltage"]], "after")
    proc.check("dictionary" not in bench.tgctl("migrate", url=database.url)[1], "it is put there once")
    database.cluster.query("CREATE ROLE looker LOGIN", "postgres")
    proc.equal(database.query("SELECT value FROM telematics_io('{\"66\": 12000}'::jsonb, 'FMB920')", "looker").strip(),
               "12.000", "by a role without rights")


def test_command(bench):
    """tgctl dictionary answers by id, by name and by model."""
    def ask(*args, want=0):
        code, out, err = bench.tgctl("dictionary", *args)
        proc.equal(code, want, "tgctl dictionary %s: %s" % (" ".join(args), err))
        return out
    proc.check("external_voltage" in ask("66"), "66")
    rows = json.loads(ask("252", "--json"))
    proc.equal(sorted(r["name"] for r in rows), ["authorized_driving", "unplug"], "252")
    proc.equal([r["name"] for r in json.loads(ask("252", "--model", "fmb 920", "--json"))], ["unplug"], "252 of an FMB920")
    proc.check("power_cut" in ask("252", "--model", "FMB920"), "the events of 252")
    proc.check("fault_codes" in ask("fault_codes"), "a name")
    proc.check("FMB920" in ask("--models"), "the models")
    ask("66", "--model", "GT06", want=1)
    ask("65000", want=1)
    ask("70000", want=2)
    ask(want=2)


suite.main(globals())
