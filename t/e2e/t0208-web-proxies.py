#!/usr/bin/env python3
"""Two web processes behind a real nginx and a real HAProxy, configured as doc/web.md shows: pages, live feed, imports."""
import os
import ssl
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import balancer, live, proc, suite, tls, web, wire
from lib.fleet import imeis
from lib.office import put, record

web.need()
HOST = "fleet.example.org"


def behind(bench, kind):
    if not balancer.can(kind) or not tls.can():
        return
    database = bench.database()
    imei = imeis(1)[0]
    ident = put(database, imei, "Bus 12")
    gw = bench.gateway(database)
    one = web.Web(bench, database, WEB_TRUST_PROXY="127.0.0.1", WEB_PORT=proc.free_port())
    two = web.Web(bench, database, url=one.url, WEB_TRUST_PROXY="127.0.0.1", WEB_PORT=proc.free_port())
    port = proc.free_port()
    pem = balancer.certificate(bench.folder, HOST)
    listen = ("listen 443 ssl", "listen 127.0.0.1:%d ssl" % port) if kind == "nginx" else ("bind :443", "bind 127.0.0.1:%d" % port)
    text = balancer.example("doc/web.md", kind, listen, ("127.0.0.1:8080", "127.0.0.1:%d" % one.port),
                            ("127.0.0.1:8081", "127.0.0.1:%d" % two.port), ("/etc/ssl/%s.pem" % HOST, pem))
    proxy = balancer.Balancer(bench.scope, bench.folder, kind, text, port)
    trusted = ssl.create_default_context(cafile=pem)
    trusted.check_hostname = False
    code, out, err = one.run("admin", "create", "--login", "admin", stdin=web.PASSWORD + "\n")
    proc.equal(code, 0, "admin create: %s%s" % (out, err))
    browser = web.Browser(one, port=proxy.port, tls=trusted).sign_in("admin")
    socket = live.Live(browser, bench.scope)
    proc.equal(socket.view()["devices"], 1, "devices in view")
    tracker = bench.tracker(gw, imei).login()
    tracker.exchange(wire.frame(8, [record(speed=60)]))
    socket.wait(ident, state="moving", lat=546800000)
    # What a page sends that is large: a list of 3 MB.
    rows = "imei,name\n" + "".join("%d,%s\n" % (350000000100000 + n, "x" * 60) for n in range(40_000))
    answer = browser.ask("POST", "/devices/import?dryRun=true&group=1", rows, Content_Type="text/csv")
    proc.equal(answer.status, 200, "the trial of an import: %s" % answer.text[:300])
    # One of the two ends: whoever was there is served by the other, with the same session.
    for gone in (one, two):
        gone.stop()
        proc.wait_until(lambda: browser.ask("GET", "/me").status == 200, 30, "the session goes on in the other process")
        again = proc.wait_until(lambda: live.Live(browser, bench.scope), 30, "the live feed as well")
        again.view()
        again.wait(ident, state="moving")
        again.close()
        gone.start()
    tracker.close()


def test_nginx(bench):
    """Behind nginx."""
    behind(bench, "nginx")


def test_haproxy(bench):
    """Behind HAProxy."""
    behind(bench, "haproxy")


suite.main(globals())
