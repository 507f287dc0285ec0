#!/usr/bin/env python3
"""PROXY protocol from named balancers: the header's address is the tracker's, everywhere."""
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis

RECORD = wire.Record(int(time.time() * 1000), 54.5, 25.5, sats=7)
BALANCER = "127.0.0.2"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v1(source, port=40000):
    family = 6 if ":" in source else 4
    return ("PROXY TCP%d %s %s %d 5027\r\n" % (family, source, source, port)).encode()


def v2(source=None, port=40000, tlvs=b""):
    """Of version 2; without an address the balancer's own (LOCAL)."""
    if source is None:
        return SIGNATURE + b"\x20\0" + struct.pack(">H", len(tlvs)) + tlvs
    kind = socket.AF_INET6 if ":" in source else socket.AF_INET
    body = socket.inet_pton(kind, source) * 2 + struct.pack(">HH", port, 5027) + tlvs
    return SIGNATURE + (b"\x21\x21" if ":" in source else b"\x21\x11") + struct.pack(">H", len(body)) + body


def setup(bench, n=4, **keys):
    database = bench.database()
    database.add_devices(imeis(n))
    return database, bench.gateway(database, TELEM_PROXY_FROM="192.0.2.0/24, " + BALANCER, **keys)


def behind(bench, gw, header, imei="?"):
    """A connection that the balancer passes on."""
    tracker = bench.tracker(gw, imei, source=BALANCER)
    tracker.send(header)
    return tracker


def refused(gw, reason):
    return gw.metrics()['telematics_connections_refused_total{reason="%s"}' % reason]


def online_from(database, imei):
    return database.query("SELECT host(o.remote_addr) FROM device_online o JOIN devices d ON d.id = o.device_id"
                          " WHERE d.imei = '%s' AND o.online" % imei)


@suite.quick
def test_address(bench):
    """Either version, IPv4 and IPv6: tables and log name the tracker's address; ACKs flow as ever."""
    database, gw = setup(bench)
    long = v2("2001:db8::5", 1234, b"\x04\0\x40" + b"x" * 64)
    for imei, header, want in zip(imeis(4), (v1("203.0.113.7"), v1("2001:db8::7"), v2("203.0.113.8"), long),
                                  ("203.0.113.7", "2001:db8::7", "203.0.113.8", "2001:db8::5")):
        tracker = behind(bench, gw, header, imei).login()
        proc.equal(tracker.exchange(wire.frame(wire.CODEC_8, [RECORD])), 1, "ACK")
        proc.wait_until(lambda: online_from(database, imei) == want, 5, "device_online says " + want)
    unknown = behind(bench, gw, v1("203.0.113.9", 4321), "350000000009999")
    proc.equal(unknown.handshake(), b"\x00", "answer to an unknown one")
    proc.wait_until(lambda: database.query("SELECT host(last_remote_addr) FROM rejected_devices") == "203.0.113.9",
                    5, "rejected_devices has the tracker's address")
    proc.wait_until(lambda: gw.logged(r"imei=350000000009999 peer=203\.0\.113\.9:4321"), 5, "the log has it too")
    direct = bench.tracker(gw, imeis(1)[0]).login()
    proc.equal(direct.exchange(wire.frame(wire.CODEC_8, [RECORD])), 1, "who is no balancer needs no header")
    proc.wait_until(lambda: online_from(database, imeis(1)[0]) == "127.0.0.1", 5, "and has its own address")


def test_pieces(bench):
    """Header, IMEI and frame in one piece, or the header cut at every byte: all the same."""
    _, gw = setup(bench, 1)
    imei = imeis(1)[0]
    frame = wire.frame(wire.CODEC_8E, [RECORD])
    for header in (v1("203.0.113.7"), v2("203.0.113.7"), v2("2001:db8::7", 1, b"\x04\0\1x")):
        tracker = behind(bench, gw, header + wire.imei_packet(imei) + frame)
        proc.equal(tracker.read(5), b"\x01\0\0\0\x01", "welcome and ACK")
        tracker.close()
        for at in range(1, len(header) + 1, 1 if len(header) < 60 else 7):
            tracker = bench.tracker(gw, imei, source=BALANCER)
            tracker.send_split(header + wire.imei_packet(imei), at)
            proc.equal(tracker.read(1), b"\x01", "answer, cut at %d" % at)
            tracker.close()
        tracker = bench.tracker(gw, imei, source=BALANCER)
        for i in range(len(header)):
            tracker.send(header[i:i + 1])
            tracker.taken()
        tracker.login()
        tracker.close()
    proc.equal(refused(gw, "proxy"), 0, "refused headers")


def test_bad(bench):
    """What is no header closes a balancer's connection; anybody else's header is a bad handshake."""
    _, gw = setup(bench, 2, TELEM_HANDSHAKE_TIMEOUT_S=2)
    bad = [wire.imei_packet(imeis(1)[0]), b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
           b"PROXY TCP4 1.2.3.4.5 1.2.3.4 1 2\r\n", b"PROXY UNKNOWN " + b"x" * 200,
           SIGNATURE + b"\x21\x11\xff\xff", SIGNATURE + b"\x31\0\0\0", SIGNATURE + b"\x21\x11\0\x04abcd", b"\xff"]
    for data in bad:
        behind(bench, gw, data).expect_closed(5, "%r" % data)
    proc.equal(refused(gw, "proxy"), len(bad), "bad headers counted")
    proc.check(gw.logged(r"WARN .*TELEM_PROXY_FROM.* peer=127\.0\.0\.2:\d+"), "the log says why")
    twice = behind(bench, gw, v1("203.0.113.7") + v1("203.0.113.7"))
    twice.expect_closed(5, "a second header")
    other = bench.tracker(gw, "?")
    other.send(v2("203.0.113.7") + wire.imei_packet(imeis(1)[0]))
    other.expect_closed(5, "a header from one who is no balancer")
    metrics = gw.metrics()
    proc.equal(metrics['telematics_imei_rejected_total{reason="malformed"}'], 2, "bad handshakes")
    proc.equal(metrics["telematics_handshakes_total"], 0, "handshakes")
    waiting = [behind(bench, gw, v1("203.0.113.7")[:20]), bench.tracker(gw, "?", source=BALANCER),
               behind(bench, gw, v2("203.0.113.7"))]
    for tracker in waiting:
        proc.wait_until(tracker.is_closed, 10, "half a header, none, or no IMEI behind it: in time or never")
    proc.equal(gw.metrics()['telematics_timeouts_total{what="handshake"}'], 3, "time-outs")


def test_health_checks(bench):
    """A balancer that looks whether we are there leaves no trace in log and counters of trouble."""
    _, gw = setup(bench, 1)
    before = gw.metrics()["telematics_tcp_connections_total"]
    mark = len(gw.log_text())
    checks = 0
    for header in (b"", v2(), v2(tlvs=b"\x04\0\1x"), b"PROXY UNKNOWN\r\n", v1("203.0.113.7"), v2()[:9]):
        for end in ("close", "reset"):
            tracker = behind(bench, gw, header)
            if header and end == "reset":
                tracker.taken()
            getattr(tracker, end)()
            checks += 1
    proc.wait_until(lambda: gw.metrics()["telematics_tcp_connections_total"] - before >= checks and
                    gw.metrics()['telematics_connections{state="handshake"}'] == 0, 10, "all came and went")
    local = behind(bench, gw, v2(), imeis(1)[0]).login()
    proc.equal(local.exchange(wire.frame(wire.CODEC_8, [RECORD])), 1, "ACK to the balancer's own tracker")
    metrics = gw.metrics()
    for name in ('telematics_connections_refused_total{reason="proxy"}',
                 'telematics_imei_rejected_total{reason="malformed"}',
                 'telematics_timeouts_total{what="handshake"}'):
        proc.equal(metrics[name], 0, name)
    proc.equal([line for line in gw.log_text()[mark:].splitlines() if BALANCER in line], [], "lines about them")


def test_admission(bench):
    """TELEM_GATEWAY_ALLOW_CIDR and the limit per address hold for the address in the header."""
    _, gw = setup(bench, 4, TELEM_GATEWAY_ALLOW_CIDR="203.0.113.0/24,2001:db8::/32",
                  TELEM_MAX_CONNECTIONS_PER_ADDRESS=2)
    names = imeis(4)
    inside = [behind(bench, gw, v1("203.0.113.7"), names[0]).login(),
              behind(bench, gw, v2("2001:db8::1"), names[1]).login(),
              behind(bench, gw, v2("203.0.113.7"), names[2]).login()]
    for header in (v1("198.51.100.1"), v2("2001:db9::1")):
        behind(bench, gw, header + wire.imei_packet(names[3])).expect_closed(5, "outside: %r" % header)
    bench.tracker(gw, "?").expect_closed(5, "a direct one, from outside")
    proc.equal(refused(gw, "cidr"), 3, "refused for their network")
    proc.check(gw.logged(r"outside TELEM_GATEWAY_ALLOW_CIDR .* peer=(198\.51\.100\.1|\[2001:db9::1\]):"), "in the log")
    behind(bench, gw, v1("203.0.113.7") + wire.imei_packet(names[3])).expect_closed(5, "the third of its address")
    proc.equal(refused(gw, "address"), 1, "refused for their number")
    behind(bench, gw, v1("203.0.113.8"), names[3]).login()
    behind(bench, gw, v2(), names[3]).login()   # the balancer's own: not outside, not counted
    inside[0].close()
    proc.wait_until(lambda: served(bench, gw, v1("203.0.113.7"), names[0]), 10, "there is room again")


def served(bench, gw, header, imei):
    try:
        behind(bench, gw, header, imei).login()
        return True
    except (proc.Failure, OSError):
        return False


def test_reload(bench):
    """SIGHUP takes the list: who is a balancer then needs a header, and who no longer is, none."""
    database = bench.database()
    database.add_devices(imeis(1))
    gw = bench.gateway(database)
    bench.tracker(gw, imeis(1)[0], source=BALANCER).login()
    gw.write_conf(TELEM_PROXY_FROM=BALANCER)
    gw.hup()
    proc.wait_until(lambda: served(bench, gw, v1("203.0.113.7"), imeis(1)[0]), 20, "headers are read")
    gw.write_conf(TELEM_PROXY_FROM="192.0.2.1")
    gw.hup()
    proc.wait_until(lambda: served(bench, gw, b"", imeis(1)[0]), 20, "headers are no longer expected")


suite.main(globals())
