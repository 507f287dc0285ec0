#!/usr/bin/env python3
"""What an acknowledgement rests on: settings, standbys, cancelled waits, a server that doesn't answer."""
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import audit, postgres, proc, suite, wire
from lib.fleet import imeis

NOW = int(time.time() * 1000) - 10 ** 7


def frame(i, n=1, ts=NOW):
    return wire.frame(wire.CODEC_8, [wire.Record(ts + (i * 100 + k) * 1000, 54.5, 25.5, sats=7)
                                     for k in range(n)])


def stored(cluster, database):
    return int(cluster.query("SELECT count(*) FROM device_positions", database.name))


def store_backends(database):
    return database.rows("SELECT pid FROM pg_stat_activity WHERE application_name = 'telematics-gateway store'"
                         " AND datname = current_database()")


def with_standby(bench, **keys):
    """A primary with a synchronous standby, a gateway with one worker on it, one tracker."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    database.add_devices(imeis(3))
    standby = postgres.Standby(bench.scope, cluster)
    gw = bench.gateway(database, TELEM_WORKERS=1, **keys)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    proc.equal(tracker.exchange(frame(0)), 1, "ACK while the standby answers")
    return cluster, standby, database, gw, tracker


def waits_for_standby(database):
    return database.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                           " AND application_name = 'telematics-gateway store'")


def test_settings_reach_nothing(bench):
    """synchronous_commit = off by a reload, the role and the database, then a crash: what was acknowledged is there."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    names = imeis(12)
    database.add_devices(names)
    gw = bench.gateway(database)
    load = bench.fleet(gw, names)
    load.wait_acked(proc.scaled(200, 50))
    for sql in ("ALTER ROLE tg SET synchronous_commit = off", "ALTER DATABASE %s SET synchronous_commit = off"
                % database.name, "ALTER SYSTEM SET synchronous_commit = off", "ALTER SYSTEM SET wal_writer_delay = '10s'",
                "SELECT pg_reload_conf()"):
        database.query(sql)
    database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tg' AND pid % 2 = 0")
    writer = int(database.query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"))
    os.kill(writer, signal.SIGSTOP)
    load.wait_acked(proc.scaled(500, 100))
    cluster.kill()
    cluster.start()
    gw.wait_ready(30)
    load.wait_all_progress()
    load.stop()
    audit.audit(database, load)
    gw.stop()


def test_chosen_weaker(bench):
    """TELEM_SYNCHRONOUS_COMMIT is in force, said in the log, and shown by -T and /status; fsync = off is said too."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    database.query("ALTER SYSTEM SET full_page_writes = off")
    database.query("ALTER TABLE device_positions_default SET UNLOGGED")
    database.query("SELECT pg_reload_conf()")
    gw = bench.gateway(database)
    proc.equal(gw.status()["synchronous_commit"], "on", "/status")
    proc.wait_until(lambda: gw.logged(r"may be lost in a crash of the server \(full_page_writes = off, "
                                      r"UNLOGGED: device_positions_default\)"), 10, "the warning")
    gw.stop()
    gw = bench.gateway(database, TELEM_SYNCHRONOUS_COMMIT="local")
    proc.equal(gw.status()["synchronous_commit"], "local", "/status")
    proc.wait_until(lambda: gw.logged(r"TELEM_SYNCHRONOUS_COMMIT=local: acknowledged records may be lost"), 10, "said")


def test_others_may_create(bench):
    """Who may put functions beside our tables is said once, not after each reconnect; again when it is another one."""
    database = bench.database()
    guest = "guest_" + database.name
    database.query("CREATE ROLE %s; REVOKE CREATE ON SCHEMA public FROM PUBLIC" % guest)
    database.add_devices(imeis(1))
    gw = bench.gateway(database, TELEM_WORKERS=1)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    said = r"%s may create functions in the schema public.*REVOKE CREATE ON SCHEMA public FROM %s"
    sent = iter(range(9))

    def reconnect():
        """What is acknowledged now was stored through a connection that is set up."""
        before = store_backends(database)
        database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                       " AND application_name = 'telematics-gateway store'")
        proc.wait_until(lambda: not [b for b in before if b in store_backends(database)], 10, "the old ones are gone")
        proc.equal(tracker.exchange(frame(next(sent))), 1, "ACK")
        proc.wait_until(lambda: len(store_backends(database)) == len(before) and gw.readyz()[0] == 200, 20, "all are back")

    reconnect()
    proc.check(not gw.logged("may create functions"), "nobody may: %s" % gw.log_text())
    database.query("GRANT CREATE ON SCHEMA public TO %s" % guest)
    for _ in range(2):
        reconnect()
    proc.wait_until(lambda: gw.logged(said % (guest, guest)), 10, "said of the guest")
    proc.equal(len(re.findall("may create functions", gw.log_text())), 1, "lines")
    database.query("GRANT CREATE ON SCHEMA public TO PUBLIC")
    reconnect()
    proc.wait_until(lambda: gw.logged(said % ("PUBLIC", "PUBLIC")), 10, "said of everybody")
    proc.equal(len(re.findall("may create functions", gw.log_text())), 2, "lines")
    database.query("DROP OWNED BY %s; DROP ROLE %s" % (guest, guest))


def test_cancelled_waits(bench):
    """Waits for a standby that hangs are cancelled and terminated: no ACK before the standby has the row."""
    cluster, standby, database, gw, tracker = with_standby(bench)
    other = bench.tracker(gw, imeis(2)[1]).login()
    proc.equal(other.exchange(frame(0)), 1, "ACK of the other")
    standby.freeze()
    tracker.send(frame(1, 5))
    # Unreadable: it goes to quarantine, which is as durable.
    other.send(wire.frame(wire.CODEC_8, [wire.Record(NOW, 54.5, 25.5, sats=7)] * 2, count2=3))
    for what in ("cancel", "terminate", "cancel", "cancel", "terminate"):
        proc.wait_until(lambda: waits_for_standby(database) == 1, 20, "the store waits for the standby")
        database.query("SELECT pg_%s_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND"
                       " application_name = 'telematics-gateway store'" % what)
        proc.check(tracker.silent() and other.silent(), "an ACK that nothing stands behind (%s)" % what)
    proc.equal(stored(cluster, database), 7, "rows on the primary alone")
    standby.freeze(signal.SIGCONT)
    proc.equal([tracker.ack(60), other.ack(60)], [5, 2], "ACKs when the standby is back")
    cluster.kill()
    standby.promote()
    proc.equal(stored(standby, database), 7, "rows after the fail-over")
    proc.equal(standby.query("SELECT count(*) FROM device_ingest_raw", database.name), "1", "quarantine after it")


def test_standby_away(bench):
    """A database that stays but does not commit: 503 after 10 s with the reason, another connection after 30 s."""
    cluster, standby, database, gw, tracker = with_standby(bench)
    standby.freeze()
    began = time.monotonic()
    tracker.send(frame(1, 5))
    proc.wait_until(lambda: waits_for_standby(database) == 1, 10, "the store waits for the standby")
    first = store_backends(database)
    proc.wait_until(lambda: gw.readyz()[0] == 503, 15, "/readyz says 503")
    proc.check(time.monotonic() - began > 7, "not before 10 s")
    proc.wait_until(lambda: "SyncRep" in gw.readyz()[1], 10, "the reason: %s" % (gw.readyz(),))
    proc.equal(len(re.findall(r"nothing is acknowledged until it is stored", gw.log_text())), 1, "one line")
    proc.wait_until(lambda: store_backends(database) not in ([], first), 40, "another connection")
    proc.check(time.monotonic() - began > 27, "not before 30 s")
    proc.wait_until(lambda: waits_for_standby(database) == 1, 10, "it waits too")
    proc.equal(len(store_backends(database)), 1, "backends of the store")
    proc.check(tracker.silent(), "an ACK that nothing stands behind")
    standby.freeze(signal.SIGCONT)
    proc.equal(tracker.ack(60), 5, "ACK")
    proc.wait_until(lambda: gw.readyz()[0] == 200, 10, "/readyz says 200")
    proc.equal(stored(cluster, database), 6, "rows")
    cluster.kill()
    standby.promote()
    proc.equal(stored(standby, database), 6, "rows after a fail-over")


def test_old_primary(bench):
    """After a fail-over the old primary stays, first in the URL, and never commits: the new one gets the records."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    database.add_devices(imeis(1))
    standby = postgres.Standby(bench.scope, cluster)
    gw = bench.gateway("host=%s,%s port=5432 dbname=%s user=tg target_session_attrs=read-write"
                       % (cluster.socket, standby.socket, database.name), TELEM_WORKERS=1)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    proc.equal(tracker.exchange(frame(0)), 1, "ACK by the first")
    standby.promote()
    tracker.send(frame(1, 5))
    proc.equal(tracker.ack(70), 5, "ACK by the second")
    proc.equal(stored(standby, database), 6, "rows on the new primary")


def test_stopped_server(bench):
    """PostgreSQL stopped by SIGSTOP: 503 with the reason after 10 s; who gave up keeps no descriptor."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    database.add_devices(imeis(3))
    gw = bench.gateway(database, TELEM_WORKERS=1)
    tracker, gone = [bench.tracker(gw, i).login() for i in imeis(2)]
    proc.equal(tracker.exchange(frame(0)), 1, "ACK")
    cluster.freeze()
    began = time.monotonic()
    tracker.send(frame(1, 5))
    gone.send(frame(1, 5))
    proc.wait_until(lambda: gw.metrics().in_flight() == 10, 10, "they are in flight")
    gone.close()
    proc.wait_until(lambda: gw.readyz()[0] == 503, 15, "/readyz says 503")
    proc.check(time.monotonic() - began > 7, "not before 10 s")
    proc.check("no answer" in gw.readyz()[1], "the reason: %s" % (gw.readyz(),))
    proc.wait_until(lambda: gw.metrics()['telematics_connections{state="closing"}'] == 0, 5, "who has gone is let go")
    cluster.freeze(signal.SIGCONT)
    proc.equal(tracker.ack(60), 5, "ACK")
    proc.wait_until(lambda: gw.readyz()[0] == 200, 10, "/readyz says 200")


def test_whose_fault(bench):
    """Rows that find no partition, or meet somebody's CHECK: no ACK, no quarantine, 503, and stored when it is mended."""
    database = bench.database()
    database.add_devices(imeis(3))
    gw = bench.gateway(database, TELEM_WORKERS=1)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    proc.equal(tracker.exchange(frame(0)), 1, "ACK")
    old = NOW - 400 * 86400000
    for n, (breaks, mends) in enumerate((
            ("ALTER TABLE device_positions DETACH PARTITION device_positions_default",
             "ALTER TABLE device_positions ATTACH PARTITION device_positions_default DEFAULT"),
            ("ALTER TABLE device_positions ADD CONSTRAINT of_mine CHECK (speed > 900) NOT VALID",
             "ALTER TABLE device_positions DROP CONSTRAINT of_mine"),
            ("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE check_violation; END $$;"
             " CREATE TRIGGER no BEFORE INSERT ON device_positions FOR EACH ROW EXECUTE FUNCTION no()",
             "DROP TRIGGER no ON device_positions"))):
        database.query(breaks)
        tracker.send(frame(n, 3, ts=old))
        proc.wait_until(lambda: gw.readyz()[0] == 503, 10, "/readyz says 503")
        proc.check(tracker.silent(), "an ACK for what stands nowhere")
        database.query(mends)
        proc.equal(tracker.ack(20), 3, "ACK when it is mended")
        proc.wait_until(lambda: gw.readyz()[0] == 200, 10, "/readyz says 200")
    proc.equal(database.number("SELECT count(*) FROM device_positions"), 10, "rows")
    proc.equal(database.number("SELECT count(*) FROM device_ingest_raw"), 0, "quarantine")


def test_a_day_that_fails(bench):
    """A day's partition can't be opened: its rows wait, the others' go on, and all is stored when it is back."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    names = imeis(12)
    database.add_devices(names)
    gw = bench.gateway(database, TELEM_WORKERS=1)
    gw.wait_ready()
    day = time.strftime("%Y%m%d", time.gmtime(NOW / 1000 - 9 * 86400))
    path = os.path.join(cluster.data, database.query("SELECT pg_relation_filepath('device_positions_%s')" % day))
    os.rename(path, path + ".away")
    late = bench.tracker(gw, names[10]).login()
    late.send(frame(0, 3, ts=NOW - 9 * 86400000))
    both = bench.tracker(gw, names[11]).login()
    both.send(wire.frame(wire.CODEC_8, [wire.Record(NOW - d * 86400000, 54.5, 25.5, sats=7) for d in (9, 0, 1)]))
    proc.wait_until(lambda: gw.metrics()['telematics_blocked{what="day"}'] == 1, 10, "the day is put aside")
    load = bench.fleet(gw, names[:10])
    load.wait_acked(proc.scaled(500, 100), 20)
    load.wait_all_progress(20)
    proc.wait_until(lambda: gw.readyz()[0] == 200, 5, "/readyz says 200")
    began = gw.metrics()["telematics_acks_total"]
    load.wait_all_progress(20)
    proc.check(gw.metrics()["telematics_acks_total"] > began, "ACKs go on")
    proc.check(late.silent() and both.silent(), "an ACK for what stands nowhere")
    proc.check(gw.logged("could not open file"), "the log says why")
    os.rename(path + ".away", path)
    proc.equal([late.ack(60), both.ack(60)], [3, 3], "ACKs when it is back")
    proc.wait_until(lambda: gw.metrics()['telematics_blocked{what="day"}'] == 0, 40, "nothing is aside")
    load.stop()
    proc.equal(database.number("SELECT count(*) FROM device_positions WHERE recorded_at < now() - interval '8 days'"), 4,
               "late rows")
    proc.equal(database.number("SELECT count(*) FROM device_ingest_raw"), 0, "frames in quarantine")
    proc.check(not gw.metrics().identity(), "identity: %s" % gw.metrics().identity())


def test_time_outs_are_its_own(bench):
    """A batch that takes longer than the role's statement_timeout is stored."""
    database = bench.database()
    database.add_devices(imeis(1))
    database.query("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.02);"
                   " RETURN NEW; END $$; CREATE TRIGGER slow BEFORE INSERT ON device_positions"
                   " FOR EACH ROW EXECUTE FUNCTION slow()")
    database.query("ALTER ROLE tg IN DATABASE %s SET statement_timeout = '200ms'" % database.name)
    gw = bench.gateway(database, TELEM_WORKERS=1)
    tracker = bench.tracker(gw, imeis(1)[0]).login()
    proc.equal(tracker.exchange(frame(0, 50)), 50, "ACK")


suite.main(globals())
