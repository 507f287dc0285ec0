#!/usr/bin/env python3
"""`tgctl capture`: a device's bytes to a file, which `tgctl decode` reads and replays to another gateway."""
import json
import os
import stat
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis
from lib.follow import Follower

NOW = int(time.time() * 1000)
IMEI, STRANGER = imeis(2)


def record(i=0, **more):
    return wire.Record(NOW - 10 ** 6 + i * 1000, 54.5, 25.5, sats=7, **more)


def setup(bench, **keys):
    database = bench.database()
    database.add_devices([IMEI])
    path = os.path.join(bench.folder, "control%d.sock" % len(bench.gateways))
    return database, bench.gateway(database, TELEM_CONTROL_SOCKET=path, **keys)


class Capture(Follower):
    """Waits for the file itself, as nothing is printed before the end."""

    def __init__(self, bench, gw, imei, *args):
        self.file = os.path.join(bench.folder, "capture.hex")
        super().__init__(bench, gw, "capture", imei, "-o", self.file, *args)

    def text(self):
        if not os.path.exists(self.file):
            return self.process.output()
        with open(self.file) as f:
            return f.read()


def decode(bench, path, *args, want=0):
    code, out, err = bench.tgctl("decode", path, *args)
    proc.equal(code, want, "tgctl decode: %s%s" % (out, err))
    return [json.loads(line) for line in out.splitlines()]


@suite.quick
def test_and_replay(bench):
    """Split frames, two connections, a ping: whole items in the file; another gateway stores the same."""
    database, gw = setup(bench)
    capture = Capture(bench, gw, IMEI, "--for", "10m", "--json")
    frames = [wire.frame(wire.CODEC_8E, [record(i), record(i + 1)]) for i in range(0, 8, 2)]
    big = wire.frame(wire.CODEC_8, [record(100 + i) for i in range(255)])
    tracker = bench.tracker(gw, IMEI).login()
    for frame in frames:
        tracker.send_split(frame, 20)
        proc.equal(tracker.ack(), 2, "ACK")
    tracker.send(wire.PING)
    tracker.taken()
    again = bench.tracker(gw, IMEI).login()
    proc.equal(again.exchange(big), 255, "ACK of a long frame")
    again.send(frames[0][:30])
    again.taken()
    again.close()
    proc.wait_until(lambda: "closed by the tracker" in capture.text(), 10, "the end is in the file")
    proc.equal(capture.interrupt(), 0, "exit status after Ctrl-C")
    proc.equal(stat.S_IMODE(os.stat(capture.file).st_mode), 0o600, "mode of the file")
    said = json.loads(capture.process.output())
    proc.equal((said["connections"], said["items"], said["lost"]), (2, 8, 0), "what it says")
    kinds = [o["kind"] for o in decode(bench, capture.file)]
    proc.equal(kinds, ["imei"] + ["avl"] * 4 + ["ping", "imei", "avl"], "items")
    text = capture.text()
    proc.check("30 bytes left out" in text, "the frame that was never whole")
    proc.check("< the gateway:\n#   000000ff" in text, "the answers stand there too")
    second, other = setup(bench)
    shown = decode(bench, capture.file, "--replay", "127.0.0.1:%d" % other.port)
    proc.equal([o.get("answer") for o in shown], [True, 2, 2, 2, 2, None, True, 255], "answers")
    rows = [d.query(wire.ROW_SQL % IMEI) for d in (database, second)]
    proc.check(rows[0] == rows[1] and rows[0].count("\n") == 262, "the same rows in both")


def test_names(bench):
    """--names: comments below each frame say what its elements mean; the file is read as any other."""
    _, gw = setup(bench)
    capture = Capture(bench, gw, IMEI, "--for", "1h", "--names", "--model", "FMB920")
    tracker = bench.tracker(gw, IMEI).login()
    frame = wire.frame(wire.CODEC_8E, [record(0, io=[(66, b"\x30\x39")]), record(1, io=[(72, b"\xff\xff\xff\xf6")])])
    proc.equal(tracker.exchange(frame), 2, "ACK")
    proc.wait_until(lambda: "ACK 2" in capture.text(), 10, "the ACK is in the file")
    proc.equal(capture.interrupt(), 0, "exit status")
    said = [line for line in capture.text().split("\n") if "external_voltage 12.345 V" in line or "temperature_1 -1" in line]
    proc.equal([line[:1] for line in said], ["#", "#"], "names: %s" % capture.text())
    proc.equal([o["kind"] for o in decode(bench, capture.file)], ["imei", "avl"], "items")


def test_in_the_middle(bench):
    """Begun in the middle of a frame on a connection that is there: whole all the same, and replayable."""
    database, gw = setup(bench)
    tracker = bench.tracker(gw, IMEI).login()
    frame = wire.frame(wire.CODEC_8E, [record(i) for i in range(20)])
    tracker.send(frame[:300])
    tracker.taken()
    capture = Capture(bench, gw, IMEI, "--for", "1h")
    proc.wait_until(lambda: "is already connected" in capture.text(), 10, "it is found")
    proc.equal(tracker.exchange(frame[300:]), 20, "ACK")
    proc.wait_until(lambda: "ACK 20" in capture.text(), 10, "the ACK is in the file")
    proc.equal(capture.interrupt(), 0, "exit status")
    proc.equal([o["kind"] for o in decode(bench, capture.file)], ["imei", "avl"], "items")
    second, other = setup(bench)
    decode(bench, capture.file, "--replay", "127.0.0.1:%d" % other.port)
    proc.equal(second.number("SELECT count(*) FROM device_positions"), 20, "rows of the replay")


def test_refused_and_broken(bench):
    """A refused device, and one whose bytes are out of step: what it sent is in the file."""
    database, gw = setup(bench)
    capture = Capture(bench, gw, STRANGER, "--for", "600")
    proc.equal(bench.tracker(gw, STRANGER).handshake(), b"\0", "answer")
    proc.wait_until(lambda: "handshake refused" in capture.text(), 10, "the refusal is in the file")
    proc.equal(capture.interrupt(), 0, "exit status")
    proc.equal([o["kind"] for o in decode(bench, capture.file)], ["imei"], "items")
    os.unlink(capture.file)
    capture = Capture(bench, gw, IMEI, "--for", "600s")
    tracker = bench.tracker(gw, IMEI).login()
    tracker.send(b"GET / HTTP/1.1\r\n\r\n")
    tracker.expect_closed(5, "no tracker")
    bad = wire.bad_crc(wire.frame(8, [record()]))
    tracker = bench.tracker(gw, IMEI).login()
    tracker.send(bad)
    tracker.expect_closed(5, "a wrong CRC")
    proc.wait_until(lambda: "wrong CRC" in capture.text(), 10, "the end is in the file")
    proc.equal(capture.interrupt(), 0, "exit status")
    proc.equal([o["kind"] for o in decode(bench, capture.file, want=1)], ["imei", "imei", "avl"], "items")
    proc.check(b"GET / HTTP/1.1\r\n\r\n".hex() in capture.text(), "what was out of step")


def test_limits(bench):
    """The time is needed and has an end; a file that is there is left alone unless told otherwise."""
    database, gw = setup(bench)
    for args in ((), ("--for", "25h"), ("--for", "0"), ("--for", "soon")):
        code, out, err = bench.tgctl("capture", IMEI, *args, "-c", gw.conf_path)
        proc.check(code == 2 and "--for" in err, "capture %s: %d %s%s" % (args, code, out, err))
    path = os.path.join(bench.folder, "precious")
    with open(path, "w") as f:
        f.write("precious")
    os.chmod(path, 0o644)
    code, _, err = bench.tgctl("capture", IMEI, "--for", "1", "-o", path, "-c", gw.conf_path)
    proc.check(code == 1 and "--overwrite" in err, "a file that is there: %d %s" % (code, err))
    with open(path) as f:
        proc.equal(f.read(), "precious", "the file")
    code, out, err = bench.tgctl("capture", IMEI, "--for", "1", "-o", path, "--overwrite", "-c", gw.conf_path)
    proc.check(code == 0 and "0 items" in out, "overwritten: %d %s%s" % (code, out, err))
    proc.equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode of the file")
    code, out, err = bench.tgctl("capture", IMEI, "--for", "1", "-o", "-", "-c", gw.conf_path)
    proc.check(code == 0 and "the time is over" in out, "to standard output: %d %s%s" % (code, out, err))
    gw.stop()
    missing = os.path.join(bench.folder, "missing")
    code, _, err = bench.tgctl("capture", IMEI, "--for", "1", "-o", missing, "-c", gw.conf_path)
    proc.check(code == 1 and not os.path.exists(missing), "no gateway, no file: %d %s" % (code, err))


suite.main(globals())
