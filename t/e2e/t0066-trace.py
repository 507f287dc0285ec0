#!/usr/bin/env python3
"""`tgctl trace`: one device followed live through the control socket, also when it is refused."""
import os
import select
import signal
import socket
import stat
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import commands, proc, suite, wire
from lib.fleet import imeis
from lib.follow import Follower

NOW = int(time.time() * 1000)
IMEI, OTHER, STRANGER = imeis(3)


def record(i=0, **more):
    return wire.Record(NOW - 10 ** 6 + i * 1000, 54.5, 25.5, sats=7, **more)


def setup(bench, database=None, **keys):
    database = database or bench.database()
    database.add_devices([IMEI, OTHER])
    path = os.path.join(bench.folder, "control.sock")
    return database, bench.gateway(database, TELEM_CONTROL_SOCKET=path, **keys), path


def trace(bench, gw, imei, *args):
    return Follower(bench, gw, "trace", imei, "--json", *args, began='"tracing"')


@suite.quick
def test_story(bench):
    """Handshake, frames, what became of them, ACKs, pings, messages, the end: in order, of it alone."""
    database, gw, path = setup(bench)
    proc.equal(stat.S_IMODE(os.stat(path).st_mode), 0o660, "mode of the socket")
    watch = trace(bench, gw, IMEI)
    first = watch.events("tracing")[0]
    proc.equal((first["imei"], first["workers"], first["workers_missed"]), (IMEI, 2, 0), "first event")
    other = bench.tracker(gw, OTHER).login()
    other.exchange(wire.frame(8, [record()]))
    tracker = bench.tracker(gw, IMEI).login()
    tracker.send(wire.PING)
    proc.equal(tracker.exchange(wire.frame(wire.CODEC_8E, [record(0), record(1)])), 2, "ACK")
    proc.equal(tracker.exchange(wire.frame(wire.CODEC_8, [record(0), record(1), record(2)])), 3, "ACK")
    proc.equal(tracker.exchange(wire.frame(wire.CODEC_8, [record(3)], count2=2)), 1, "ACK of a lie")
    tracker.send(wire.message(wire.CODEC_12, 6, b"hush hush"))
    watch.wait_for("message_stored")
    tracker.send(b"\0\0\0\1")
    tracker.expect_closed(5, "out of step")
    watch.wait_for("closed")
    events = watch.events()
    names = [e["event"] for e in events[1:]]
    proc.equal(names, ["connected", "accepted", "ping", "frame", "stored", "ack", "frame", "stored",
                       "ack", "frame", "quarantined", "ack", "frame", "message_stored", "closed"],
               "events")
    peer = "127.0.0.1:%d" % tracker.sock.getsockname()[1]
    proc.equal({e.get("peer") for e in events[1:]} - {None}, {peer}, "peers")
    frame = watch.events("frame")[0]
    proc.equal((frame["codec"], frame["records"], frame["crc_ok"], frame["verdict"]),
               (wire.CODEC_8E, 2, True, "store"), "the first frame")
    proc.equal([(e["stored"], e["duplicate"]) for e in watch.events("stored")], [(2, 0), (1, 2)],
               "what was stored")
    proc.equal([e["count"] for e in watch.events("ack")], [2, 3, 1], "ACKs")
    proc.check(all(0 < e["after_us"] < 60e6 for e in watch.events("ack")), "times of the ACKs")
    proc.equal(watch.events("quarantined")[0]["reason"], "count", "reason of the quarantine")
    proc.check("out of step" in watch.events("closed")[0]["why"], "why it was closed")
    proc.check("hush" not in watch.text() and OTHER not in watch.text(), "nothing else")
    proc.equal(watch.interrupt(), 0, "exit status after Ctrl-C")
    gw.stop()
    proc.check(not os.path.exists(path), "the socket is gone after a clean stop")


def test_names(bench):
    """--names: what the elements of each frame mean, in JSON and in words; the bytes behind it are not shown."""
    _, gw, _ = setup(bench)
    io = [(66, b"\x30\x39"), (239, b"\x01"), (60000, b"\x07")]
    as_json = trace(bench, gw, IMEI, "--names", "--model", "FMB920")
    in_words = Follower(bench, gw, "trace", IMEI, "--names", "--model", "FMB920")
    tracker = bench.tracker(gw, IMEI).login()
    proc.equal(tracker.exchange(wire.frame(wire.CODEC_8E, [record(0, io=io), record(1)])), 2, "ACK")
    shown = as_json.wait_for("records")["records"]
    proc.equal(len(shown), 2, "records")
    proc.equal([(e["id"], e["name"], e["value"], e.get("unit")) for e in sorted(shown[0]["names"], key=lambda e: e["id"])],
               [(66, "external_voltage", 12.345, "V"), (239, "ignition", 1, None), (60000, "io_60000", 7, None)], "names")
    proc.wait_until(lambda: "external_voltage 12.345 V" in in_words.text(), 10, "the words are there")
    proc.check("ignition on" in in_words.text() or "ignition 1" in in_words.text(), "in words: %s" % in_words.text())
    as_json.wait_for("ack")
    proc.equal([e["event"] for e in as_json.events() if e["event"] in ("in", "out")], [], "bytes")
    for watch in (as_json, in_words):
        proc.equal(watch.interrupt(), 0, "exit status")
    proc.equal(bench.tgctl("trace", "--unidentified", "--names", "-c", gw.conf_path)[0], 2, "names of nobody")


def test_refused(bench):
    """Unknown, disabled and, while the database is away, unanswered devices are followed all the same."""
    cluster = bench.own_cluster()
    database, gw, _ = setup(bench, bench.database(cluster))
    database.query("UPDATE devices SET enabled = false WHERE imei = '%s'" % OTHER)
    stranger, disabled = trace(bench, gw, STRANGER), trace(bench, gw, OTHER)
    proc.equal(bench.tracker(gw, STRANGER).handshake(), b"\0", "answer to the unknown one")
    proc.check("not in devices" in stranger.wait_for("refused")["why"], "why it is refused")
    proc.wait_until(lambda: bench.tracker(gw, OTHER).handshake() == b"\0", 5, "it is refused")
    proc.check("disabled" in disabled.wait_for("refused")["why"], "why it is refused")
    cluster.stop()
    proc.wait_until(lambda: gw.readyz()[0] == 503, 10, "the gateway has noticed")
    bench.tracker(gw, "359999999999999").send(b"\0")   # no IMEI: of no interest
    late = trace(bench, gw, "358888888888888")
    bench.tracker(gw, "358888888888888").send(wire.imei_packet("358888888888888"))
    proc.check("database" in late.wait_for("closed", seconds=20)["why"], "why it is not answered")


def test_lives(bench):
    """A connection that is there already, its takeover, a killed worker, a reload: it goes on."""
    database, gw, _ = setup(bench)
    tracker = bench.tracker(gw, IMEI).login()
    watch = trace(bench, gw, IMEI)
    peer = "127.0.0.1:%d" % tracker.sock.getsockname()[1]
    proc.equal(watch.wait_for("present")["peer"], peer, "who is there")
    bench.tracker(gw, IMEI).login()
    watch.wait_for("takes_over")
    proc.check("took over" in watch.wait_for("closed")["why"], "why the older one is closed")
    for pid in gw.workers():
        os.kill(pid, signal.SIGKILL)
    proc.wait_until(gw.all_accept, 10, "replacements accept")
    # Both replacements get one sooner or later; each must know which device to follow. One that comes before its
    # worker has heard of that is reported as present.
    known = lambda: len(watch.events("accepted")) + len(watch.events("present"))
    seen = known()
    for n in range(4):
        bench.tracker(gw, IMEI).login()
        proc.wait_until(lambda: known() > seen + n, 10, "connection %d is followed" % n)
    seen, workers = len(watch.events("accepted")), gw.workers()
    gw.hup()
    proc.wait_until(lambda: not set(workers) & set(gw.workers()), 20, "the old generation has left")
    proc.check("draining" in watch.text(), "that the old one was closed by the reload")
    bench.tracker(gw, IMEI).login()
    proc.check(watch.wait_for("accepted", seen + 1)["pid"] in gw.workers(), "who tells")
    gw.stop()
    proc.equal(watch.process.wait(10, "it ends with the gateway"), 0, "exit status")
    proc.check("stopped" in watch.events("end")[0]["why"], "why it ended")


def test_commands(bench):
    """A command sent, answered, lost with its connection: by its number, and never with its text."""
    database, gw, _ = setup(bench)
    watch = trace(bench, gw, IMEI, "--hex")
    tracker = bench.tracker(gw, IMEI).login()
    tracker.exchange(wire.frame(8, [record()]))
    ident = commands.queue(database, IMEI, "setparam hush")
    proc.equal(commands.read(tracker)[1], "setparam hush", "the command")
    sent = watch.wait_for("command_sent")
    proc.equal((sent["id"], sent["attempt"], sent["codec"]), (ident, 1, 12), "what is told of it")
    commands.answer(tracker, b"done")
    proc.equal(watch.wait_for("command_answered")["id"], ident, "answered")
    second = commands.queue(database, IMEI, "setparam hush hush")
    commands.read(tracker)
    watch.wait_for("command_sent", 2)
    tracker.close()
    failed = watch.wait_for("command_failed")
    proc.equal((failed["id"], failed["why"]), (second, "no answer before the connection was lost"), "lost")
    proc.check("hush" not in watch.text() and b"hush".hex() not in watch.text(), "the text stays secret")


def test_owner(bench):
    """The socket belongs to the user that the daemon becomes; root's right is not needed for it."""
    user = proc.unprivileged_user()
    if user is None:
        return   # who is not root can't become anybody else
    database = bench.database()
    database.add_devices([IMEI])
    folder = os.path.join(bench.folder, "run")
    os.mkdir(folder, 0o755)
    os.chown(folder, user.pw_uid, user.pw_gid)
    path = os.path.join(folder, "control.sock")
    gw = bench.gateway(database, TELEM_CONTROL_SOCKET=path, TELEM_USER=user.pw_name)
    found = os.stat(path)
    proc.equal((found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)),
               (user.pw_uid, user.pw_gid, 0o660), "owner, group and mode")
    watch = trace(bench, gw, IMEI)
    bench.tracker(gw, IMEI).login()
    watch.wait_for("accepted")
    gw.stop()
    proc.check(not os.path.exists(path), "the socket is gone after a clean stop")
    os.chown(folder, 0, 0)
    gw.start()
    proc.check(gw.logged("user may not write to its folder; going on without"), "a word in the log")


def test_slow_reader(bench):
    """One that does not read costs the gateway nothing, and is told how much it has missed."""
    database, gw, path = setup(bench, TELEM_WORKERS=1)
    reader = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    bench.scope.later(reader.close)
    reader.settimeout(20 * proc.PATIENCE)
    reader.connect(path)
    reader.send(b"trace %s 600 bytes\n" % IMEI.encode())
    proc.check(b'"tracing"' in reader.recv(8192), "the first event")
    tracker = bench.tracker(gw, IMEI).login()
    many = wire.frame(wire.CODEC_8, [record(i) for i in range(100)])
    for _ in range(500):   # more than any socket's buffer holds, at three events of 3 KB each
        proc.equal(tracker.exchange(many), 100, "ACK, whoever reads or not")
    seen, event = 0, b""
    while b'"lost"' not in event:
        event = reader.recv(8192)
        seen += b'"ack"' in event
        if not select.select([reader], [], [], 0)[0]:
            tracker.send(wire.PING)   # all was read: the next event brings the word of what was lost
    proc.check(0 < seen < 500, "some were seen, some lost: %d" % seen)
    proc.equal(gw.readyz()[0], 200, "/readyz")


def test_let_go(bench):
    """When a follower hangs up, or is killed, master and workers close what they hold of it."""
    database, gw, _ = setup(bench)

    def descriptors():
        return [len(os.listdir("/proc/%d/fd" % pid)) for pid in [gw.process.pid] + gw.workers()]
    before = descriptors()
    watch = [trace(bench, gw, IMEI) for _ in range(3)]
    # Not the master's, which may have served /metrics a moment ago.
    proc.equal(descriptors()[1:], [n + 3 for n in before[1:]], "descriptors while three follow")
    proc.equal(watch[0].interrupt(), 0, "exit status after Ctrl-C")
    watch[1].process.kill_group()
    bench.tracker(gw, IMEI).handshake()
    watch[2].wait_for("accepted")
    proc.equal(watch[2].interrupt(), 0, "exit status after Ctrl-C")
    proc.wait_until(lambda: sum(descriptors()) <= sum(before) + 1, 10, "all are closed again")


def test_words(bench):
    """Without --json in words; --hex shows the bytes; --for ends it."""
    database, gw, _ = setup(bench)
    watch = Follower(bench, gw, "trace", IMEI, "--hex", "--for", "3")
    tracker = bench.tracker(gw, IMEI).login()
    frame = wire.frame(wire.CODEC_8E, [record()])
    tracker.exchange(frame)
    proc.equal(watch.process.wait(15, "the time is over"), 0, "exit status")
    text = watch.text()
    for words in ("handshake accepted", "frame: codec 8E, 1 record, %d bytes, CRC ok" % len(frame),
                  "stored: 1 new", "ACK 1, ", "> " + wire.imei_packet(IMEI).hex(), "> " + frame.hex(),
                  "< 00000001", "end: the time is over"):
        proc.check(words in text, "%r in\n%s" % (words, text))


def test_refusals(bench):
    """What can't be followed is said: no socket, nobody there, too many at once. A second gateway goes on without."""
    database, gw, path = setup(bench)
    held = []
    for i in range(16):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        bench.scope.later(s.close)
        s.connect(path)
        s.send(b"trace %s 600" % IMEI.encode())
        held.append(s)
    for s in held:
        s.settimeout(10 * proc.PATIENCE)
        proc.check(b'"tracing"' in s.recv(8192), "all of them follow")
    code, _, err = bench.tgctl("trace", IMEI, "-c", gw.conf_path)
    proc.check(code == 1 and "16 clients" in err, "one too many: %d %s" % (code, err))
    second = bench.gateway(database, start=False, TELEM_CONTROL_SOCKET=path, TELEM_GATEWAY_ID="second")
    second.start()
    proc.check(second.logged("ERROR.*answers there.*going on without"), "why: %s" % second.log_text())
    second.stop()
    proc.check(os.path.exists(path), "the first one's socket")
    gw.process.signal(signal.SIGKILL)   # its socket stays, and hinders nobody
    gw.process.wait(10, "the gateway is dead")
    proc.check(os.path.exists(path), "what it left")
    code, _, err = bench.tgctl("trace", IMEI, "-c", gw.conf_path)
    proc.check(code == 1 and "is the gateway running" in err, "nobody there: %d %s" % (code, err))
    gw.start()
    code, _, err = bench.tgctl("trace", IMEI, env={"TELEM_CONTROL_SOCKET": "none"})
    proc.check(code == 2 and "TELEM_CONTROL_SOCKET" in err, "none set: %d %s" % (code, err))


suite.main(globals())
