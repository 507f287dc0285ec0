#!/usr/bin/env python3
"""What roles of the database can't reach: functions of ours call nothing that somebody else has put on the search_path,
and a command ends only as the gateway says.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import commands, gateway, postgres, proc, suite
from lib.fleet import imeis

FUNCTIONS = ("SELECT p.oid::regprocedure, coalesce(array_to_string(proconfig, ';'), ''), prosrc LIKE '%telematics_schema%'"
             " FROM pg_proc p WHERE (proname LIKE 'telematics\\_%' AND proname <> 'telematics_pin'"
             " OR pronamespace = to_regnamespace('omnitrack'))"
             # Those in BEGIN ATOMIC or RETURN were bound when they were made, whatever is on a search_path.
             " AND prosqlbody IS NULL ORDER BY 1")
# Better matches than PostgreSQL's own, for the calls that our functions make.
SHADOWS = ("format(text, text)", "format(text, name)", "format(text, text, text)", "format(text, bigint, text)",
           "format(text, bigint, text, integer)", "format(text, text, timestamptz, timestamptz)",
           "format(text, text, text, timestamptz, timestamptz)", "format(text, regclass)",
           "format(text, regclass, regclass)", "format(text, regclass, timestamptz, timestamptz)",
           "format(text, regclass, timestamptz, timestamptz, text)", "to_char(date, text)",
           "to_regclass(unknown_text)", "length(varchar)", "coalesce_text(text)", "cardinality(text[])",
           "array_to_string(text[], text)", "generate_series(date, date, interval)", "right(name, integer)",
           "abs(date)")


def refused(words, run, *args, **more):
    try:
        run(*args, **more)
    except postgres.QueryError as error:
        proc.check(words in str(error), "it says %r: %s" % (words, error))
    else:
        raise proc.Failure("done: %s" % (args,))


@suite.quick
def test_functions(bench):
    """Each function has a search_path of PostgreSQL's own things alone, and the schema's name put in."""
    rows = bench.database().rows(FUNCTIONS)
    proc.check(len(rows) >= 12, "functions: %s" % rows)
    for name, settings, token in rows:
        proc.check("search_path=pg_catalog, pg_temp" in settings.split(";"), "%s: %s" % (name, settings))
        proc.equal(token, "f", "%s: telematics_schema is left in it" % name)


def migrate_to(database, version):
    """The schema as it was, by the files."""
    folder = os.path.join(gateway.SOURCE, "migrations")
    database.query("CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text,"
                   " applied_at timestamptz DEFAULT now())", user="tg")
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".sql"))[:version]:
        with open(os.path.join(folder, name)) as f:
            database.query(f.read(), user="tg")
        database.query("INSERT INTO schema_migrations VALUES (%d, '%s')" % (int(name[:4]), name[:-4]), user="tg")


def shadow(database):
    """Somebody who may create functions in public, and hopes that others call them."""
    user = database.name + "_mallory"
    database.query("CREATE ROLE %s LOGIN; GRANT CREATE ON SCHEMA public TO %s" % (user, user))
    made = 0
    for signature in SHADOWS:
        try:
            database.query("CREATE FUNCTION public.%s RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
                           " 'it ran as %%', current_user; END $$" % signature, user=user)
            made += 1
        except postgres.QueryError:
            pass   # no such type
    proc.check(made > 10, "functions made: %d" % made)
    return user


def use_everything(database):
    """Each function of ours is called, by the role that owns the tables."""
    imei = imeis(1)[0]
    database.query("INSERT INTO devices (imei) VALUES ('%s')" % imei, user="tg")
    database.query("UPDATE devices SET enabled = false", user="tg")
    database.query("INSERT INTO device_models VALUES ('X')", user="tg")
    today = database.query("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD'::pg_catalog.text)")
    database.query("DROP TABLE IF EXISTS device_positions_%s; CREATE TABLE device_positions_20010101 PARTITION OF"
                   " device_positions FOR VALUES FROM ('2001-01-01') TO ('2001-01-02')" % today, user="tg")
    database.query("INSERT INTO device_positions SELECT id, now(), 1, now(), 0, 0, 0, 0, 0, 0, 0, 0, 8, NULL, false,"
                   " '{}' FROM devices", user="tg")
    proc.wait_until(lambda: database.query("SELECT telematics_upkeep(10, 30)", user="tg") == "f", 60, "the upkeep")
    proc.equal(database.query("SELECT tableoid::regclass FROM device_positions"), "device_positions_" + today,
               "where the row of today lies")
    proc.equal(database.query("SELECT to_regclass('device_positions_20010101') IS NULL"), "t", "the old day is dropped")
    ident = commands.queue(database, imei, "getinfo")
    database.query("UPDATE device_commands SET status = 'cancelled' WHERE id = %d" % ident, user="tg")
    database.query("SELECT telematics_set_command_max_length(170)", user="tg")
    refused("170", database.query, "INSERT INTO device_commands (imei, command_text) VALUES ('%s', '%s')"
            % (imei, "x" * 171), user="tg")


def test_shadowed(bench):
    """Functions that somebody else has put into public are not called, neither by owner's rights nor by a caller's;
    the database was migrated by an earlier version."""
    database = bench.database(migrated=False)
    migrate_to(database, 5)
    proc.check(any("search_path=pg_catalog" not in r[1] for r in database.rows(FUNCTIONS)), "an old database")
    code, out, err = bench.tgctl("migrate", url=database.url)
    proc.equal(code, 0, "migrate: %s%s" % (out, err))
    user = shadow(database)
    bench.scope.later(lambda: database.query("DROP OWNED BY %s CASCADE; DROP ROLE %s" % (user, user)))
    refused("it ran as tg", database.query, "SELECT format('%s'::text, 'x'::text)", user="tg")   # the trap works
    use_everything(database)


def test_names_of_schemas(bench):
    """A schema may have an odd name; one that would mean something inside a function is refused with a sentence."""
    database = bench.database(migrated=False)
    for name, words in (('Fleet "1" x', None), ("o'brien", "can't live in a schema called"),
                        ("50%", "can't live in a schema called")):
        database.query('CREATE SCHEMA "%s" AUTHORIZATION tg; ALTER ROLE tg IN DATABASE "%s" SET search_path = "%s"'
                       % (name.replace('"', '""'), database.name, name.replace('"', '""')))
        code, out, err = bench.tgctl("migrate", url=database.url)
        if words is None:
            proc.equal(code, 0, "migrate into %s: %s%s" % (name, out, err))
            proc.equal(database.query("SELECT count(*) > 40 FROM pg_inherits", user="tg"), "t", "partitions")
            database.query("INSERT INTO device_commands (imei, command_text) VALUES ('%s', 'getinfo')" % imeis(1)[0],
                           user="tg")
        else:
            proc.check(code == 1 and words in err, "migrate into %s: %d %s%s" % (name, code, out, err))


def test_late_answers(bench):
    """A command that was tried and got no answer may still be answered, within a day; no other that is over may."""
    database = bench.database()
    imei = imeis(1)[0]
    put = ("INSERT INTO device_commands (imei, command_text, status, attempt_count, error_message) VALUES"
           " ('" + imei + "', 'x', '%s', %d, %s) RETURNING id")
    acked = "UPDATE device_commands SET status = 'acked' WHERE id = %s"
    for status, attempts, why in (("pending", 1, "NULL"), ("failed", 2, "'no answer in time (attempt 2 of 2)'")):
        ident = database.query(put % (status, attempts, why), user="tg")
        database.query(acked % ident, user="tg")
    old = database.query(put % ("failed", 1, "'no answer in time (attempt 1 of 1)'"), user="tg")
    database.query("UPDATE device_commands SET updated_at = now() - interval '25 hours' WHERE id = %s" % old, user="tg")
    refused("can't become acked", database.query, acked % old, user="tg")
    for status, attempts, why in (("pending", 0, "NULL"), ("failed", 1, "'refused by the device'"),
                                  ("failed", 0, "NULL"), ("expired", 1, "NULL"), ("cancelled", 1, "NULL")):
        ident = database.query(put % (status, attempts, why), user="tg")
        refused("can't become acked", database.query, acked % ident, user="tg")


suite.main(globals())
