#!/usr/bin/env python3
"""Quarantine decoded again (`tgctl raw decode`), a capture replayed, and secrets that stay unprinted."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire
from lib.fleet import imeis


def quarantine(database, imei, reason, frame):
    """A row as the gateway writes it; returns its id."""
    return database.query(
        "INSERT INTO device_ingest_raw (imei, reason, frame, frame_hash, received_at, last_seen_at) VALUES"
        " ('%s', '%s', '\\x%s', (SELECT count(*) FROM device_ingest_raw), now(), now()) RETURNING id"
        % (imei, reason, frame.hex()))


def raw(bench, database, *args, want=0):
    code, out, err = bench.tgctl("raw", *args, "--json", url=database.url)
    proc.equal(code, want, "tgctl raw %s: %s%s" % (" ".join(args), out, err))
    return json.loads(out) if out else None


def test_as_asked(bench):
    """What somebody asks for is done by the gateway, and booked: decoded, dropped, or why not. What isn't quarantine stays."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    now = int(time.time() * 1000)
    records = [wire.Record(now + i, 54.5, 25.5, sats=7) for i in range(3)]
    good = quarantine(database, imei, "structure", wire.frame(wire.CODEC_16, records))
    again = quarantine(database, imei, "codec", wire.frame(8, records[:2]))
    noise = quarantine(database, imei, "crc", wire.bad_crc(wire.frame(8, records[:1])))
    stranger = quarantine(database, "359999999999999", "content", wire.frame(8, records[:1]))
    far = quarantine(database, imei, "content", wire.frame(8, [wire.Record(2 ** 63), wire.Record(now + 9, 54.5, 25.5)]))
    text = quarantine(database, imei, "codec", wire.message(12, 6, b"hello"))
    dropped = quarantine(database, imei, "crc", b"\x00\x01")
    copy = quarantine(database, imei, "raw", wire.frame(8, records[:1]))
    left = quarantine(database, imei, "crc", b"\x00\x02")
    ask = "SELECT telematics_raw_request('{%s}', '%s', 'eve')"
    proc.equal(database.query(ask % (copy, "decode")), "0", "a debug copy")
    proc.equal(database.query(ask % (good, "decode")), "1", "asked before there is a gateway")
    gw = bench.gateway(database)
    result = "SELECT request_result FROM device_ingest_raw WHERE request IS NULL AND id = %s"
    proc.wait_until(lambda: database.query(result % good), 20, "the first one")
    proc.equal(database.query(ask % (",".join([again, noise, stranger, far, text]), "decode")), "5", "more while it runs")
    database.query(ask % (dropped, "drop"))
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_ingest_raw WHERE request_result IS NOT NULL") == 7, 20,
                    "all are done")
    for ident, words, over in (
            (good, "decoded: 3 stored, 0 were there already", "t"), (again, "decoded: 0 stored, 2 were there already", "t"),
            (noise, "its CRC is wrong: what it said is not known", "f"), (stranger, "the device is not registered", "f"),
            (far, "1 stored, 0 were there already, 1 refused: their time is out of range", "f"),
            (text, "decoded: 1 stored, 0 were there already", "t"), (dropped, "dropped", "t"), (copy, "", "f"), (left, "", "f")):
        proc.equal(database.rows("SELECT coalesce(request_result, ''), decoded_at IS NOT NULL, request IS NULL FROM"
                                 " device_ingest_raw WHERE id = %s" % ident), [[words, over, "t"]], "frame %s" % ident)
    proc.equal(database.query("SELECT text FROM device_messages"), "hello", "the message")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 4, "records")
    proc.check(gw.logged("as asked: decoded: 3 stored"), "the log says so")
    # What the table of positions refuses is no reason to try again for ever.
    database.query("ALTER TABLE device_positions ADD CONSTRAINT telematics_record_test CHECK (speed < 100)")
    fast = quarantine(database, imei, "content", wire.frame(8, [wire.Record(now + 99, 54.5, 25.5, speed=200)]))
    database.query(ask % (fast, "decode"))
    proc.wait_until(lambda: "refused" in database.query(result % fast), 20, "why not")
    proc.equal(database.query(ask % (good, "drop")), "0", "one that is decoded")


def test_decode_again(bench):
    """What is readable now is stored once and marked; what is not stays, with the reason told."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    now = int(time.time() * 1000)
    records = [wire.Record(now + i, 54.5, 25.5, sats=7, io=[(66, b"\x30\x39"), (11, b"\xff" * 8)])
               for i in range(3)]
    good = quarantine(database, imei, "structure", wire.frame(wire.CODEC_16, records))
    lie = quarantine(database, imei, "count", wire.frame(8, records[:1], count2=2))
    noise = quarantine(database, imei, "crc", wire.bad_crc(wire.frame(8, records[:1])))
    alien = quarantine(database, imei, "unknown_codec", wire.wrap(b"\x77\x01\x00\x01"))
    stranger = quarantine(database, "359999999999999", "content", wire.frame(8, records[:1]))
    far = quarantine(database, imei, "content", wire.frame(8, [
        wire.Record(2 ** 63), records[0], wire.Record(now + 9, 54.5, 25.5)]))
    text = quarantine(database, imei, "codec", wire.message(12, 6, b"hello"))
    done = {str(r["id"]): r for r in raw(bench, database, "decode", "--all")}
    proc.equal(sorted(i for i in done if done[i]["outcome"] == "decoded"), sorted([good, text]), "decoded")
    proc.equal(done[good]["stored"], 3, "records stored")
    proc.equal([done[far]["stored"], done[far]["duplicate"]], [1, 1], "stored beside the one out of range")
    rows = [wire.parse_row(line) for line in database.query(wire.ROW_SQL % imei).split("\n")]
    proc.equal(rows[:3], [r.columns(wire.CODEC_16) for r in records], "rows")
    # The hash knows nothing of the codec: what came by codec 16 and by 8 is one record.
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 3 + 1, "positions")
    proc.equal(database.query("SELECT text FROM device_messages"), "hello", "the message")
    left = {str(r["id"]) for r in raw(bench, database, "list")}
    proc.equal(left, {lie, noise, alien, stranger, far}, "still in quarantine")
    proc.equal(raw(bench, database, "decode", good)[0]["duplicate"], 3, "decoded once more")
    raw(bench, database, "decode", noise, want=1)
    raw(bench, database, "decode", "999", want=1)
    shown = raw(bench, database, "show", lie)
    proc.equal(shown["decoded"]["error"], "count", "what show says")


def test_other_id(bench):
    """A device that got another id since its frame came gets its records; whoever has the old id now doesn't."""
    database = bench.database()
    first, second = imeis(2)
    database.add_devices([first])
    frame = quarantine(database, first, "structure", wire.frame(8, [wire.Record(1700000000000, 54.5, 25.5, sats=7)]))
    database.query("UPDATE device_ingest_raw SET device_id = (SELECT id FROM devices)")
    database.query("TRUNCATE devices RESTART IDENTITY")
    database.add_devices([second])
    proc.check("not registered" in raw(bench, database, "decode", frame, want=1)[0]["outcome"], "nobody's yet")
    database.add_devices([first])
    proc.equal(raw(bench, database, "decode", frame)[0]["stored"], 1, "stored")
    proc.equal(database.query("SELECT d.imei FROM device_positions p JOIN devices d ON d.id = p.device_id"), first,
               "whose it is")


def test_codec_of_model(bench):
    """A frame in a codec that the model may not use waits until it may, or until it is named."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei], device_model="FMB920")
    database.query("INSERT INTO device_models (device_model, codec_8e) VALUES ('FMB920', false)")
    frames = [quarantine(database, imei, "codec", wire.frame(wire.CODEC_8E, [wire.Record(1700000000000 + i)]))
              for i in range(2)]
    proc.check("device_models" in raw(bench, database, "decode", "--all")[0]["outcome"], "why not")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 0, "positions")
    proc.equal(raw(bench, database, "decode", frames[0])[0]["outcome"], "decoded", "when it is named")
    database.query("UPDATE device_models SET codec_8e = true")
    proc.equal([r["outcome"] for r in raw(bench, database, "decode", "--all")], ["decoded"], "when it is allowed")


def test_replay(bench):
    """decode --replay plays a capture to a gateway, which acknowledges each frame."""
    database = bench.database()
    imei = imeis(1)[0]
    database.add_devices([imei])
    gw = bench.gateway(database, TELEM_WORKERS=1)
    frames = [wire.frame(codec, [wire.Record(1700000000000 + 1000 * codec + i, 54.5, 25.5) for i in range(3)])
              for codec in wire.AVL_CODECS]
    capture = wire.imei_packet(imei) + wire.PING + b"".join(frames)
    target = "127.0.0.1:%d" % gw.port
    # Until the worker can ask the database, an IMEI that it doesn't know gets no answer at all.
    for who, answer in ((imei, b"\x01"), ("359999999999999", b"\x00")):
        proc.wait_until(lambda: bench.tracker(gw, who).handshake() == answer, 10, "an answer to " + who)
    code, out, err = bench.tgctl("decode", "--replay", target, stdin=capture)
    proc.equal(code, 0, "replay: %s%s" % (out, err))
    proc.equal([json.loads(line).get("answer") for line in out.splitlines()], [True, None, 3, 3, 3], "answers")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 9, "positions")
    code, out, err = bench.tgctl("decode", "--replay", target, stdin=wire.imei_packet("359999999999999") + frames[0])
    proc.check(code == 1 and json.loads(out.splitlines()[0])["answer"] is False, "a refused IMEI: %s%s" % (out, err))


@suite.quick
def test_secrets(bench):
    """Whatever is wrong with DATABASE_URL, no message quotes the password."""
    for url in ("postgresql://u:hush@127.0.0.1:1/db", "postgresql://u:hu@hush@/db", "postgresql://u:p/hush@h/db",
                "host=127.0.0.1 port=1 password=hush", "postgresql://u:hush@h:port/db", "password=hush nonsense"):
        for command in (["migrate"], ["device", "list"], ["raw"]):
            code, out, err = bench.tgctl(*command, url=url)
            proc.check(code in (1, 2) and err and "hush" not in out + err, "%s: %d %s%s" % (url, code, out, err))


suite.main(globals())
