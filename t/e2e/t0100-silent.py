#!/usr/bin/env python3
"""Twenty-two silent trackers, each made silent for real: the first cause that `tgctl why` names is the right one."""
import ctypes
import json
import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import commands, proc, suite, wire
from lib.fleet import imeis

NOW = int(time.time() * 1000)
SO_ATTACH_FILTER = 26


def fixed(ts=None, **more):
    return wire.Record(int(time.time() * 1000) if ts is None else ts, 54.5, 25.5, sats=7, **more)


def good(**more):
    return wire.frame(8, [fixed(**more)])


def why(bench, gw, imei):
    code, out, err = bench.tgctl("why", imei, "--json", "-c", gw.conf_path)
    proc.equal(code, 0, "tgctl why: %s%s" % (out, err))
    return json.loads(out)


class Case:
    """One tracker, with an address of its own, so that the ledgers can tell them apart."""

    count = 0

    def __init__(self, bench, gw, database, imei, **columns):
        Case.count += 1
        self.bench, self.gw, self.database, self.imei = bench, gw, database, imei
        self.source = "127.0.%d.%d" % (1 + Case.count // 200, 1 + Case.count % 200)
        database.add_devices([imei], **columns)

    def connect(self, imei=None):
        return self.bench.tracker(self.gw, imei or self.imei, source=self.source)

    def login(self):
        """Accepted, also where the gateway has not heard of the new row yet."""
        found = []

        def accepted():
            tracker = self.connect()
            found.append(tracker)
            return tracker.handshake() == b"\x01"
        proc.wait_until(accepted, 10, "%s is accepted" % self.imei, every=0.2)
        return found[-1]

    def was_well(self):
        """It came once, was served, and has left."""
        tracker = self.login()
        tracker.exchange(good())
        tracker.close()
        self.offline()

    def offline(self):
        proc.wait_until(lambda: self.database.query(
            "SELECT o.online FROM device_online o JOIN devices d ON d.id = o.device_id WHERE imei = '%s'" % self.imei)
            == "f", 5, "%s is offline" % self.imei)

    def expect(self, reason, *words, seconds=10):
        """Waits until that is the first cause, and the words stand in its answer or advice."""
        def named():
            answer = why(self.bench, self.gw, self.imei)
            proc.equal(answer["reason"], reason, "first cause of %s (%s)" % (self.imei, json.dumps(answer)))
            for word in words:
                proc.check(word in answer["answer"] + answer["advice"], "%r in %s" % (word, answer))
            return answer
        return proc.wait_until(named, seconds, "the cause is %s" % reason)

    def say(self, data, close=True):
        """What a stranger says; the gateway closes."""
        tracker = self.connect()
        tracker.send(data)
        if close:
            tracker.expect_closed(10, "what is no tracker")
        return tracker


def deafen(sock):
    """The NAT on the way forgets the connection: nothing reaches the tracker any more, and nobody is told. False: refused."""
    class Filter(ctypes.Structure):
        _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32)]

    class Program(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]
    drop = Filter(0x06, 0, 0, 0)
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(Program(1, ctypes.pointer(drop))))
    except PermissionError:
        proc.check(os.geteuid() != 0, "root may attach a filter")
        print("# not tested: 14, a NAT that forgets: this kernel has only root attach a filter to a TCP socket")
        return False
    return True


def gateway(bench, database, **keys):
    return bench.gateway(database, TELEM_FRAME_TIMEOUT_S=1, TELEM_COMMAND_TIMEOUT_MS=300,
                         TELEM_COMMAND_MAX_ATTEMPTS=1, **keys)


def test_registered_but_absent(bench):
    """1 never seen, 2 two digits swapped, 3 disabled, 11 TLS, 12 MQTT, 13 UDP, 19 sixteen digits."""
    database = bench.database()
    gw = gateway(bench, database)
    names = iter(imeis(20, 356307042530000))

    Case(bench, gw, database, next(names)).expect("never_seen", "APN")
    case = Case(bench, gw, database, "356307042414013")   # on the label stands 356307042441013
    proc.equal(case.connect("356307042441013").handshake(), b"\0", "the other IMEI is refused")
    case.expect("other_imei", "356307042441013", "two digits swapped", "tgctl device set")
    case = Case(bench, gw, database, next(names), enabled="f")
    proc.equal(case.connect().handshake(), b"\0", "the disabled one is refused")
    case.expect("disabled", "tgctl device enable", case.source)

    case = Case(bench, gw, database, next(names))
    case.was_well()
    case.say(bytes.fromhex("16030102000100 01fc0303c0ffee".replace(" ", "")))
    case.expect("unidentified_tls", "TLS", case.source, "16030102000100", "without TLS")
    case = Case(bench, gw, database, next(names))
    case.was_well()
    case.say(b"\x10\x24\0\4MQTT\4\2\0\x3c\0\x18")
    case.expect("unidentified_mqtt", "MQTT", case.source)
    case = Case(bench, gw, database, next(names))   # never seen, and nobody else comes from there
    case.say(b"\x10\x24\0\4MQTT\4\2\0\x3c\0\x18")
    case.expect("unidentified_mqtt", "may be this tracker")
    database.query("DELETE FROM unidentified_connections")

    case = Case(bench, gw, database, next(names))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.sendto(b"\0\x3d\xca\xfe\1\5\0\x0f" + case.imei.encode(), ("127.0.0.1", gw.port))
    udp.close()
    case.expect("never_seen", "TCP and not UDP")
    case.say(b"\0\x3d\xca\xfe\1\5\0\x0f" + case.imei.encode())   # and the same framing over TCP
    case.expect("unidentified_udp_framing", "TCP", "first digits of its IMEI")
    database.query("DELETE FROM unidentified_connections")
    for length, digits, what in ((16, "7", "imei_16_digits"), (14, "", "imei_14_digits")):
        case = Case(bench, gw, database, next(names))
        case.say(bytes([0, length]) + (case.imei + digits)[:length].encode())
        case.expect("unidentified_" + what, "It comes, but says", case.source, "check digit" if length == 14 else "IMEISV")
    case = Case(bench, gw, database, "353109469404033")
    case.say(bytes.fromhex("0000000500014126b47d9b8100000000"))
    case.expect("unidentified_camera", "camera")


def test_what_it_says(bench):
    """4 a codec that its model may not use, 5 no fix, 6 a clock in 2080, 7 in 2019, 8 unknown codec, 9 wrong CRC, 10 counts."""
    database = bench.database()
    gw = gateway(bench, database)
    names = iter(imeis(20))
    database.query("INSERT INTO device_models (device_model, codec_8e) VALUES ('FM1100', false)")

    case = Case(bench, gw, database, next(names), device_model="FM1100")
    case.login().exchange(wire.frame(wire.CODEC_8E, [fixed()]))
    case.expect("codec_not_allowed", "Codec 8E is off", "FM1100")
    case = Case(bench, gw, database, next(names))
    case.login().exchange(wire.frame(8, [wire.Record(NOW - 1000 * i) for i in range(3)]))
    case.expect("no_fix", "newest 3 records", "sky")
    case = Case(bench, gw, database, next(names))
    case.login().exchange(good(ts=3471292800000))
    case.expect("clock_wrong", "ahead by 5", "years", "2080-01-01")
    case = Case(bench, gw, database, next(names))
    tracker = case.login()
    tracker.exchange(good(ts=NOW - 60000))
    tracker.exchange(good(ts=1546300800000))
    case.expect("clock_wrong", "behind by ", "years", "2019-01-01")
    case = Case(bench, gw, database, next(names))   # three hours: a time zone
    case.login().exchange(good(ts=NOW + 3 * 3600 * 1000))
    case.expect("clock_wrong", "ahead by 3 h", "time zone")
    case = Case(bench, gw, database, next(names))
    tracker = case.login()
    for _ in range(3):
        tracker.send(wire.wrap(bytes.fromhex("9901020304050601")))
    case.expect("unknown_codec", "3 times", "Codec 8")
    case = Case(bench, gw, database, next(names))
    bad = wire.bad_crc(good(ts=NOW))
    for _ in range(2):
        tracker = case.login()
        tracker.send(bad)
        tracker.expect_closed(10, "a wrong CRC")
    case.offline()
    case.expect("closed_crc", "2 times in a row", "wrong CRC")
    tracker = case.login()
    for _ in range(3):
        tracker.exchange(bad)
    case.expect("wrong_crc", "again and again", "CRC")
    case = Case(bench, gw, database, next(names))
    tracker = case.login()
    for _ in range(4):
        tracker.exchange(wire.frame(8, [fixed(ts=NOW)], count2=2))
    case.expect("counts_differ", "4 times", "counts differ")


def test_how_it_ends(bench):
    """14 a NAT that forgets, 15 reconnects, 16 pings only, 17 an unfinished frame, 18 no answer to a command, 22 junk."""
    database = bench.database()
    gw = gateway(bench, database)
    names = iter(imeis(30))
    forgotten = Case(bench, gw, database, next(names))
    link = forgotten.login()
    link.exchange(good())
    is_deaf = deafen(link.sock)   # keep-alive takes more than a minute to find out: the others come first

    case = Case(bench, gw, database, next(names))
    case.login().close()
    case.offline()
    for _ in range(4):
        case.login().close()
    case.offline()
    case.expect("reconnects", "5 connections")
    case = Case(bench, gw, database, next(names))   # the same, but the old one is left open
    held = [case.login() for _ in range(5)]
    case.expect("reconnects", "connections ended within")
    proc.equal(len(held), 5, "connections")
    case = Case(bench, gw, database, next(names))   # two devices with one IMEI
    other = Case(bench, gw, database, next(names))
    for _ in range(3):
        held += [case.login(), bench.tracker(gw, case.imei, source=other.source).login()]
    case.expect("flaps", "different addresses", "Two devices")

    case = Case(bench, gw, database, next(names))
    tracker = case.login()
    time.sleep(1.5)   # a ping in the second of the handshake is as good as that
    tracker.send(wire.PING)
    case.expect("pings_only", "sends pings", "Min Period")
    case = Case(bench, gw, database, next(names))
    for _ in range(2):
        tracker = case.login()
        tracker.send(good()[:-9])
        tracker.expect_closed(10, "an unfinished frame")
    case.offline()
    case.expect("closed_frame_timeout", "2 times in a row", "TELEM_FRAME_TIMEOUT_S", "signal")
    case = Case(bench, gw, database, next(names))
    tracker = case.login()
    tracker.exchange(good())
    ident = commands.queue(database, case.imei, "setparam hush")
    commands.read(tracker)
    commands.wait_status(database, ident, "failed", 10)
    answer = case.expect("command_unanswered", "command", str(ident))
    proc.check("hush" not in json.dumps(answer), "no text of a command")

    ends = (("closed_out_of_step", b"+CSQ: 12" + good(), "junk before it"),
            ("closed_out_of_step", good() + b"\r\n\r\n\r\n\r\n", "padding behind it"),
            ("closed_length", b"\0\0\0\0\xff\xff\xff\xff\x08", "too long or too short"),
            ("closed_other_imei", wire.imei_packet("350000009999999"), "two trackers"))
    for reason, data, words in ends:
        case = Case(bench, gw, database, next(names))
        for _ in range(3):
            tracker = case.login()
            tracker.send(data)
            proc.wait_until(tracker_is_over(tracker), 10, "it is closed")
        case.offline()
        case.expect(reason, "3 times in a row", words)
    if is_deaf:
        forgotten.expect("closed_keepalive", "NAT", "ping", seconds=120)
    closed = {k[1]["reason"]: v for k, v in labelled(gw, "telematics_connections_closed_total")}
    for reason in ("peer", "frame_timeout", "out_of_step", "length", "other_imei", "takeover",
                   "takeover_elsewhere") + (("keepalive",) if is_deaf else ()):
        proc.check(closed[reason] > 0, "%s in %s" % (reason, closed))


def tracker_is_over(tracker):
    """Reads whatever comes until the gateway has closed."""
    def over():
        tracker.sock.settimeout(0.2)
        try:
            return tracker.sock.recv(64) == b""
        except socket.timeout:
            return False
        except ConnectionError:
            return True
    return over


def labelled(gw, name):
    """(name, labels), value of all samples of a metric."""
    for line in gw.http("/metrics")[1].splitlines():
        if line.startswith(name + "{"):
            labels, value = line[len(name) + 1:].split("} ")
            yield (name, dict(part.replace('"', "").split("=") for part in labels.split(","))), float(value)


def test_not_let_in(bench):
    """20 outside the allowed networks, or without the PROXY header that is asked for; 21 the database down; a reload."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    gw = gateway(bench, database)
    names = iter(imeis(9))
    outside, proxied, drained = (Case(bench, gw, database, next(names)) for _ in range(3))
    outside.was_well()
    held = drained.login()
    held.exchange(good())
    gw.write_conf(TELEM_GATEWAY_ALLOW_CIDR="%s,%s" % (proxied.source, drained.source),
                  TELEM_PROXY_FROM=proxied.source)
    gw.hup()
    drained.offline()
    drained.expect("offline", "stopped, reloaded or upgraded", "has not come again")
    proc.wait_until(lambda: gw.logged("generation 2"), 20, "the reload is done")
    outside.expect("not_allowed", "outside TELEM_GATEWAY_ALLOW_CIDR", outside.source)
    outside.connect().expect_closed(10, "outside")
    outside.expect("not_allowed", "closes its connections unheard", "1 time")
    tracker = proxied.connect()
    tracker.send(wire.imei_packet(proxied.imei))
    tracker.expect_closed(10, "no PROXY header")
    proxied.expect("no_proxy_header", "It comes, but has no PROXY header", proxied.source)
    cluster.stop()
    proc.wait_until(lambda: gw.readyz()[0] == 503, 10, "the gateway has noticed")
    drained.expect("gateway_not_ready", "database")


suite.main(globals())
