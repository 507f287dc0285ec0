"""The live feed as a web application hears it: notifications of a psql that listens, and rows out of their bytes.

The layout is written here a second time, independently of the migration that makes it.
"""
import base64
import collections
import re
import struct

from . import proc

ROW = struct.Struct(">q4H2i5q")
UNKNOWN = -2 ** 63
DELETED, ONLINE, FIX, NEWEST_HAS_FIX = 1, 2, 4, 8
IGNITION_KNOWN, IGNITION, MOVEMENT_KNOWN, MOVEMENT, CLOCK_AHEAD = 16, 32, 64, 128, 256

Row = collections.namedtuple("Row", "device flags speed heading satellites lat lon recorded_at last_record_at"
                                    " last_seen_at disconnected_at updated_at")


def decode(payload):
    """The rows of one notification."""
    proc.check(len(payload) <= 7900 and "\n" not in payload, "a notification of %d characters" % len(payload))
    data = base64.b64decode(payload, validate=True)
    proc.equal(data[0], 1, "version")
    proc.equal((len(data) - 1) % ROW.size, 0, "bytes behind the last row")
    return [Row(*fields) for fields in ROW.iter_unpack(data[1:])]


class Listener:
    """What was notified on some channels, as (channel, payload), in order."""

    def __init__(self, database, scope, *channels):
        self.session = database.session(scope)
        for channel in channels:
            self.session.run("LISTEN " + channel)

    def heard(self, sql="SELECT 1"):
        """What came until now, with what the statement itself makes it hear."""
        lines = self.session.run(sql) + self.session.run("SELECT 1")
        return re.findall(r'notification "(\w+)" with payload "([^"]*)"', "\n".join(lines))

    def payloads(self, sql="SELECT 1"):
        return [payload for _, payload in self.heard(sql)]

    def rows(self, sql="SELECT 1"):
        return [row for payload in self.payloads(sql) for row in decode(payload)]


def beat(database):
    """A web application listens: the feed is on for 15 s."""
    database.query("UPDATE omnitrack.heartbeat SET beat_at = clock_timestamp()")


class Beating:
    """Keeps the feed on while the test's own loop asks."""

    def __init__(self, database):
        self.database = database
        beat(database)

    def wait_row(self, listener, wanted, seconds, what):
        """The first row that is so; those before it are dropped."""
        found = []

        def look():
            beat(self.database)
            found.extend(row for row in listener.rows() if wanted(row))
            return found
        proc.wait_until(look, seconds, what, every=0.1)
        return found[0]
