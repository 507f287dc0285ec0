"""Commands in tests: queueing by plain SQL, reading them on a tracker's socket, answering them."""
import struct

from . import proc, wire


def queue(database, imei, text, **columns):
    """Inserts one as anybody with SQL would; returns its id. Other columns are SQL expressions."""
    names = ["imei", "command_text"] + list(columns)
    values = ["'%s'" % imei, "'%s'" % text] + [str(v) for v in columns.values()]
    return int(database.query("INSERT INTO device_commands (%s) VALUES (%s) RETURNING id"
                              % (", ".join(names), ", ".join(values))).split("\n")[0])


def row(database, ident):
    """The columns that tests look at, as text ('' for NULL)."""
    names = ("status", "attempt_count", "response_text", "codec12_response_hex", "error_message",
             "sent_at", "responded_at", "next_retry_at", "updated_at")
    line = database.query("SELECT concat_ws('|', %s) FROM device_commands WHERE id = %d" % (
        ", ".join("coalesce(%s::text, '')" % n for n in names), ident))
    return dict(zip(names, line.split("|")))


def wait_status(database, ident, status, seconds, what=None):
    proc.wait_until(lambda: row(database, ident)["status"] == status, seconds,
                    what or "command %d is %s" % (ident, status))
    return row(database, ident)


def read(tracker, seconds=15):
    """The next thing from the gateway must be a command frame: (codec, text, IMEI in it or None)."""
    head = tracker.read(8, seconds)
    zero, length = struct.unpack(">II", head)
    proc.equal(zero, 0, "preamble of a command (an ACK instead?)")
    body = tracker.read(length, seconds)
    crc = struct.unpack(">I", tracker.read(4, seconds))[0]
    proc.equal(crc, wire.crc16(body), "CRC of the command")
    codec, count, kind, size = struct.unpack(">BBBI", body[:7])
    proc.equal((count, kind, body[-1]), (1, 5, 1), "count, type, count")
    proc.equal(size, len(body) - 8, "size of the payload")
    payload, imei = body[7:-1], None
    if codec == wire.CODEC_14:
        imei, payload = payload[:8].hex()[1:], payload[8:]
    return codec, payload.decode(), imei


def answer(tracker, payload, codec=12, kind=6):
    tracker.send(wire.message(codec, kind, payload, imei=tracker.imei))


def record_changes(database):
    """From now on every change of a status is kept in the table changes."""
    database.query("""
CREATE TABLE changes (at timestamptz DEFAULT clock_timestamp(), id bigint, old text, new text, attempt int);
GRANT ALL ON changes TO PUBLIC;
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO changes (id, old, new, attempt) VALUES (NEW.id, OLD.status, NEW.status, NEW.attempt_count);
  RETURN NULL; END $$;
CREATE TRIGGER note AFTER UPDATE OF status ON device_commands FOR EACH ROW
  WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION note_change();
""")


def history(database, ident):
    return [tuple(r) for r in database.rows(
        "SELECT old, new FROM changes WHERE id = %d ORDER BY at" % ident)]
