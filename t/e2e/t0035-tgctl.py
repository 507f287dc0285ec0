#!/usr/bin/env python3
"""tgctl as an operator uses it: device, status, rejected, raw, decode; with --json; with exit statuses."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis


def tool(bench, gw, *args, want=0, stdin=None):
    code, out, err = bench.tgctl(*args, "-c", gw.conf_path, stdin=stdin)
    proc.equal(code, want, "exit status of tgctl %s (%s%s)" % (" ".join(args), out, err))
    return out


def objects(text):
    """What a --json command prints: one document, or an object a line."""
    try:
        whole = json.loads(text)
        return whole if isinstance(whole, list) else [whole]
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def test_devices(bench):
    """device add, list, show, disable and enable do what the gateway then follows."""
    gw = bench.gateway(bench.database())
    imei = imeis(1)[0]
    tool(bench, gw, "device", "add", imei)
    proc.wait_until(lambda: bench.tracker(gw, imei).handshake() == b"\x01", 2, "the device is accepted")
    proc.check(imei in tool(bench, gw, "device", "list"), "device list names it")
    proc.check(imei in tool(bench, gw, "device", "show", imei), "device show names it")
    proc.check(imei in json.dumps(objects(tool(bench, gw, "device", "show", imei, "--json"))), "as JSON")
    tracker = bench.tracker(gw, imei).login()
    tool(bench, gw, "device", "disable", imei)
    proc.wait_until(tracker.is_closed, 2, "its session is closed")
    proc.equal(bench.tracker(gw, imei).handshake(), b"\x00", "answer to the disabled device")
    tool(bench, gw, "device", "enable", imei)
    proc.wait_until(lambda: bench.tracker(gw, imei).handshake() == b"\x01", 2, "the device is accepted")
    tool(bench, gw, "device", "show", "350000000000999", want=1)
    tool(bench, gw, "device", "add", "12345", want=2)
    tool(bench, gw, "device", "add", imei, want=1)


def test_views(bench):
    """status, rejected and raw show what happened, as text and as JSON."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database)
    bench.tracker(gw, "350000000000777").handshake()
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    record = wire.Record(int(time.time() * 1000), 54.5, 25.5, sats=7)
    tracker.exchange(wire.frame(8, [record] * 2, count2=3))
    proc.wait_until(lambda: database.number("SELECT count(*) FROM rejected_devices"), 5, "the ledger")
    proc.check("350000000000777" in tool(bench, gw, "rejected"), "rejected names the refused one")
    proc.check("350000000000777" in json.dumps(objects(tool(bench, gw, "rejected", "--json"))), "as JSON")
    proc.check(imeis(1)[0] in tool(bench, gw, "raw") or imeis(1)[0] in tool(bench, gw, "raw", "list"),
               "raw names the device of the quarantined frame")
    proc.check(tool(bench, gw, "status").strip(), "status says something")
    proc.check(objects(tool(bench, gw, "status", "--json")), "status as JSON")
    gw.stop()
    tool(bench, gw, "status", want=1)


@suite.quick
def test_decode(bench):
    """decode prints a frame's records as JSON lines; broken input ends with status 1."""
    record = wire.Record(1560161086000, 54.5, 25.25, alt=-3, angle=90, sats=7, speed=50, io=[(66, b"\x30\x39")])
    frame = wire.frame(wire.CODEC_8E, [record, record])
    for data in (frame.hex().encode() + b"\n", frame):
        code, out, err = bench.tgctl("decode", stdin=data)
        proc.equal(code, 0, "exit status (%s)" % err)
        proc.check("12345" in out and "25.25" in out, "the decoded record: %s" % out)
        for line in out.splitlines():
            json.loads(line)
    code, out, err = bench.tgctl("decode", stdin=wire.bad_crc(frame))
    proc.check(code == 1, "a wrong CRC: status %d, %s%s" % (code, out, err))


def test_usage(bench):
    """Every command has --help; wrong arguments end with status 2."""
    for command in ("migrate", "decode", "sim", "device", "command", "status", "rejected", "raw", "why",
                    "trace", "capture"):
        code, out, err = bench.tgctl(command, "--help")
        proc.check(code == 0 and command in out, "tgctl %s --help: %d %r %r" % (command, code, out, err))
        code, out, err = bench.tgctl(command, "--no-such-option")
        proc.check(code == 2 and err, "tgctl %s --no-such-option: %d %r" % (command, code, err))
    proc.equal(bench.tgctl()[0], 2, "tgctl alone")
    proc.equal(bench.tgctl("no-such-command")[0], 2, "an unknown command")
    code, _, err = bench.tgctl("migrate", url="host=/nowhere dbname=x password=hush")
    proc.check(code == 1 and "hush" not in err and err, "a database that isn't there: %d %r" % (code, err))


suite.main(globals())
