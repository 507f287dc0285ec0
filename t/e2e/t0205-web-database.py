#!/usr/bin/env python3
"""omnitrack-web and its database: several hosts, a fail-over, connections that are cut, heavy reads on a standby, TLS."""
import os
import signal
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import postgres, proc, suite, tls, web
from lib.fleet import imeis

web.need()


def with_standby(bench):
    """A database with a synchronous standby; the URL of the web's role, its socket replaced by what is asked for."""
    cluster = bench.own_cluster()
    database = bench.database(cluster)
    url = web.role(bench, database)
    standby = postgres.Standby(bench.scope, cluster)
    return database, standby, lambda *sockets: url.replace("host=" + cluster.socket, "host=" + ",".join(sockets))


def fail_over(bench, hang):
    """The first host is a standby: the second is taken. Then that one goes, and the first is promoted."""
    database, standby, url = with_standby(bench)
    primary = database.cluster
    server = web.Web(bench, database, url=url(standby.socket, primary.socket) + " target_session_attrs=read-write")
    admin = server.admin()
    ident = admin.post("/devices", {"imei": imeis(1)[0], "group": "1"}, 201)["id"]
    if hang:
        primary.freeze()
    else:
        primary.stop()
    standby.promote()
    proc.wait_until(lambda: admin.ask("PATCH", "/devices/" + ident, {"name": "after"}).status == 200, 60, "it writes again")
    proc.equal(standby.query("SELECT name FROM devices WHERE id = %s" % ident, database.name), "after", "on the new primary")
    proc.wait_until(lambda: standby.query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'omnitrack-web feed'",
                                          database.name) != "0", 60, "it listens on the new primary")
    # For the cleaning up, which drops the role there and waits for no standby any more.
    if hang:
        primary.freeze(signal.SIGCONT)
    else:
        primary.start()
    wait_for_none(primary)


def wait_for_none(cluster):
    cluster.query("ALTER SYSTEM RESET synchronous_standby_names", "postgres")
    cluster.query("SELECT pg_reload_conf()", "postgres")


def test_fail_over(bench):
    """The host that can be written to is found, also when it becomes another one."""
    fail_over(bench, hang=False)


def test_fail_over_from_silence(bench):
    """A primary that says nothing any more, and closes nothing, is left as well."""
    fail_over(bench, hang=True)


def test_demoted(bench):
    """A server that only reads from now on, and keeps its connections: they are opened anew."""
    database = bench.database(bench.own_cluster())
    server = web.Web(bench, database)
    admin = server.admin()
    role = server.url.split("user=")[1]
    database.query("ALTER ROLE %s SET default_transaction_read_only = on" % role)
    database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '%s'" % role)
    proc.wait_until(lambda: admin.ask("PATCH", "/me", {"name": "A"}).status == 503, 20, "it can not be written to: 503")
    database.query("ALTER ROLE %s RESET default_transaction_read_only" % role)
    proc.wait_until(lambda: admin.ask("PATCH", "/me", {"name": "B"}).status == 200, 10,
                    "connections that only read are not used again")


def test_cut_connections(bench):
    """Connections are cut again and again while requests are under way: each is answered, and the server lives."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    role = server.url.split("user=")[1]
    pid = server.process.pid
    codes, over = [], threading.Event()

    def ask(number):
        one = web.Browser(server)
        one.cookie = admin.cookie
        while not over.is_set():
            codes.append(one.ask("POST", "/groups", {"name": "g%d-%d" % (number, len(codes))}).status)
    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for _ in range(30):
        database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '%s'" % role)
    over.set()
    for t in threads:
        t.join()
    proc.equal(set(codes) - {201, 409, 503}, set(), "answers")
    proc.check(201 in codes and not server.process.exited() and server.process.pid == pid, "it goes on: %s" % codes[-5:])
    proc.wait_until(lambda: admin.ask("GET", "/me").status == 200, 20, "and answers")


def test_read_url(bench):
    """DATABASE_READ_URL is connected to for heavy reads alone; while it is away the rest goes on."""
    database, standby, url = with_standby(bench)
    server = web.Web(bench, database, url=url(database.cluster.socket), DATABASE_READ_URL=url(standby.socket))
    admin = server.admin()

    def on_standby():
        return int(standby.query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'omnitrack-web read'",
                                 database.name))
    admin.get("/events")
    proc.check(on_standby() > 0, "the events are read there")
    standby.stop()
    wait_for_none(database.cluster)
    proc.equal(admin.ask("GET", "/events").status, 503, "while it is away")
    admin.get("/me")


def test_encrypted(bench):
    """Unless told otherwise it encrypts where the server can; with a certificate to check it checks."""
    if not tls.can():
        return
    cluster, port, cert = tls.with_tls(bench)
    database = bench.database(cluster)
    role = web.role(bench, database).split("user=")[1]
    database.query("ALTER ROLE %s PASSWORD '%s'" % (role, tls.PASSWORD))
    url = "host=%%s port=%d dbname=%s user=%s password='%s' " % (port, database.name, role, tls.PASSWORD)

    def encrypted():
        return set(database.query("SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = '%s'"
                                  % role).split())
    for host, more in (("localhost", "sslmode=verify-full sslrootcert=" + cert),
                       ("127.0.0.1", "sslmode=verify-full sslrootcert=" + cert),
                       ("localhost", "hostaddr=127.0.0.1 sslmode=verify-full sslrootcert=" + cert),
                       ("127.0.0.9,127.0.0.1", "sslmode=verify-ca sslrootcert=" + cert)):
        server = web.Web(bench, database, url=url % host + more)
        proc.equal(encrypted(), {"t"}, "encrypted with " + more)
        server.stop()
    for host, more, said in (("localhost", "sslmode=verify-full", "self-signed"),
                             ("localhost", "sslmode=verify-full sslrootcert=/none", "sslrootcert")):
        server = web.Web(bench, database, url=url % host + more, start=False)
        code, out, err = server.run("admin", "create", "--login", "nobody", stdin=web.PASSWORD + "\n")
        proc.check(code != 0 and said in out + err, "refused with %s: %s%s" % (more, out, err))
    server = web.Web(bench, database, url=url % "localhost")
    admin = server.admin()
    proc.equal(encrypted(), {"t"}, "encrypted where it can be")
    for way, want in (("off", "f"), ("on", "t")):
        cluster.stop(signal.SIGINT)
        with open(os.path.join(cluster.data, "postgresql.conf"), "a") as f:
            f.write("ssl = %s\n" % way)
        with open(os.path.join(cluster.data, "pg_hba.conf"), "w") as f:
            f.write("local all all trust\nhost%s all all 127.0.0.1/32 scram-sha-256\n" % ("" if way == "off" else "ssl"))
        cluster.start()
        proc.wait_until(lambda: admin.ask("GET", "/me").status == 200, 30, "it answers with ssl " + way)
        proc.check(want in encrypted(), "as the server can")


suite.main(globals())
