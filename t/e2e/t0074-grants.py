#!/usr/bin/env python3
"""tgctl grants: roles with exactly what it prints run the gateway, the web application and dashboards,
and can do nothing beyond that.
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, commands, postgres, proc, suite, wire
from lib.fleet import imeis


class Roles:
    """A database whose owner has granted what the tool prints, to roles of the test's own."""

    def __init__(self, bench, *names, **env):
        self.bench, self.database = bench, bench.database()
        self.env = env
        self.made = {}
        for name in names:
            to = "%s_%s" % (self.database.name, name)
            self.database.query("CREATE ROLE %s LOGIN" % to)
            bench.scope.later(lambda to=to: self.drop(to))
            self.made[name] = to
            self.grant(name)

    def drop(self, to):
        self.database.query("DROP OWNED BY %s; DROP ROLE %s" % (to, to))

    def grant(self, name):
        code, out, err = self.bench.tgctl("grants", "--role", name, "--to", self.made[name],
                                          url=self.database.url, env=self.env)
        # Roles of the other tests in this cluster would lose access.
        proc.check(code == 0 and (name == "web" or err == ""), "tgctl grants: %d %s" % (code, err))
        self.database.query(out, user="tg")   # the owner, who is no superuser

    def url(self, name):
        return self.database.cluster.url(self.database.name, self.made[name])

    def may(self, name, sql):
        return self.database.query(sql, user=self.made[name])

    def may_not(self, name, *statements):
        for sql in statements:
            try:
                self.database.query(sql, user=self.made[name])
            except postgres.QueryError as error:
                proc.check("permission denied" in str(error) or "must be owner" in str(error)
                           or "may not" in str(error), "%s as %s: %s" % (sql, name, error))
            else:
                raise proc.Failure("%s may do this: %s" % (name, sql))


def frame(codec=8, n=3, **more):
    now = int(time.time() * 1000)
    return wire.frame(codec, [wire.Record(now - 1000 * i, 54.5, 25.5, sats=7) for i in range(n)], **more)


def test_gateway(bench):
    """As its own role the gateway stores, refuses, quarantines, moves live rows, takes over, sends a command."""
    names = imeis(12)
    roles = Roles(bench, "gateway")
    database = roles.database
    database.add_devices(names)
    gw = bench.gateway(roles.url("gateway"))
    fleet = bench.fleet(gw, names[2:])
    tracker = bench.tracker(gw, names[0]).login()
    proc.equal(tracker.exchange(frame()), 3, "ACK")
    proc.equal(tracker.exchange(frame(count2=2)), 3, "ACK of a frame that goes to quarantine")
    ident = commands.queue(database, names[0], "getinfo")
    proc.equal(commands.read(tracker)[1], "getinfo", "the command")
    commands.answer(tracker, b"Ver:1")
    commands.wait_status(database, ident, "acked", 10)
    tracker.send(wire.message(12, 6, b"unasked"))
    gone = commands.queue(database, names[1], "getver", expires_at="now() + interval '1 second'")
    commands.wait_status(database, gone, "expired", 10)
    proc.equal(bench.tracker(gw, "350000000000777").handshake(), b"\x00", "answer to a stranger")
    for table, rows in (("rejected_devices", 1), ("device_ingest_raw", 1), ("device_messages", 1)):
        proc.wait_until(lambda: database.number("SELECT count(*) FROM " + table) == rows, 10, table)
    proc.wait_until(lambda: database.number("SELECT count(*) FROM device_online o JOIN devices d ON d.id ="
                                            " o.device_id WHERE online AND last_ping IS NOT NULL") >= 11,
                    20, "live rows")
    # With the daemon's own gateway.conf an operator can look at what is wrong.
    for args in (["raw"], ["raw", "show", "1"], ["rejected"], ["command", "list", "--text"],
                 ["why", names[0]]):
        proc.equal(bench.tgctl(*args, url=roles.url("gateway"))[::2], (0, ""), "tgctl %s" % args)
    # What a killed worker had not yet moved, its replacement moves; and one day's partition comes back.
    fleet.wait_acked(proc.scaled(200, 50))
    database.query("DROP TABLE device_positions_" + time.strftime("%Y%m%d", time.gmtime(time.time() + 86400)))
    pids = gw.workers()
    os.kill(pids[0], 9)
    proc.wait_until(lambda: pids[0] not in gw.workers() and gw.all_accept(), 20, "another worker")
    fleet.wait_all_progress()
    gw.hup()
    proc.wait_until(lambda: gw.logged("permission denied|may not|lacks ") or database.number(
        "SELECT count(*) FROM pg_class WHERE relname = 'device_positions_' || to_char("
        "now() AT TIME ZONE 'UTC' + interval '1 day', 'YYYYMMDD')"), 60, "the partition is made again")
    fleet.stop()
    database.query("DELETE FROM device_positions WHERE device_id = (SELECT id FROM devices WHERE imei = '%s')"
                   % names[0])   # what the lone tracker sent: the fleet's is audited
    database.query("DELETE FROM device_ingest_raw")
    audit.audit(database, fleet)
    gw.stop()
    proc.check(not gw.logged("permission denied|may not|lacks "), "complaints in the log")
    code, out, err = bench.tgctl("status", "--json", url=roles.url("gateway"), env={"METRICS_PORT": "0"})
    proc.equal(json.loads(out)["schema"]["devices"], 12, "devices by tgctl status (%s)" % err)


def test_gateway_limits(bench):
    """The gateway's role can neither change the inventory nor delete history, nor anything of the schema."""
    roles = Roles(bench, "gateway", TELEM_RAW_RETENTION_DAYS="0")
    roles.database.add_devices(imeis(2))
    roles.may_not(
        "gateway", "DROP TABLE device_positions", "DELETE FROM devices", "UPDATE devices SET enabled = false",
        "INSERT INTO devices (imei) VALUES ('350000000000999')", "SELECT name FROM devices",
        "DELETE FROM device_positions", "UPDATE device_positions SET speed = 0", "TRUNCATE device_positions",
        "DELETE FROM device_commands", "INSERT INTO device_commands (imei, command_text) VALUES ('%s', 'x')"
        % imeis(1)[0], "SELECT payload FROM device_messages", "DELETE FROM device_ingest_raw",
        "UPDATE device_models SET codec_8 = false",
        "UPDATE telematics_settings SET value = '1'", "DELETE FROM schema_migrations",
        "ALTER TABLE devices DISABLE TRIGGER ALL", "CREATE TABLE mine (x integer)",
        "DELETE FROM device_positions_default")
    # Retention is what the configuration asks for, or a warning and no deletion.
    roles.database.query("INSERT INTO device_positions SELECT id, '1970-01-02', 1, now() - interval '9 days',"
                         " 0, 0, 0, 0, 0, 0, 0, 0, 8, NULL, false, '{}' FROM devices")
    upkeep = "SELECT telematics_upkeep(5, 0)"
    for _ in range(3):
        roles.may("gateway", upkeep)
    proc.equal(roles.database.number("SELECT count(*) FROM device_positions"), 2, "rows without the right")
    roles.env["TELEM_RETENTION_DAYS"] = "5"
    roles.grant("gateway")
    proc.wait_until(lambda: roles.may("gateway", upkeep) and roles.database.number(
        "SELECT count(*) FROM device_positions") == 0, 20, "the retention deletes")
    roles.env["TELEM_GATEWAY_ALLOW_UNKNOWN_IMEI"] = "true"
    roles.grant("gateway")
    gw = bench.gateway(roles.url("gateway"), TELEM_GATEWAY_ALLOW_UNKNOWN_IMEI="true")
    proc.equal(bench.tracker(gw, "350000000000777").handshake(), b"\x01", "answer to a stranger")


def test_web(bench):
    """The web application keeps devices, queues and cancels, reads; it can't forge what the gateway writes."""
    roles = Roles(bench, "web")
    imei = imeis(1)[0]
    for args in (["device", "add", imei, "--name", "Van 1"], ["device", "list"], ["device", "show", imei],
                 ["device", "disable", imei], ["device", "enable", imei], ["command", "send", imei, "getinfo"],
                 ["command", "list", "--text"], ["command", "cancel", "1"], ["rejected"], ["raw"], ["why", imei]):
        code, out, err = bench.tgctl(*args, url=roles.url("web"))
        proc.equal(code, 0, "exit status of %s: %s%s" % (args, out, err))
    roles.may("web", "SELECT count(*) FROM device_positions JOIN device_online USING (device_id)")
    roles.may("web", "DELETE FROM devices")
    insert = "INSERT INTO device_commands (imei, command_text, %s) VALUES ('" + imei + "', 'x', %s)"
    roles.may_not(
        "web", insert % ("status", "'acked'"), insert % ("attempt_count", "0"), insert % ("sent_at", "now()"),
        "UPDATE device_commands SET response_text = 'forged'", "DELETE FROM device_commands",
        "UPDATE device_online SET online = true", "DELETE FROM device_positions",
        "INSERT INTO device_messages (imei, codec, type, payload, frame_hash) VALUES ('1', 12, 6, '', 0)",
        "DELETE FROM device_ingest_raw", "DELETE FROM rejected_devices", "DROP TABLE devices",
        "SELECT telematics_upkeep(1, 1)", "SELECT telematics_set_command_max_length(1)",
        "CREATE TABLE mine (x integer)")
    # It may cancel what is pending, and end nothing by saying so.
    status = "UPDATE device_commands SET status = '%s' WHERE id = %d"
    pending, sent = [commands.queue(roles.database, name, "getinfo") for name in imeis(3)[1:]]
    roles.database.query("UPDATE device_commands SET status = 'sent', attempt_count = 1 WHERE id = %d" % sent)
    roles.may_not("web", *[status % (end, ident) for ident in (pending, sent)
                           for end in ("sent", "acked", "failed", "expired", "pending")
                           if (end, ident) not in (("pending", pending), ("acked", pending), ("sent", sent))])
    roles.may("web", status % ("cancelled", pending))
    proc.equal(roles.database.rows("SELECT id, status FROM device_commands WHERE id >= %d ORDER BY id" % pending),
               [[str(pending), "cancelled"], [str(sent), "sent"]], "commands")


def test_readonly(bench):
    """Dashboards read everything but what commands say; they change nothing."""
    roles = Roles(bench, "readonly")
    imei = imeis(1)[0]
    roles.database.add_devices([imei])
    commands.queue(roles.database, imei, "setparam 2003:hush")
    proc.equal(roles.may("readonly", "SELECT imei, status FROM device_commands"), imei + "\tpending", "commands")
    for table in ("devices", "device_models", "device_positions", "device_online", "device_commands",
                  "device_messages", "device_ingest_raw", "rejected_devices"):
        roles.may("readonly", "SELECT count(*) FROM " + table)
    out = bench.tgctl("status", "--json", url=roles.url("readonly"), env={"METRICS_PORT": "0"})[1]
    proc.equal(json.loads(out)["schema"]["devices"], 1, "devices by tgctl status")
    roles.may_not(
        "readonly", "SELECT command_text FROM device_commands", "SELECT * FROM device_commands",
        "SELECT response_text FROM device_commands", "SELECT payload FROM device_messages",
        "SELECT frame FROM device_ingest_raw", "UPDATE devices SET name = ''", "DELETE FROM devices",
        "UPDATE device_commands SET status = 'cancelled'", "SELECT telematics_upkeep(1, 1)",
        "INSERT INTO device_commands (imei, command_text) VALUES ('%s', 'x')" % imei, "DROP TABLE devices")


def test_web_schema(bench):
    """In its own schema the web application may do what it needs: the audit is append only, texts of a command stay."""
    roles = Roles(bench, "web", "gateway", "readonly")
    roles.may("web", "INSERT INTO omnitrack.users (login, name) VALUES ('a@b', 'A'), ('c', 'C');"
              " UPDATE omnitrack.users SET disabled = true, password = '$argon2id$v=19$x', last_login_at = now() WHERE id = 2;"
              " INSERT INTO omnitrack.groups (parent_id, name) VALUES (1, 'North');"
              " INSERT INTO omnitrack.roles (user_id, group_id, role) VALUES (1, 1, 'admin'), (2, 2, 'viewer');"
              " UPDATE omnitrack.roles SET role = 'operator', reads_commands = true WHERE user_id = 2;"
              " INSERT INTO omnitrack.device_groups VALUES (7, 2);"
              " INSERT INTO omnitrack.device_details (device_id, plate) VALUES (7, 'ABC 123') ON CONFLICT (device_id)"
              " DO UPDATE SET plate = excluded.plate;"
              " INSERT INTO omnitrack.web_sessions (sess, expire, sid) SELECT '{\"userId\": 1}', now() + interval '1 hour', 's'"
              " ON CONFLICT (sid) DO UPDATE SET sess = excluded.sess, expire = excluded.expire RETURNING sid;"
              " INSERT INTO omnitrack.links (token_hash, kind, expires_at) VALUES (sha256('x'), 'setup', now());"
              " INSERT INTO omnitrack.api_tokens (user_id, name, token_hash, scopes, expires_at) VALUES (1, 't', sha256('x'),"
              " '{read}', now()); UPDATE omnitrack.api_tokens SET last_used_at = now();"
              " INSERT INTO omnitrack.command_templates (name, command_text) VALUES ('Info', 'getinfo');"
              " INSERT INTO omnitrack.idempotency_keys (key, request_hash) VALUES ('user:1:k', sha256('x'));"
              " UPDATE omnitrack.idempotency_keys SET status = 202, response = '{}';"
              " INSERT INTO omnitrack.login_attempts VALUES ('k', 1, 2); DELETE FROM omnitrack.login_attempts;"
              " UPDATE omnitrack.heartbeat SET beat_at = clock_timestamp(); SELECT count(*) FROM omnitrack.live;"
              " SELECT last_value FROM omnitrack.live_failures; SELECT last_value FROM omnitrack.live_skipped;"
              " INSERT INTO omnitrack.audit (user_id, action) VALUES (1, 'login'); SELECT * FROM omnitrack.audit;"
              " SELECT * FROM device_sessions; SELECT * FROM device_rhythm; SELECT * FROM telematics_silence();"
              " SELECT telematics_raw_request('{1}', 'decode', 'a@b'); DELETE FROM omnitrack.users WHERE id = 2;"
              " DELETE FROM omnitrack.device_groups; DELETE FROM omnitrack.groups WHERE id = 2")
    proc.equal(roles.database.query("SELECT user_id, kind FROM omnitrack.web_sessions"), "1\tweb", "the session")
    roles.may_not(
        "web", "UPDATE omnitrack.audit SET action = 'x'", "DELETE FROM omnitrack.audit", "TRUNCATE omnitrack.audit",
        "INSERT INTO omnitrack.audit (at, action) VALUES ('2020-01-01', 'forged')", "DELETE FROM omnitrack.heartbeat",
        "UPDATE omnitrack.heartbeat SET queue_limit = 1", "INSERT INTO omnitrack.heartbeat (beat_at) VALUES (now())",
        "SELECT nextval('omnitrack.live_failures')", "CREATE TABLE omnitrack.mine ()",
        "UPDATE omnitrack.web_sessions SET user_id = 1", "UPDATE omnitrack.users SET created_at = now()", "DROP TABLE omnitrack.users",
        "INSERT INTO device_sessions (device_id, session_id, ended_at) VALUES (1, 1, now())",
        "UPDATE device_ingest_raw SET request = 'drop'", "UPDATE device_rhythm SET moving_gap_s = 1",
        "SELECT telematics_command_status_tell('{1}')", "ALTER TABLE devices DISABLE TRIGGER ALL",
        "SELECT omnitrack.tell('user', '{1}')")
    for name in ("gateway", "readonly"):
        roles.may_not(name, "SELECT * FROM omnitrack.users", "SELECT * FROM omnitrack.live",
                      "UPDATE omnitrack.heartbeat SET beat_at = now()", "SELECT telematics_raw_request('{1}', 'drop', '')")


def test_connect(bench):
    """Whoever isn't granted CONNECT can't, once the statements for the web application have run; they are named."""
    database = bench.database()
    stranger, owner = database.name + "_stranger", database.name + "_other"
    database.query("CREATE ROLE %s LOGIN; CREATE ROLE %s LOGIN" % (stranger, owner))
    bench.scope.later(lambda: database.query("REASSIGN OWNED BY %s TO tg; DROP OWNED BY %s; DROP ROLE %s; DROP ROLE %s"
                                             % (owner, owner, stranger, owner)))
    web = database.name + "_web"
    args = ("grants", "--role", "web", "--to", web)
    code, out, err = bench.tgctl(*args, url=database.url)
    proc.check(code == 0 and stranger in err and "REVOKE CONNECT" in out and "lose access" in out, "grants: %s%s" % (out, err))
    database.query("SELECT 1", user=stranger)
    database.query("REVOKE CONNECT ON DATABASE %s FROM PUBLIC" % database.name, user="tg")
    try:
        database.query("SELECT 1", user=stranger)
        raise proc.Failure("the stranger connects")
    except postgres.QueryError as error:
        proc.check("permission denied for database" in str(error), str(error))
    code, out, err = bench.tgctl(*args, url=database.url)
    proc.check(code == 0 and "REVOKE" not in out and err == "", "done already: %s%s" % (out, err))
    # Who doesn't own the database can only be warned.
    database.query("GRANT CONNECT ON DATABASE %s TO PUBLIC; ALTER DATABASE %s OWNER TO %s" % ((database.name,) * 2 + (owner,)))
    code, out, err = bench.tgctl(*args, url=database.url)
    proc.check(code == 0 and "REVOKE" not in out and "its owner ends that: REVOKE CONNECT" in err, "a warning: %s" % err)


def test_output(bench):
    """Another schema, an odd name of a role, a devices table of somebody else's; JSON; what is wrong is said."""
    database = bench.database()
    code, out, err = bench.tgctl("grants", url=database.url)
    proc.equal(code, 0, "exit status (%s)" % err)
    for name in ("telematics_gateway", "telematics_web", "telematics_readonly"):
        proc.check("TO %s;" % name in out, "%s: %s" % (name, out))
    proc.equal([line.split(" ON ")[1].split(" TO ")[0] for line in out.splitlines() if "GRANT DELETE ON" in line],
               ["public.device_ingest_raw", "public.device_sessions"], "the retention that is on by default")
    code, out, err = bench.tgctl("grants", "--json", "--role", "web", "--to", 'we"b; x', url=database.url)
    rows = json.loads(out)
    proc.check(all(r["role"] == "web" and r["statement"].endswith('TO "we""b; x";') for r in rows[:-1]), out)
    proc.equal(rows[-1]["statement"], "REVOKE CONNECT ON DATABASE %s FROM PUBLIC;" % database.name, "the last one")
    for args, words in ((["--role", "admin"], "admin"), (["--to", "x"], "--role"), (["more"], "more")):
        code, out, err = bench.tgctl("grants", *args, url=database.url)
        proc.check(code == 2 and out == "" and words in err, "%s: %d %s%s" % (args, code, out, err))
    # Tables in a schema of their own, beside a devices table with a serial id in public.
    other = bench.database(migrated=False)
    other.query("CREATE SCHEMA telematics; CREATE TABLE public.devices (id serial PRIMARY KEY, imei text)", user="tg")
    url = other.url + " options='-csearch_path=telematics,public'"
    code, out, err = bench.tgctl("grants", url=url)
    proc.check(code == 1 and "tgctl migrate" in err and out == "", "no schema: %d %s%s" % (code, out, err))
    code, out, err = bench.tgctl("migrate", url=url)
    proc.equal(code, 0, "migrate: %s" % err)
    out = bench.tgctl("grants", "--role", "web", url=url)[1]
    for words in ("USAGE ON SCHEMA telematics", "USAGE ON SCHEMA public", "ON public.devices",
                  "ON telematics.device_commands", "USAGE ON SEQUENCE public.devices_id_seq"):
        proc.check(words in out, "%s: %s" % (words, out))


suite.main(globals())
