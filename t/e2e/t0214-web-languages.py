#!/usr/bin/env python3
"""Languages of the web application, in a real Chromium with the real server.

A user chooses one in the account, and has it wherever they sign in. In the language for tests (web/app/i18n/pseudo.ts) all texts
stand in brackets: what shows without them is a text that no translator can reach. It is also longer, and still fits a phone.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import browser, proc, suite, web, wire
from lib.fleet import imeis
from lib.office import put, record, started

web.need()
browser.need()

# What one reads or hears, and isn't in brackets. Data has no letters in this test, but for what `%s` names; what the server says is
# marked as English, and what one types as code.
BARE = r"""(() => { const found = new Set();
  const bare = (text) => { let left = text;
    for (let before = ''; before !== left;) { before = left; left = left.replace(/⟦[^⟦⟧]*⟧/g, ' '); }
    left = left.replace(/%s/g, ' ').trim();
    if (/\p{L}{2}/u.test(left)) found.add(left); };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const e = n.parentElement;
    if (e.closest('script, style, noscript, select, time, code, [lang=en], .maplibregl-ctrl')) continue;
    bare(n.data); }
  for (const e of document.querySelectorAll('[aria-label], [title], [placeholder]')) {
    if (e.closest('.maplibregl-ctrl, time') || e.getAttribute('aria-label') === 'Dismiss') continue;
    for (const a of ['aria-label', 'title', 'placeholder']) bare(e.getAttribute(a) ?? ''); }
  return [...found]; })()"""
DATA = r"\b(All|km|device:17|External voltage|[AP]M|(Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*|admin|getver|km\/h|rpm|FMB920|IMEI|GNSS|VIN|HDOP|Mozilla|Chrome|Linux|Vilnius|fixed|default)\b"


def test_bare(bench):
    """No text of a screen is written into it: all come from the texts of the language; longer ones fit, too."""
    database = bench.database()
    one, two = imeis(2)
    ident = put(database, one, "01")
    put(database, two, "02")
    gw = bench.gateway(database, TELEM_GATEWAY_ID="1")
    _, admin, page = started(bench, database)
    template = admin.post("/command-templates", {"name": "7", "text": "getver"}, 201)["id"]
    admin.send_text([ident], "getver")
    admin.post("/groups", {"name": "12"}, 201)
    tracker = bench.tracker(gw, one)
    tracker.login()
    tracker.exchange(wire.frame(8, [record(speed=40, io=[(239, b"\x01"), (66, b"\x31\x6a")])]))
    bench.tracker(gw, "356307042440000").handshake()
    database.query("INSERT INTO device_ingest_raw (imei, reason, frame, frame_hash, received_at, last_seen_at) VALUES"
                   " ('%s', 'crc', '\\x0001', 1, now(), now())" % one)
    page.value("localStorage.setItem('omnitrack.language', 'en-XA')")
    screens = {"/": "01", "/?q=nothing": "⟦", "/?device=%s" % ident: "40", "/?device=999999": "⟦", "/commands": "getver",
               "/commands?status=failed": "⟦", "/commands/send?to=%s&template=free" % ident: "getver", "/people": "admin",
               "/commands/templates": "getver", "/commands/templates?edit=%s" % template: "⟦", "/commands/templates?add=true": "⟦",
               "/people?tab=groups": "12", "/people?user=1": "admin", "/account": "admin", "/refused": "356307042440000",
               "/devices/%s/why" % ident: "⟦", "/devices/%s/history" % ident: "⟦", "/devices/%s/history?view=table" % ident: "⟦",
               "/health": "⟦", "/health?kind=refused": "356307042440000", "/events": "⟦", "/quarantine": "⟦", "/quarantine/1": "⟦",
               "/gateways": "⟦", "/devices": "02", "/devices?add=true": "⟦", "/devices/import": "⟦", "/models": "⟦",
               "/audit": "127.0.0.1", "/audit?from=2001-01-01&to=2001-01-01": "⟦", "/settings": "WEB_POOL", "/install": "⟦",
               "/install?imei=%s" % one: "⟦", "/nowhere": "⟦"}
    wrong = []
    for path, text in screens.items():
        page.open(path)
        page.see(text)
        page.wait("document.querySelector('[role=status][aria-label]') === null")
        wrong += ["%s: %s" % (path, bare) for bare in page.value(BARE % DATA)]
    proc.check(not wrong, "\n".join(wrong))
    page.new(390, 844)
    page.sign_in("admin", web.PASSWORD)
    page.value("localStorage.setItem('omnitrack.language', 'en-XA')")
    for path in screens:
        page.open(path)
        page.see("⟦")
        proc.equal(page.value("document.documentElement.scrollWidth > innerWidth"), False, "too wide on a phone: " + path)
    page.open("/login")
    page.clean("the language for tests")


def test_choose(bench):
    """A language chosen in the account is there at once, on other pages, and on another browser after signing in."""
    database = bench.database()
    ident = put(database, imeis(1)[0], "Laster 1")
    server, _, page = started(bench, database)
    page.open("/account")
    page.click("button", "Language")
    page.click("option", "Deutsch")
    page.see("Wo Sie angemeldet sind")
    proc.equal(page.value("document.documentElement.lang"), "de", "what the page says its language is")
    page.open("/")
    page.see("1 Gerät")
    page.see("Nie gesehen", within="[role=option]")
    database.query("UPDATE devices SET enabled = false")
    page.open("/commands/send?to=%s&template=free" % ident)
    page.fill("Text des Befehls", "getver")
    page.see("es ist gesperrt")
    other = browser.Page(bench, server)
    other.sign_in("admin", web.PASSWORD)
    other.see("1 Gerät")
    other.open("/account")
    other.click("button", "Sprache")
    other.click("option", "Polski")
    other.see("Twoje aktywne sesje")
    other.click("button", "Język")
    other.click("option", "Jak w przeglądarce")
    other.see("Where you are signed in")
    page.clean("a language")
    other.clean("a language on another browser")


suite.main(globals())
