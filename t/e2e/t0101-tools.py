#!/usr/bin/env python3
"""What operators do beside `why`: strangers, sessions, inventory, top, status, quarantine, forms of output and input."""
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import gateway, proc, suite, wire
from lib.fleet import imeis
from lib.follow import Follower

NOW = int(time.time() * 1000)
ISO = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


def ok(bench, gw, *args, want=0, stdin=None):
    """Runs tgctl; its output must fit 80 columns."""
    code, out, err = bench.tgctl(*args, "-c", gw.conf_path, stdin=stdin)
    proc.equal(code, want, "tgctl %s: %s%s" % (" ".join(args), out, err))
    if "--json" not in args:
        for line in out.splitlines():
            proc.check(len(line) <= 80, "%d columns of tgctl %s: %r" % (len(line), args, line))
    return out


def objects(bench, gw, *args, **more):
    return json.loads(ok(bench, gw, *args, "--json", **more))


def strangers(database):
    return dict((r[0], r[1:]) for r in database.rows(
        "SELECT what, attempts, encode(first_bytes, 'hex'), host(remote_addr) FROM unidentified_connections"))


def test_strangers(bench):
    """Who says no IMEI is counted by what it was, logged with its bytes, folded, kept by address, and can be followed."""
    database = bench.database()
    gw = bench.gateway(database, TELEM_CONTROL_SOCKET=os.path.join(bench.folder, "control.sock"), TELEM_WORKERS=1)
    watch = Follower(bench, gw, "trace", "--unidentified", "--json", "--hex", began='"tracing"')
    peer = Follower(bench, gw, "trace", "--peer=127.0.0.9", "--json", began='"tracing"')
    said = {"tls": b"\x16\x03\x01\x02\0\1\0\1\xfc\3\3", "mqtt": b"\x10\x24\0\4MQTT\4\2\0\x3c\0\x18",
            "http": b"GET / HTTP/1.1\r\n\r\n", "hex_text": b"000F333536333037303432343431", "other": b"\x78\x78\x0d\1",
            "frame": wire.frame(8, [wire.Record(NOW)])[:17]}
    for what, data in said.items():
        tracker = bench.tracker(gw, imeis(1)[0], source="127.0.0.9")
        tracker.send(data)
        tracker.expect_closed(10, what)
        proc.wait_until(lambda: any(e["what"] == what for e in watch.events("unidentified")), 5, "the event %s" % what)
    proc.wait_until(lambda: set(strangers(database)) == set(said), 5, "the ledger: %s" % strangers(database))
    proc.equal(strangers(database)["tls"], ["1", said["tls"].hex(), "127.0.0.9"], "the row of TLS")
    proc.check(gw.logged(r"it said TLS .*first_bytes=160301020001"), "the line: %s" % gw.log_text()[-800:])
    events = peer.events()
    proc.equal([e["event"] for e in events[1:4]], ["opened", "unidentified", "closed"], "what is told of the address")
    proc.check(all(ISO.match(e["at"]) for e in events), "times of %s" % events[:2])
    metrics = gw.http("/metrics")[1]
    for what in said:
        proc.check('telematics_unidentified_connections_total{what="%s"} 1' % what in metrics, "the counter of %s" % what)
    for i in range(40):   # the same again and again, each with other bytes
        tracker = bench.tracker(gw, imeis(1)[0], source="127.0.0.9")
        tracker.send(b"GET /%d" % i)
        tracker.expect_closed(10, "http")
    proc.wait_until(lambda: strangers(database)["http"][0] == "41", 5, "all of them are in the ledger")
    gw.stop()
    proc.check(gw.logged(r"HTTP \(and 36 more like it\) .*repeated=36"), "folded: %s" % gw.log_text()[-1500:])
    rows = objects(bench, gw, "rejected", "unidentified")
    # What the gateway wrote in one go has one time.
    latest = [r["attempts"] for r in rows if r["last_seen_at"] == rows[0]["last_seen_at"] and r["what"] == "http"]
    proc.equal(latest, [41], "HTTP among the latest of %s" % rows)
    ok(bench, gw, "rejected", "unidentified")
    ok(bench, gw, "rejected", "clear", "--all")
    proc.equal(objects(bench, gw, "rejected", "unidentified"), [], "after clear --all")


def test_over_the_rate(bench):
    """Guesses over TELEM_UNKNOWN_IMEI_RATE stand in the ledger as counts per address; a registered IMEI is served."""
    database = bench.database()
    names = imeis(60)
    database.add_devices(names[:1])
    gw = bench.gateway(database, TELEM_UNKNOWN_IMEI_RATE=5, TELEM_WORKERS=1)
    for imei in names[1:40]:
        tracker = bench.tracker(gw, imei)
        tracker.send(wire.imei_packet(imei))
        try:
            tracker.read(1)
        except proc.Failure:
            pass
    proc.wait_until(lambda: "unknown_imei" in strangers(database), 5, "the ledger")
    proc.wait_until(lambda: int(strangers(database)["unknown_imei"][0]) +
                    database.number("SELECT count(*) FROM rejected_devices") == 39, 5, "all of them are counted")
    bench.tracker(gw, names[0]).login()


def test_pings(bench):
    """A ping moves last_seen_at and last_ping, at most every 30 s."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database)
    tracker = bench.tracker(gw, imei).login()
    seen = "SELECT last_seen_at - connected_at > interval '1 s' FROM device_online"
    proc.wait_until(lambda: database.query(seen) == "f", 5, "the live row")
    time.sleep(1.2)
    tracker.send(wire.PING)
    proc.wait_until(lambda: database.query(seen) == "t", 5, "last_seen_at has followed")
    proc.equal(database.query("SELECT d.last_ping = o.last_seen_at FROM devices d, device_online o"), "t", "last_ping")
    before = database.query("SELECT last_seen_at FROM device_online")
    for _ in range(20):
        tracker.send(wire.PING)
        time.sleep(0.1)
    proc.equal(database.query("SELECT last_seen_at FROM device_online"), before, "pings within 30 s")


def test_inventory(bench):
    """device set, remove, import; blanks around an IMEI."""
    database = bench.database()
    first, second, third, fourth = imeis(4)
    database.add_devices([first, second])
    database.query("INSERT INTO devices (imei) VALUES (E' %s\\t')" % third)
    gw = bench.gateway(database)
    proc.check(gw.logged(r"row with id \d+ has blanks around its imei %s" % third), "the line about blanks")
    ok(bench, gw, "device", "set", third, "--imei", third)
    proc.wait_until(lambda: bench.tracker(gw, third).handshake() == b"\x01", 5, "it is served")
    ok(bench, gw, "device", "set", first, "--imei", " " + fourth + " ", "--name", "Van 7", "--model", "FMB920")
    row = objects(bench, gw, "device", "show", fourth)
    proc.equal((row["name"], row["device_model"], row["enabled"]), ("Van 7", "FMB920", True), "what was set")
    ok(bench, gw, "device", "set", fourth, "--name", "", "--disabled")
    row = objects(bench, gw, "device", "show", fourth)
    proc.equal((row["name"], row["enabled"]), (None, False), "what was unset")
    ok(bench, gw, "device", "set", first, "--name", "x", want=1)
    ok(bench, gw, "device", "set", fourth, want=2)
    tracker = bench.tracker(gw, second).login()
    # A row that is on its way while its device is removed comes behind that, and stays, offline.
    proc.wait_until(lambda: database.query("SELECT o.online FROM device_online o JOIN devices d ON d.id = o.device_id"
                                           " WHERE d.imei = '%s'" % second) == "t", 5, "its live row")
    ok(bench, gw, "device", "remove", second, first, want=1)   # one of them is not there: neither goes
    ok(bench, gw, "device", "remove", second)
    tracker.expect_closed(5, "a removed device")
    proc.equal(database.number("SELECT count(*) FROM device_online o WHERE NOT EXISTS"
                               " (SELECT FROM devices WHERE id = o.device_id)"), 0, "live rows without a device")
    path = os.path.join(bench.folder, "devices.csv")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\ufeffName;IMEI;note;model;enabled\r\n\"Van; \"\"8\"\"\"; %s ;x;FMB920;yes\r\n# a comment\r\nVan 9;%s;;;no\r\n"
                % (first, second))
    dry = objects(bench, gw, "device", "import", path, "--dry-run")
    proc.equal(dry, {"added": 2, "updated": 0, "unchanged": 0, "dry_run": True}, "what would be done")
    proc.equal(database.number("SELECT count(*) FROM devices WHERE imei IN ('%s', '%s')" % (first, second)), 0, "a dry run")
    ok(bench, gw, "device", "import", path)
    proc.equal(database.rows("SELECT imei, name, device_model, enabled FROM devices WHERE imei IN ('%s', '%s') ORDER BY imei"
                             % (first, second)),
               [[first, 'Van; "8"', "FMB920", "t"], [second, "Van 9", "", "f"]], "what was imported")
    proc.equal(objects(bench, gw, "device", "import", path)["unchanged"], 2, "the same again")
    code, _, err = bench.tgctl("device", "import", "-", "-c", gw.conf_path,
                               stdin=("%s,a\n12,b\n%s,c\n" % (imeis(9)[8], imeis(9)[8])).encode())
    proc.check(code == 1 and "-:2: \"12\" is not an IMEI" in err and "nothing was imported" in err, "wrong lines: %s" % err)


def test_sessions_and_top(bench):
    """session list and close; top; status and its exit status."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    imei, other = imeis(2)
    database.add_devices([imei, other])
    gw = bench.gateway(database, TELEM_CONTROL_SOCKET=os.path.join(bench.folder, "control.sock"))
    tracker = bench.tracker(gw, imei).login()
    tracker.exchange(wire.frame(8, [wire.Record(NOW, 54.5, 25.5, sats=7)]))
    proc.wait_until(lambda: len(objects(bench, gw, "session")) == 1, 5, "one is connected")
    row = objects(bench, gw, "session", "list")[0]
    proc.check(row["imei"] == imei and ISO.match(row["connected_at"]) and row["worker"] in (0, 1), "the row: %s" % row)
    ok(bench, gw, "session", "list")
    done = objects(bench, gw, "session", "close", imei)
    proc.equal((done["closed"], len(done["peers"])), (True, 1), "what was closed")
    tracker.expect_closed(5, "closed by the operator")
    ok(bench, gw, "session", "close", imei, want=1)
    proc.wait_until(lambda: database.query("SELECT disconnect_reason FROM device_online") == "operator", 5, "why it ended")
    for _ in range(4):
        tracker = bench.tracker(gw, imei).login()
        tracker.send(b"junk")
        tracker.expect_closed(5, "junk")
    proc.wait_until(lambda: database.number("SELECT disconnects_in_row FROM device_online") == 4, 5, "four in a row")
    lines = ok(bench, gw, "top", "--count", "2", "--interval", "1", "--json").splitlines()
    proc.equal(len(lines), 2, "screens")
    screen = json.loads(lines[0])
    proc.check(screen["ready"] and screen["closed"]["out_of_step"] == 4 and ISO.match(screen["at"]), "the screen: %s" % screen)
    proc.equal((screen["worst"][0]["imei"], screen["worst"][0]["times"]), (imei, 4), "the worst device")
    proc.check("closed: out_of_step" in ok(bench, gw, "top", "--count", "1"), "top in words")
    silent = objects(bench, gw, "why", "--all")
    proc.equal({d["imei"] for d in silent["devices"]}, {other} | ({imei} if silent["silent"] == 2 else set()), "silent ones")
    ok(bench, gw, "why", "--all")
    ok(bench, gw, "why", imei)
    status = objects(bench, gw, "status")
    proc.check(ISO.match(status["started"]) and ISO.match(status["reloaded"]) and status["ready"] is True, "status: %s" % status)
    proc.equal(status["reload"], {"finished": None, "ok": True, "error": None, "asked": 0, "answered": 0}, "no reload yet")
    ok(bench, gw, "status")
    proc.equal(ok(bench, gw, "status", "-q"), "", "quiet")
    cluster.stop()
    proc.wait_until(lambda: gw.readyz()[0] == 503, 10, "the gateway has noticed")
    ok(bench, gw, "status", "-q", want=1)
    gw.stop()
    ok(bench, gw, "status", "--quiet", want=1)
    ok(bench, gw, "top", "--count", "1", want=1)


def test_quarantine(bench):
    """A frame with a wrong CRC that came twice is a copy, not quarantine; a bad time has its line; drop."""
    database = bench.database()
    imei, other = imeis(2)
    database.add_devices([imei, other])
    gw = bench.gateway(database)
    bad = wire.bad_crc(wire.frame(8, [wire.Record(NOW, 54.5, 25.5, sats=7)]))
    for _ in range(2):
        tracker = bench.tracker(gw, imei).login()
        tracker.send(bad)
        tracker.expect_closed(5, "a wrong CRC")
    count = lambda: database.rows("SELECT reason, attempts FROM device_ingest_raw ORDER BY id")
    proc.wait_until(lambda: count() == [["raw", "2"]], 5, "a copy: %s" % count())
    proc.equal(objects(bench, gw, "raw"), [], "the quarantine")
    proc.equal(objects(bench, gw, "status")["schema"]["quarantined"], 0, "how many are quarantined")
    tracker = bench.tracker(gw, imei).login()
    proc.equal(tracker.exchange(bad), 1, "ACK of the third")
    proc.equal([r["reason"] for r in objects(bench, gw, "raw")], ["crc"], "the quarantine")
    tracker = bench.tracker(gw, other).login()
    proc.equal(tracker.exchange(wire.frame(8, [wire.Record(2 ** 63)])), 1, "ACK of a time that no column holds")
    proc.check(gw.logged(r"bad frame \(content, codec 08, 1 records\): quarantined and acknowledged"), "its line")
    ok(bench, gw, "raw")
    proc.equal(objects(bench, gw, "raw", "drop", "--imei", imei), {"dropped": 1}, "dropped")
    proc.equal([r["reason"] for r in objects(bench, gw, "raw")], ["content"], "what is left")
    ident = str(objects(bench, gw, "raw")[0]["id"])
    ok(bench, gw, "raw", "drop", ident)
    ok(bench, gw, "raw", "drop", ident, want=1)
    proc.equal(objects(bench, gw, "raw", "drop", "--all"), {"dropped": 0}, "all of the quarantine")
    proc.equal(count(), [["raw", "2"]], "copies stay")
    ok(bench, gw, "raw", "drop", want=2)


def test_texts_of_others(bench):
    """Names that would drive a terminal, and answers with CR; JSON is in ASCII."""
    database = bench.database()
    imei = imeis(1)[0]
    database.query("INSERT INTO devices (imei, name) VALUES ('%s', E'Gr\\u00fcn\\u009b31m\\u0085\\u202e\\r\\033[2J')" % imei)
    database.query("INSERT INTO device_commands (imei, command_text) VALUES ('%s', 'getver')" % imei)
    gw = bench.gateway(database)
    out = ok(bench, gw, "device", "list")
    proc.check("Grün?31m????[2J" in out, "the name: %r" % out)
    raw = ok(bench, gw, "device", "list", "--json")
    proc.check(raw.isascii() and json.loads(raw)[0]["name"] == "Gr\u00fcn\u009b31m\u0085\u202e\r\033[2J", "JSON: %r" % raw)
    tracker = bench.tracker(gw, imei).login()
    tracker.exchange(wire.frame(8, [wire.Record(NOW)]))
    tracker.read(8 + 8 + 6 + 4)
    tracker.send(wire.message(wire.CODEC_12, 6, b"Ver:1\rHw:2\r\nok"))
    out = ok(bench, gw, "command", "wait", "1", "--timeout", "20")
    proc.equal(out, "Ver:1?Hw:2\nok\n", "the answer")


def test_default_file(bench):
    """An unreadable or wrong default configuration file does not stop a tool that needs nothing of it."""
    database = bench.database()
    found = re.search(r"default is\s+(\S+)", bench.tgctl("--help")[1]).group(1)
    top = os.path.dirname(os.path.dirname(found))
    if os.geteuid() != 0 or not os.path.isdir(top):
        return   # the file is put in place where only this test sees it

    def run(make, *args, url=database.url):
        """tgctl in a mount namespace of its own, in which the default file is what `make` makes."""
        script = "mount -t tmpfs none %s && mkdir %s && %s && exec \"$@\"" % (top, os.path.dirname(found), make % found)
        env = dict(gateway.sanitizer_env(bench.folder), PATH=os.environ["PATH"])
        if url:
            env["DATABASE_URL"] = url
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", gateway.TGCTL] + list(args), env=env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode, done.stdout.decode(), done.stderr.decode()
    if run("true >%s")[0] == 1:
        return   # no namespaces here
    wrong = "printf 'TELEM_NONSENSE=1\\nMETRICS_PORT=0\\n' >%s"
    code, out, err = run(wrong, "device", "list", "--json")
    proc.check(code == 0 and out == "[]\n" and ":1: " in err and "passed over" in err, "%d %s %s" % (code, out, err))
    code, _, err = run(wrong, "device", "list", url=None)
    proc.check(code == 2 and ":1: " in err, "what is needed is missing: %d %s" % (code, err))
    code, _, err = run(wrong, "device", "list", "-c", found)
    proc.check(code == 2, "a file that was named: %d %s" % (code, err))
    for args in (("device", "list"), ("why", imeis(1)[0]), ("migrate", "--dry-run")):
        code, _, err = run("mkdir %s", *args)   # root may read everything but this
        proc.check(code == 0 and "passed over" in err, "unreadable: %d %s" % (code, err))


def test_help_and_completion(bench):
    """Help fits 80 columns; the completion knows commands, actions, options and values."""
    commands = re.findall(r"^  ([a-z]+) ", bench.tgctl("--help")[1].split("Commands:")[1].split("Options:")[0], re.M)
    proc.check({"top", "session", "why", "device"} <= set(commands), "commands: %s" % commands)
    for command in commands:
        for line in bench.tgctl("help", command)[1].splitlines():
            proc.check(len(line) <= 80, "%d columns of help %s: %s" % (len(line), command, line))
    for words, want in ((("",), "device"), (("dev",), "device"), (("device", "im"), "import"),
                        (("raw", "--reason", "unk"), "unknown_codec"), (("command", "list", "--status", ""), "expired"),
                        (("why", "--a"), "--all"), (("decode", ""), ":files"), (("-c", ""), ":files"),
                        (("device", "import", ""), ":files"), (("sim", "--codec", ""), "8e")):
        offered = bench.tgctl("complete", "--", *words)[1].split("\n")
        proc.check(want in offered, "%r of %r: %s" % (want, words, offered))
    for shell, script in (("zsh", "tgctl.zsh"), ("fish", "tgctl.fish"), ("bash", "tgctl.bash")):
        for folder in os.environ["PATH"].split(":"):
            if os.access(os.path.join(folder, shell), os.X_OK):
                done = subprocess.run([shell, "-n", os.path.join(gateway.SOURCE, "etc", script)], stderr=subprocess.PIPE)
                proc.equal((done.returncode, done.stderr), (0, b""), "syntax of %s" % script)
                break


def test_decode_takes_what_is_pasted(bench):
    """decode reads lines of a log, 0x, colons, escapes and dumps."""
    data = wire.imei_packet("356307042441013") + wire.frame(8, [wire.Record(NOW, 54.5, 25.5, sats=7)])
    want = bench.tgctl("decode", "-", stdin=data)[1]
    proc.check('"kind":"avl"' in want, "binary: %s" % want)
    text = data.hex()
    dump = "".join("%08x: %s  %s\n" % (i, " ".join(text[2 * i:2 * i + 32][j:j + 4] for j in range(0, 32, 4)).strip(), "." * 16)
                   for i in range(0, len(data), 16))
    for form in (":".join(text[i:i + 2] for i in range(0, len(text), 2)),
                 ", ".join("0x" + text[i:i + 2] for i in range(0, len(text), 2)),
                 "".join("\\x" + text[i:i + 2] for i in range(0, len(text), 2)), repr(data), dump,
                 "2026-11-30 12:00:00 DEBUG [id 5027 < 1.2.3.4] HEX: %s\n" % text,
                 "2026-11-30T12:00:00.000Z worker 1 1.2.3.4:5 > %s\n2026-11-30T12:00:00.000Z worker 1 1.2.3.4:5 < 00000001\n"
                 % text):
        code, out, err = bench.tgctl("decode", "-", stdin=form.encode())
        proc.equal((code, out), (0, want), "%s %s" % (form[:60], err))


suite.main(globals())
