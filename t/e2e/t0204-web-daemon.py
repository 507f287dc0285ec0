#!/usr/bin/env python3
"""omnitrack-web as a daemon: command line, configuration, an old schema, HTTPS and its reload, behind a proxy, log file."""
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, web

web.need()


def run(*args, **env):
    base = {k: v for k, v in os.environ.items() if not k.startswith(("WEB_", "PG")) and k != "DATABASE_URL"}
    done = subprocess.run([web.PROGRAM] + list(args), capture_output=True, text=True, env=dict(base, **env),
                          stdin=subprocess.DEVNULL, timeout=60 * proc.BUSY)
    return done.returncode, done.stdout, done.stderr


def test_command_line(bench):
    """Help and version; a wrong option, key or value ends with 2 and a sentence that names it; no secret is quoted."""
    proc.equal(run("--help")[0], 0, "--help")
    proc.check(run("--version")[1].startswith("omnitrack-web "), "--version")
    good = {"DATABASE_URL": "dbname=x user=y password=secret"}
    proc.equal(run("-t", **good)[:2], (0, "The configuration is right.\n"), "-t")
    for args, env, words in ((("--nonsense",), good, "--nonsense"), (("serve",), good, "serve"), (("-t",), {}, "DATABASE_URL"),
                             (("-t",), dict(good, WEB_PORT="99999"), "WEB_PORT"),
                             (("-t",), dict(good, WEB_BIND="0.0.0.0"), "WEB_TLS_CERT"),
                             (("-t",), dict(good, WEB_TLS_CERT="/nowhere", WEB_TLS_KEY="/nowhere"), "/nowhere"),
                             (("-t",), {"DATABASE_URL": "postgresql://u:secret/x@h/d"}, "DATABASE_URL"),
                             (("-t", "-c", "/nowhere"), good, "/nowhere")):
        code, out, err = run(*args, **env)
        proc.equal(code, 2, "%s %s: %s" % (args, env, err))
        proc.check(words in err and "secret" not in out + err, "%s %s: %s" % (args, env, err))
    folder = proc.scratch(bench.scope)
    with open(os.path.join(folder, "web.conf"), "w") as f:
        f.write("# one\nWEB_PROT=1\n")
    proc.check("web.conf:2: WEB_PROT" in run("-t", "-c", os.path.join(folder, "web.conf"))[2], "file and line")


def test_old_schema(bench):
    """A database that is not migrated is refused with the command to run."""
    database = bench.database(migrated=False)
    code, _, err = run(DATABASE_URL=database.url, WEB_PORT="0", WEB_METRICS_PORT="0")
    proc.check(code == 1 and "tgctl migrate" in err, "%d %s" % (code, err))
    database = bench.database()
    database.query("DELETE FROM schema_migrations WHERE version = (SELECT max(version) FROM schema_migrations)")
    code, _, err = run(DATABASE_URL=database.url, WEB_PORT="0", WEB_METRICS_PORT="0")
    proc.check(code == 1 and "tgctl migrate" in err, "%d %s" % (code, err))


def test_log_file(bench):
    """The log file is opened anew on SIGUSR1; its lines are JSON."""
    folder = proc.scratch(bench.scope)
    log = os.path.join(folder, "web.json")
    server = web.Web(bench, bench.database(), start=False, WEB_LOG_FILE=log)
    server.log = log
    open(log, "w").close()
    server.start()
    os.rename(log, log + ".1")
    server.process.signal(signal.SIGUSR1)
    proc.wait_until(lambda: os.path.exists(log), 10, "the file is made anew")
    server.process.signal(signal.SIGHUP)
    proc.wait_until(lambda: "configuration is right" in server.log_text(), 10, "and written to")
    server.keys["WEB_PORT"] = "x"
    server.write_conf()
    server.process.signal(signal.SIGHUP)
    proc.wait_until(lambda: "not reloaded" in server.log_text(), 10, "a wrong configuration is said, and nothing changes")
    proc.equal(server.ops("/healthz")[0], 200, "it goes on")


def test_debugger(bench):
    """SIGUSR1 opens no debugger, not even before there is a log: here the database never answers."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        server = web.Web(bench, bench.database(), start=False, url="host=127.0.0.1 port=%d dbname=x user=x" % deaf.getsockname()[1])
        server.write_conf()
        server.process = proc.Process([web.PROGRAM, "-c", server.conf], server.log, env=server.env())
        deaf.settimeout(30 * proc.BUSY)
        link, _ = deaf.accept()
        server.process.signal(signal.SIGUSR1)
        link.close()
    proc.wait_until(lambda: "does not answer" in server.log_text() or server.process.exited(), 30, "it goes on")
    proc.check("Debugger" not in server.log_text(), "a debugger listens: %s" % server.log_text())


def test_pidfile(bench):
    """The pidfile is there when users can connect, and gone after a stop; not one that names another process."""
    folder = proc.scratch(bench.scope)
    path = os.path.join(folder, "web.pid")
    server = web.Web(bench, bench.database(), WEB_PIDFILE=path)
    with open(path) as f:
        proc.equal(int(f.read()), server.process.pid, "the process")
    server.stop()
    proc.check(not os.path.exists(path), "it is gone")
    server.start()
    with open(path, "w") as f:
        f.write("1\n")
    server.stop()
    proc.check(os.path.exists(path), "another's stays")


def certificate(folder, name):
    """A self-signed one; (certificate, key)."""
    paths = [os.path.join(folder, "%s.%s" % (name, end)) for end in ("crt", "key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "2", "-subj", "/CN=" + name, "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


def test_https(bench):
    """It speaks HTTPS itself; a new certificate comes by SIGHUP, and connections stay; -t finds a key that is another's."""
    if not shutil.which("openssl"):
        return
    folder = proc.scratch(bench.scope)
    crt, key = certificate(folder, "first")
    code, _, err = run("-t", DATABASE_URL="dbname=x", WEB_TLS_CERT=crt, WEB_TLS_KEY=certificate(folder, "other")[1])
    proc.check(code == 2 and "WEB_TLS_KEY" in err, "-t with the key of another certificate: %d %s" % (code, err))
    server = web.Web(bench, bench.database(), WEB_TLS_CERT=crt, WEB_TLS_KEY=key, WEB_HSTS="true")

    def shown():
        return ssl.get_server_certificate(("127.0.0.1", server.port))
    with open(crt) as f:
        proc.equal(shown().strip(), f.read().strip(), "the certificate")
    for old, new in zip((crt, key), certificate(folder, "second")):
        os.rename(new, old)
    server.process.signal(signal.SIGHUP)
    with open(crt) as f:
        want = f.read().strip()
    proc.wait_until(lambda: shown().strip() == want, 10, "the new certificate")


def test_proxy(bench):
    """Behind a proxy: what did not come to it encrypted is refused; addresses are those that it says."""
    server = web.Web(bench, bench.database(), WEB_TRUST_PROXY="127.0.0.1", WEB_BIND="127.0.0.1")
    browser = web.Browser(server)
    proc.equal(browser.ask("GET", "/session").status, 403, "not encrypted")
    proc.equal(browser.ask("GET", "/session", X_Forwarded_Proto="https").status, 200, "encrypted")
    code, out, err = server.run("admin", "create", "--login", "admin", stdin=web.PASSWORD + "\n")
    proc.equal(code, 0, out + err)
    browser.post("/session", {"login": "admin", "password": web.PASSWORD}, X_Forwarded_Proto="https",
                 X_Forwarded_For="6.6.6.6, 192.0.2.7")
    proc.equal(browser.get("/audit", X_Forwarded_Proto="https")["items"][0]["address"], "192.0.2.7", "the address")


suite.main(globals())
