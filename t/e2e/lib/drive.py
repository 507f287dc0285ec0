"""Records as a vehicle's tracker makes them over hours: it stands, drives along a line, loses its fix, is silent.

A drive is built step by step from a start; each step appends records and moves the clock and the place on.
"""
import math

from . import wire

METRES_A_DEGREE = 111195.08   # of latitude, on the sphere that the server measures with

IGNITION, MOVEMENT, SUPPLY = 239, 240, 66


class Drive:
    """`start` is milliseconds since the epoch. Times are whole seconds; a test knows where it was and when."""

    def __init__(self, start, lat=54.68, lon=25.28):
        self.now, self.lat, self.lon = start, lat, lon
        self.records = []

    def _put(self, speed, heading=0, ignition=1, fix=True, movement=None, supply=13800, event=0, priority=0):
        io = [(IGNITION, bytes([ignition])), (SUPPLY, supply.to_bytes(2, "big"))]
        if movement is not None:
            io.append((MOVEMENT, bytes([movement])))
        self.records.append(wire.Record(self.now, round(self.lat * 1e7), round(self.lon * 1e7), alt=100, angle=int(heading) % 360,
                                        sats=9 if fix else 0, speed=speed, event=event, priority=priority, io=io))

    def stand(self, seconds, every=60, ignition=0, **more):
        """A record at once, then one each `every` seconds; the last one lies before the end."""
        for at in range(0, seconds, every):
            self._put(0, ignition=ignition, **more)
            self.now += 1000 * min(every, seconds - at)
        return self

    def go(self, seconds, speed, heading, every=10, **more):
        """Straight on; km/h and degrees from north."""
        step = speed / 3.6
        for at in range(0, seconds, every):
            self._put(speed, heading, **more)
            passed = min(every, seconds - at)
            self.now += 1000 * passed
            self.lat += step * passed * math.cos(math.radians(heading)) / METRES_A_DEGREE
            self.lon += (step * passed * math.sin(math.radians(heading))
                         / (METRES_A_DEGREE * math.cos(math.radians(self.lat))))
        return self

    def silence(self, seconds):
        self.now += 1000 * seconds
        return self

    def send(self, tracker, size=50):
        """All of them through a connected tracker, frame by frame, each acknowledged."""
        for at in range(0, len(self.records), size):
            tracker.exchange(wire.frame(wire.CODEC_8E, self.records[at:at + size]))
        return self
