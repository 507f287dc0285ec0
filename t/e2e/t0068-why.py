#!/usr/bin/env python3
"""`tgctl why`: one silent tracker after the other, each made silent for real, and the reason it is told."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

NOW = int(time.time() * 1000)
DAY = 86400 * 1000


def why(bench, gw, imei, want=0):
    code, out, err = bench.tgctl("why", imei, "--json", "-c", gw.conf_path)
    proc.equal(code, want, "tgctl why: %s%s" % (out, err))
    return json.loads(out)


def facts(answer):
    return {f["fact"]: f["text"] for f in answer["facts"]}


def expect(bench, gw, imei, reason, *words):
    """Waits until that is the first reason, and the words stand in what is said."""
    def said():
        answer = why(bench, gw, imei)
        proc.equal(answer["reason"], reason, "reason of %s (%s)" % (imei, answer))
        for word in words:
            proc.check(word in json.dumps(answer), "%r in %s" % (word, answer))
        return answer
    return proc.wait_until(said, 10, "the reason is %s" % reason)


def fixed(ts, **more):
    return wire.Record(ts, 54.5, 25.5, sats=7, **more)


@suite.quick
def test_who_does_not_get_in(bench):
    """Never seen, refused as unknown, registered since, disabled: until it is let in and sends."""
    database = bench.database()
    gw = bench.gateway(database)
    imei = imeis(1)[0]
    expect(bench, gw, imei, "never_seen_unregistered", "tgctl device add " + imei)
    proc.equal(bench.tracker(gw, imei).handshake(), b"\0", "answer to the unknown one")
    expect(bench, gw, imei, "refused_unknown", "127.0.0.1", "tgctl device add " + imei)
    database.add_devices([imei])
    expect(bench, gw, imei, "refused_before", "unknown")
    proc.equal(bench.tgctl("device", "disable", imei, "-c", gw.conf_path)[0], 0, "device disable")
    proc.wait_until(lambda: bench.tracker(gw, imei).handshake() == b"\0", 5, "it is refused")
    expect(bench, gw, imei, "disabled", "tgctl device enable " + imei)
    other = imeis(2)[1]
    database.add_devices([other])
    expect(bench, gw, other, "never_seen", "APN")
    proc.equal(bench.tgctl("device", "enable", imei, "-c", gw.conf_path)[0], 0, "device enable")
    proc.wait_until(lambda: bench.tracker(gw, imei).handshake() == b"\x01", 5, "it is let in")
    tracker = bench.tracker(gw, imei).login()
    expect(bench, gw, imei, "no_records", "online since")
    tracker.exchange(wire.frame(8, [fixed(NOW)]))
    answer = expect(bench, gw, imei, "not_silent", "54.5")
    proc.check("1 with a fix" in facts(answer)["records"], "facts: %s" % answer)
    tracker.close()
    expect(bench, gw, imei, "offline", "54.5", "127.0.0.1")
    code, out, _ = bench.tgctl("why", imei, "-c", gw.conf_path)
    proc.check(code == 0 and out.startswith("It has been disconnected since 2"), "in words: %s" % out)
    proc.check("\n  -> " in out and "What is known:\n" in out, "advice and facts: %s" % out)


def test_what_it_sends(bench):
    """No fix; a clock in 1970 and in 2080; the same frame again; a codec that its model may not use."""
    database = bench.database()
    blind, past, future, liar, model = imeis(5)
    database.query("INSERT INTO device_models (device_model, codec_8e) VALUES ('FM1100', false)")
    database.add_devices([blind, past, future, liar])
    database.add_devices([model], device_model="FM1100")
    gw = bench.gateway(database)
    keep = []

    def send(imei, *frames):
        keep.append(bench.tracker(gw, imei).login())
        for frame in frames:
            keep[-1].exchange(frame)
    send(blind, wire.frame(8, [wire.Record(NOW - 1000 * i) for i in range(3)]))
    expect(bench, gw, blind, "no_fix", "newest 3 records", "Last valid fix: never")
    send(past, wire.frame(8, [fixed(NOW - 60000)]), wire.frame(8, [fixed(0)]))
    expect(bench, gw, past, "clock_wrong", "1970-01-01")
    send(past, wire.frame(8, [fixed(NOW)]))
    expect(bench, gw, past, "not_silent")
    send(future, wire.frame(8, [fixed(3471292800000)]))
    expect(bench, gw, future, "clock_wrong", "2080-01-01")
    send(liar, *[wire.frame(8, [fixed(NOW)], count2=2)] * 4)
    expect(bench, gw, liar, "counts_differ", "4 times", "counts differ")
    send(model, wire.frame(wire.CODEC_8E, [fixed(NOW)]))
    expect(bench, gw, model, "codec_not_allowed", "Codec 8E is off", "FM1100")


def test_commands(bench):
    """Commands that wait are told, without a word of their text."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database)
    database.query("INSERT INTO device_commands (imei, command_text) SELECT '%s', 'setparam hush'"
                   " FROM generate_series(1, 2)" % imei)
    answer = expect(bench, gw, imei, "never_seen", "command_waits")
    proc.check(facts(answer)["commands_pending"].startswith("2, "), "facts: %s" % answer)
    proc.check("hush" not in json.dumps(answer), "no text: %s" % answer)


def test_gateway_and_database(bench):
    """A gateway that is down; a database that is down, which is an answer if the gateway says so."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database)
    gw.stop()
    expect(bench, gw, imei, "gateway_unreachable", "never_seen")
    gw.start()
    cluster.stop()
    proc.wait_until(lambda: gw.readyz()[0] == 503, 10, "the gateway has noticed")
    expect(bench, gw, imei, "gateway_not_ready", "database")
    gw.stop()
    proc.equal(why(bench, gw, imei, want=1)["reason"], "gateway_unreachable", "reason")


suite.main(globals())
