"""The trackers' protocol, written a second time and independently of the gateway's C.

Builds Codec 8, 8 Extended and 16 frames and knows what a stored row must then look like, so a
mistake in the gateway's decoder can't hide behind the same mistake here.
"""
import json
import struct

CODEC_8, CODEC_8E, CODEC_16 = 0x08, 0x8E, 0x10
CODEC_12, CODEC_13, CODEC_14, CODEC_15 = 0x0C, 0x0D, 0x0E, 0x0F
AVL_CODECS = (CODEC_8, CODEC_8E, CODEC_16)
PING = b"\xff"


def _crc_table():
    table = []
    for i in range(256):
        crc = i
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return table


_TABLE = _crc_table()


def crc16(data):
    """CRC-16/ARC over a frame's body."""
    crc = 0
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


class Record:
    """One AVL record. `io` is a list of (AVL ID, value bytes) in wire order within each size."""

    def __init__(self, ts, lat=0.0, lon=0.0, alt=0, angle=0, sats=0, speed=0, priority=0, event=0,
                 generation=0, io=()):
        self.ts = ts
        self.lat7 = lat if isinstance(lat, int) else round(lat * 1e7)
        self.lon7 = lon if isinstance(lon, int) else round(lon * 1e7)
        self.alt, self.angle, self.sats, self.speed = alt, angle, sats, speed
        self.priority, self.event, self.generation = priority, event, generation
        self.io = list(io)

    def encode(self, codec):
        wide = codec == CODEC_8E
        ident = "B" if codec == CODEC_8 else "H"
        count = "H" if wide else "B"
        out = struct.pack(">QBiihHBH", self.ts, self.priority, self.lon7, self.lat7, self.alt,
                          self.angle, self.sats, self.speed)
        out += struct.pack(">" + ident, self.event)
        if codec == CODEC_16:
            out += struct.pack(">B", self.generation)
        out += struct.pack(">" + count, len(self.io))
        for size in (1, 2, 4, 8):
            some = [(i, v) for i, v in self.io if len(v) == size]
            out += struct.pack(">" + count, len(some))
            for i, v in some:
                out += struct.pack(">" + ident, i) + v
        rest = [(i, v) for i, v in self.io if len(v) not in (1, 2, 4, 8)]
        if wide:
            out += struct.pack(">H", len(rest))
            for i, v in rest:
                out += struct.pack(">HH", i, len(v)) + v
        elif rest:
            raise ValueError("only 8E carries elements of any length")
        return out

    def valid(self):
        return (self.sats > 0 and abs(self.lat7) <= 900000000 and abs(self.lon7) <= 1800000000
                and (self.lat7, self.lon7) not in ((0, 0), (-1, -1)))

    def io_json(self):
        """The io column: numbers for 1, 2 and 4 bytes, hex text for all else."""
        return {str(i): int.from_bytes(v, "big") if len(v) in (1, 2, 4) else v.hex()
                for i, v in self.io}

    def columns(self, codec):
        """The row that device_positions must hold for it, as ROW_SQL prints one."""
        return (self.ts, self.lat7, self.lon7, self.alt, self.angle, self.sats, self.speed,
                self.valid(), self.priority, self.event,
                self.generation if codec == CODEC_16 else None, codec,
                json.dumps(self.io_json(), sort_keys=True))

    def content(self):
        """What makes two records the same one (not the codec, not the generation type)."""
        return (self.ts, self.lat7, self.lon7, self.alt, self.angle, self.sats, self.speed,
                self.priority, self.event, json.dumps(self.io_json(), sort_keys=True))


# One row as JSON, in the order of Record.columns().
ROW_SQL = """SELECT json_build_array((extract(epoch from p.recorded_at) * 1000)::bigint,
 round((p.latitude * 1e7)::numeric)::bigint, round((p.longitude * 1e7)::numeric)::bigint, p.altitude,
 p.heading, p.satellites, p.speed, p.valid, p.priority, p.event_io_id, p.generation_type, p.codec, p.io)
 FROM device_positions p JOIN devices d ON d.id = p.device_id WHERE d.imei = '%s'
 ORDER BY p.recorded_at, p.io::text"""


def parse_row(line):
    row = json.loads(line)
    row[12] = json.dumps(row[12], sort_keys=True)
    return tuple(row)


def wrap(body, crc=None):
    """A whole frame around a body."""
    return struct.pack(">II", 0, len(body)) + body + struct.pack(
        ">I", crc16(body) if crc is None else crc)


def frame(codec, records, count1=None, count2=None):
    """A frame of records; the counts may be made to lie."""
    n = len(records)
    body = struct.pack("BB", codec, n if count1 is None else count1)
    body += b"".join(r.encode(codec) for r in records)
    return wrap(body + struct.pack("B", n if count2 is None else count2))


def bad_crc(good):
    return good[:-1] + bytes([good[-1] ^ 0x55])


def imei_packet(imei):
    return struct.pack(">H", len(imei)) + imei.encode()


def message(codec, kind, payload, time=None, imei=None):
    """A frame with one message of codec 12, 13, 14 or 15."""
    head = b""
    if codec == CODEC_13:
        head = struct.pack(">Q", 0x0000016C0A81C320 if time is None else time)
    elif codec == CODEC_14:
        head = bytes.fromhex(imei.zfill(16))
    elif codec == CODEC_15:
        head = struct.pack(">I", time) + bytes.fromhex(imei.zfill(16))
    inner = head + payload
    return wrap(struct.pack(">BBBI", codec, 1, kind, len(inner)) + inner + b"\x01")
