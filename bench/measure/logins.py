"""A thousand wrong logins a second: what they do to trackers' ACKs and to other users."""
import json
import socket
import threading
import time

from lib import proc

from . import machine
from .desk import Desk, percentile
from .stand import Sim
from .table import Row

A_SECOND, TRACKERS = 1000, 100
NAMES = 50


class Flood:
    """Wrong logins over some connections that stay open, at a pace, by one thread; another one counts the answers."""

    def __init__(self, port, connections=8):
        self.links = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
        self.sent, self.answers, self.ended = 0, {}, threading.Event()
        self.threads = [threading.Thread(target=self._send, daemon=True)]
        self.threads += [threading.Thread(target=self._count, args=(link,), daemon=True) for link in self.links]
        for thread in self.threads:
            thread.start()

    def _send(self):
        began = time.monotonic()
        while not self.ended.wait(0.01):
            due = int((time.monotonic() - began) * A_SECOND)
            for link in self.links:
                n = (due - self.sent) // len(self.links)
                link.sendall(b"".join(self._request(self.sent + i) for i in range(n)))
            self.sent += (due - self.sent) // len(self.links) * len(self.links)

    @staticmethod
    def _request(number):
        body = json.dumps({"login": "nobody%d" % (number % NAMES), "password": "wrong horse"}).encode()
        return (b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)) + body

    def _count(self, link):
        while True:
            try:
                data = link.recv(1 << 16)
            except OSError:
                return
            if not data:
                return
            for part in data.split(b"HTTP/1.1 ")[1:]:
                status = part[:3].decode()
                self.answers[status] = self.answers.get(status, 0) + 1

    def close(self):
        self.ended.set()
        self.threads[0].join()
        for link in self.links:
            link.shutdown(socket.SHUT_RDWR)
            link.close()


def _served(user, seconds):
    """How long requests of somebody who is signed in take meanwhile."""
    until, times = time.monotonic() + seconds, []
    while time.monotonic() < until:
        began = time.monotonic()
        user.get("/me")
        times.append((time.monotonic() - began) * 1000)
        time.sleep(0.1)
    return times


def wrong_logins(bench):
    db = bench.stand.database(TRACKERS)
    gw = bench.stand.gateway(db)
    desk = Desk(bench.stand, db)
    user = desk.server.admin()
    p99, served, rates, statuses = {False: [], True: []}, {False: [], True: []}, [], {}
    for turn in range(bench.rounds):
        for flooded in ((False, True), (True, False))[turn % 2]:
            flood = Flood(desk.server.port) if flooded else None
            began = time.monotonic()
            sim = Sim(gw, "--latency", trackers=TRACKERS, records=5, interval=500, duration=2 * bench.seconds)
            served[flooded] += _served(user, 2 * bench.seconds)
            report = sim.result()["latency_us"]
            if flood:
                rates.append(sum(flood.answers.values()) / (time.monotonic() - began))
                for status, n in flood.answers.items():
                    statuses[status] = statuses.get(status, 0) + n
                flood.close()
            p99[flooded].append(report["p99"] / 1000)
            bench.detail("flooded" if flooded else "quiet", dict(report, rate=rates[-1] if flood else 0))
            gw.settle()
    gw.finish()
    proc.check(machine.median(rates) > A_SECOND * 0.9, "only %.0f logins/s were answered" % machine.median(rates))
    quiet, loud = machine.median(p99[False]), machine.median(p99[True])
    return [Row("gateway's ACK p99 with 1,000 wrong logins/s ÷ without", loud / quiet, 1.1, "low", "", 2,
                "%.1f ÷ %.1f ms, %d trackers at light load, one machine for all; answers %s; another user's requests p95 %.0f ms"
                % (loud, quiet, TRACKERS, ", ".join("%s × %d" % i for i in sorted(statuses.items())),
                   percentile(sorted(served[True]), 0.95)))]
