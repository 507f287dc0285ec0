"""What tests of the pages begin with: devices with names in groups, a server, its administrator, and a signed-in page."""
import time

from . import browser, web, wire


def record(lat=54.68, lon=25.28, speed=0, ago=0, **more):
    return wire.Record(int((time.time() - ago) * 1000), lat, lon, speed=speed, sats=9, **more)


def put(database, imei, name, group=1):
    """A device with a name in a group; its id."""
    database.add_devices([imei])
    ident = database.query("UPDATE devices SET name = '%s' WHERE imei = '%s' RETURNING id" % (name, imei)).split("\n")[0]
    database.query("INSERT INTO omnitrack.device_groups VALUES (%s, %s)" % (ident, group))
    return ident


def choose(page, label, option):
    """In a dialog, from a list that unfolds; by its label alone, as the page behind may say the same word."""
    page.wait("(() => { const labels = (b) => b.getAttribute('aria-labelledby').split(' ').map((i) => document.getElementById(i));"
              " const b = [...document.querySelectorAll('[role=dialog] button[aria-labelledby]')]"
              ".find((b) => labels(b).some((e) => e?.textContent === '%s')); b?.click(); return b !== undefined; })()" % label)
    page.click("option", option)


def _give(page, name, text, then):
    """`then`: what is done with `files`, in which the file is, and `input`, the page's field for files."""
    page.value("(() => { const files = new DataTransfer(); files.items.add(new File([%r], %r));"
               " const input = document.querySelector('input[type=file]'); %s })()" % (text, name, then))


def upload(page, name, text):
    """Chooses a file that has this text."""
    _give(page, name, text, "input.files = files.files; input.dispatchEvent(new Event('change', { bubbles: true }));")


def drop(page, text):
    """A file that has this text is dropped where the page takes one."""
    _give(page, "devices.csv", text, "input.closest('section').firstElementChild.dispatchEvent("
          "new DragEvent('drop', { bubbles: true, dataTransfer: files }));")


def started(bench, database, **keys):
    """A server, its administrator for the API, and a signed-in page."""
    server = web.Web(bench, database, **keys)
    admin = server.admin()
    page = browser.Page(bench, server)
    page.sign_in("admin", web.PASSWORD)
    return server, admin, page
