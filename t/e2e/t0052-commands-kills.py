#!/usr/bin/env python3
"""Commands with two gateways on one database, whose workers and masters are killed meanwhile.

The trackers move between the gateways, answer, answer late, say nothing, or hang up. In the end every
command has come to an end, every answer stands with the command it belongs to, no device ever had two
in flight, and what must not run twice did not.
"""
import os
import random
import signal
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import commands, gateway, proc, suite, wire
from lib.commands import queue, row, wait_status
from lib.fleet import imeis

TIMEOUT_MS = 1000


def kill_gateway(gw):
    """Master and workers at once: none of them gets to say goodbye for another."""
    gw.process.signal(signal.SIGSTOP)
    for pid in gw.workers() + [gw.process.pid]:
        os.kill(pid, signal.SIGKILL)
    gw.process.wait(10, "the master dies")


class Away(Exception):
    """The connection is gone."""


class Talker(threading.Thread):
    """A tracker that sends a record now and then and answers commands in its own way."""

    def __init__(self, gateways, imei, seed, faults=True):
        super().__init__(daemon=True)
        self.gateways, self.imei, self.rng = gateways, imei, random.Random(seed)
        self.faults, self.stop = faults, False
        self.ran = []       # texts, as often as they came
        self.start()

    def run(self):
        while not self.stop:
            try:
                with socket.create_connection(("127.0.0.1", self.rng.choice(self.gateways).port), 2) as sock:
                    sock.settimeout(0.2)
                    self.talk(sock)
            except (OSError, Away):
                time.sleep(0.05)

    def read(self, sock, n):
        data = b""
        while len(data) < n:
            try:
                more = sock.recv(n - len(data))
            except socket.timeout:
                if self.stop or not data:
                    raise
                continue
            if not more:
                raise Away()
            data += more
        return data

    def talk(self, sock):
        sock.sendall(wire.imei_packet(self.imei))
        if sock.recv(1) != b"\x01":
            raise Away()
        leaves = time.monotonic() + self.rng.uniform(1, 8)
        late, count = [], 0
        while not self.stop and (not self.faults or time.monotonic() < leaves):
            if not count or self.rng.random() < 0.1:
                count += 1
                now = int(time.time() * 1000)
                sock.sendall(wire.frame(8, [wire.Record(now, 50.0, 10.0, sats=5)]))
            for due, payload in [x for x in late if x[0] <= time.monotonic()]:
                late.remove((due, payload))
                sock.sendall(wire.message(12, 6, payload))
            try:
                head = self.read(sock, 4)
            except socket.timeout:
                continue
            if head == b"\0\0\0\0":
                self.command(sock, late)

    def command(self, sock, late):
        length = struct.unpack(">I", self.read(sock, 4))[0]
        text = self.read(sock, length + 4)[7:-5].decode()
        self.ran.append(text)
        payload = b"re " + text.encode()
        dice = self.rng.random() if self.faults else 1
        if dice < 0.1:
            raise Away()
        if dice < 0.2:
            return
        if dice < 0.3:
            # Around the time-out: in time, or too late.
            late.append((time.monotonic() + self.rng.uniform(0.7, 1.6) * TIMEOUT_MS / 1000, payload))
        else:
            sock.sendall(wire.message(12, 6, payload))


def audit(database, talkers):
    """What must hold at the end, whatever happened on the way."""
    proc.equal(database.rows("SELECT id, command_text, response_text FROM device_commands WHERE status = 'acked'"
                             " AND response_text IS DISTINCT FROM 're ' || command_text"), [], "wrong answers")
    proc.equal(database.rows("SELECT * FROM changes WHERE (old, new) NOT IN (('pending','sent'),"
                             "('pending','expired'),('sent','pending'),('sent','acked'),('sent','failed'),"
                             "('sent','expired'),('pending','acked'),('failed','acked'))"), [],
               "changes that the life of a command doesn't know")
    # In flight from its row's `sent` to the next change; two of one device must not overlap.
    proc.equal(database.rows("""
        WITH spans AS (SELECT c.imei, h.id, h.at AS began, h.new,
            lead(h.at) OVER (PARTITION BY h.id ORDER BY h.at) AS ended
            FROM changes h JOIN device_commands c USING (id)),
        sent AS (SELECT * FROM spans WHERE new = 'sent')
        SELECT a.id, b.id FROM sent a JOIN sent b ON a.imei = b.imei AND a.id < b.id
            AND a.began < b.ended AND b.began < a.ended"""), [], "two in flight")
    # An attempt of which no byte went out is given back, so there may be fewer than times it was `sent`.
    proc.equal(database.rows("SELECT id FROM device_commands WHERE attempt_count > coalesce(max_attempts, 4)"
                             " OR attempt_count > (SELECT count(*) FROM changes h"
                             " WHERE h.id = device_commands.id AND h.new = 'sent')"), [], "attempts")
    ran = {}
    for t in talkers:
        for text in t.ran:
            ran[text] = ran.get(text, 0) + 1
    for text, attempts in database.rows("SELECT command_text, attempt_count FROM device_commands"):
        proc.check(ran.get(text, 0) <= int(attempts), "%s ran %d times, %s attempts"
                   % (text, ran.get(text, 0), attempts))


def test_two_gateways(bench):
    """Kills of workers and masters, moves, late answers: nothing stays stuck, nothing is booked wrongly."""
    database = bench.database()
    names = imeis(proc.scaled(24, 8))
    database.add_devices(names)
    commands.record_changes(database)
    keys = dict(TELEM_COMMAND_TIMEOUT_MS=TIMEOUT_MS, TELEM_COMMAND_MAX_ATTEMPTS=4)
    gateways = [bench.gateway(database, TELEM_GATEWAY_ID="gw%d" % i, TELEM_GATEWAY_PORT=proc.free_port(), **keys)
                for i in range(2)]
    talkers = [Talker(gateways, name, i) for i, name in enumerate(names)]
    rng = random.Random(1)
    try:
        for blow in range(8):
            # Every other one must not run twice.
            before = sum(len(t.ran) for t in talkers)
            database.query("INSERT INTO device_commands (imei, command_text, max_attempts)"
                           " SELECT imei, 'c%d of ' || imei, %s FROM devices" % (blow, "1" if blow % 2 else "NULL"))
            # Each blow falls when the first has come and the others are under way. The trackers know that; a
            # query would come too late on a busy machine.
            proc.wait_until(lambda: sum(len(t.ran) for t in talkers) > before, 60, "the first has come", every=0.002)
            gw = rng.choice(gateways)
            if blow % 4 == 3:
                kill_gateway(gw)
                gw.start(ready=False)
            elif gw.workers():
                os.kill(rng.choice(gw.workers()), signal.SIGKILL)
        for t in talkers:
            t.faults = False
        proc.wait_until(lambda: database.number("SELECT count(*) FROM device_commands"
                                                " WHERE status IN ('pending', 'sent')") == 0, 60,
                        "every command has come to an end", every=0.3)
    finally:
        for t in talkers:
            t.stop = True
        for t in talkers:
            t.join()
    audit(database, talkers)
    done = dict(database.rows("SELECT status, count(*) FROM device_commands GROUP BY status"))
    proc.check(int(done.get("acked", 0)) > len(names), "hardly any was answered: %s" % done)


def test_fleet(bench):
    """The simulator's fleet, with silence, late, split answers and hang-ups: every command ends, none runs too often."""
    database = bench.database()
    names = imeis(proc.scaled(200, 40))
    database.add_devices(names)
    commands.record_changes(database)
    gw = bench.gateway(database, TELEM_COMMAND_TIMEOUT_MS=700, TELEM_COMMAND_MAX_ATTEMPTS=4)
    log = os.path.join(bench.folder, "commands.log")
    sim = proc.Process([gateway.TGCTL, "sim", "--port", str(gw.port), "--trackers", str(len(names)), "--imei-base",
                        names[0], "--interval", "500", "--duration", "600", "--command-delay", "10..300",
                        "--command-silent", "5", "--command-late", "5", "--command-late-by", "600",
                        "--command-split", "20", "--command-hangup", "5", "--command-log", log],
                       os.path.join(bench.folder, "sim.log"), env=dict(os.environ))
    bench.scope.later(sim.kill_group)
    database.query("INSERT INTO device_commands (imei, command_text) SELECT imei, 'getparam ' || n"
                   " FROM devices, generate_series(1, 3) AS n")
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_commands"
                                            " WHERE status IN ('pending', 'sent')") == 0, 60,
                    "every command has come to an end", every=0.3)
    sim.kill_group()
    counts = {}
    with open(log) as f:
        for line in f:
            key = tuple(line.rstrip("\n").split("\t")[i] for i in (1, 3))
            counts[key] = counts.get(key, 0) + 1
    for imei, text, status, attempts, answer in database.rows(
            "SELECT imei, command_text, status, attempt_count, coalesce(response_text, '') FROM device_commands"):
        proc.check(counts.get((imei, text), 0) <= int(attempts), "%s ran %d times, %s attempts"
                   % (text, counts.get((imei, text), 0), attempts))
        if status == "acked":
            proc.check(answer.startswith("Param ID:" + text.split()[1] + " "), "%s: %s" % (text, answer))
    done = dict(database.rows("SELECT status, count(*) FROM device_commands GROUP BY status"))
    proc.check(int(done.get("acked", 0)) > len(names) * 2, "few were answered: %s" % done)


def test_dead_gateway(bench):
    """What a gateway that is gone left as `sent` is due again at its time, at another one."""
    database = bench.database()
    imei, = imeis(1)
    database.add_devices([imei])
    first = bench.gateway(database, TELEM_GATEWAY_ID="first", TELEM_COMMAND_TIMEOUT_MS=3000)
    second = bench.gateway(database, TELEM_GATEWAY_ID="second", TELEM_COMMAND_TIMEOUT_MS=60000)
    tracker = bench.tracker(first, imei).login()
    record = wire.frame(8, [wire.Record(int(time.time() * 1000), 50.0, 10.0, sats=5)])
    proc.equal(tracker.exchange(record), 1, "ACK")
    ident = queue(database, imei, "left behind")
    commands.read(tracker)
    kill_gateway(first)
    tracker = bench.tracker(second, imei).login()
    proc.equal(tracker.exchange(record), 1, "ACK of the other gateway")
    proc.equal(commands.read(tracker, 10)[1], "left behind", "again, here")
    waited = float(database.query("SELECT extract(epoch FROM now() - created_at) FROM device_commands"))
    proc.check(waited >= 3, "before its time was over: %g s" % waited)
    commands.answer(tracker, b"ok")
    proc.equal(wait_status(database, ident, "acked", 5)["attempt_count"], "2", "second attempt")


def test_last_attempt(bench):
    """The last attempt of a dead gateway fails the command at its time; one simulated by SQL alone too."""
    database = bench.database()
    imei, other = imeis(2)
    database.add_devices([imei, other])
    gw = bench.gateway(database, TELEM_COMMAND_TIMEOUT_MS=500)
    ident = queue(database, imei, "a", status="'sent'", attempt_count=5, sent_at="now()")
    again = queue(database, other, "b", status="'sent'", attempt_count=1, sent_at="now() - interval '1 hour'")
    wait_status(database, again, "pending", 5)
    now = wait_status(database, ident, "failed", 5)
    proc.check("attempt 5 of 5" in now["error_message"], now["error_message"])
    proc.equal(row(database, again)["next_retry_at"], "", "due at once")
    proc.equal(gw.metrics()['telematics_commands_total{outcome="failed"}'], 1, "counted")


def test_reload(bench):
    """A reload closes connections with a command in flight: it is returned, and runs on the new generation."""
    database = bench.database()
    imei, = imeis(1)
    database.add_devices([imei])
    gw = bench.gateway(database)
    talker = Talker([gw], imei, 1, faults=False)
    try:
        for i in range(3):
            ident = queue(database, imei, "before %d" % i)
            gw.hup()
            wait_status(database, ident, "acked", 15)
    finally:
        talker.stop = True
        talker.join()


suite.main(globals())
