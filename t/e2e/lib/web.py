"""Starts, watches and stops the omnitrack-web of the build tree, and asks it things as a browser or a program does.

Its database role has what `tgctl grants --role web` gives, and no more.
"""
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time

from . import gateway, proc

PROGRAM = os.path.join(gateway.BUILD, "omnitrack-web")
PASSWORD = "correct horse battery"


def need():
    """Ends the test file as skipped where the web application is not built."""
    if not available():
        print("1..0 # SKIP omnitrack-web is not built (scripts/web install, scripts/web build)")
        sys.exit(77)


def available():
    return os.access(PROGRAM, os.X_OK)


def granted(bench, database):
    """The name of a role that has what the tool grants."""
    to = "%s_web" % database.name
    database.query("CREATE ROLE %s LOGIN" % to)
    bench.scope.later(lambda: database.query("DROP OWNED BY %s; DROP ROLE %s" % (to, to)))
    code, out, err = bench.tgctl("grants", "--role", "web", "--to", to, url=database.url)
    proc.equal(code, 0, "tgctl grants: %s" % err)
    database.query(out, user="tg")
    return to


def role(bench, database):
    """The URL of the database for such a role."""
    return database.cluster.url(database.name, granted(bench, database))


class Web:
    """One server. Keys of the configuration are keyword arguments; they go to a file."""

    def __init__(self, bench, database, url=None, start=True, control="none", **keys):
        self.bench, self.database = bench, database
        self.url = url or role(bench, database)
        self.control = control   # of the gateway on this host, for traces
        self.folder = proc.scratch(bench.scope)
        self.log = os.path.join(self.folder, "web.log")
        self.conf = os.path.join(self.folder, "web.conf")
        self.keys = {"DATABASE_URL": self.url, "WEB_PORT": "0", "WEB_METRICS_PORT": "0", "WEB_LOG_LEVEL": "debug",
                     "WEB_TGCTL": gateway.TGCTL}
        self.keys.update({k: str(v) for k, v in keys.items()})
        self.process = self.port = self.ops_port = None
        open(self.log, "w").close()
        bench.scope.later(self.close)
        if start:
            self.start()

    def write_conf(self):
        with open(self.conf, "w") as f:
            f.writelines("%s=%s\n" % item for item in self.keys.items())

    def start(self, ready=True):
        self.write_conf()
        mark = len(self.log_text())
        self.process = proc.Process([PROGRAM, "-c", self.conf], self.log, env=self.env())

        def listening():
            proc.check(not self.process.exited(), "it has ended: %s" % self.log_text()[mark:][-2000:])
            found = re.search(r'"port":(\d+).*?"metricsPort":(\d+)', self.log_text()[mark:])
            self.port, self.ops_port = (int(found.group(1)), int(found.group(2))) if found else (None, None)
            return self.port
        proc.wait_until(listening, 30, "omnitrack-web listens")
        if ready:
            proc.wait_until(lambda: self.ops("/readyz")[0] == 200, 30, "/readyz says 200")
        return self

    def env(self):
        return {"PATH": os.environ["PATH"], "TELEM_CONTROL_SOCKET": self.control}

    def children(self):
        """Pids of the tools that it runs."""
        return [pid for pid in proc.children(self.process.pid) if proc.comm(pid) == "tgctl"]

    def run(self, *args, stdin=""):
        """The command line; (exit status, stdout, stderr)."""
        self.write_conf()
        base = {k: v for k, v in os.environ.items() if not k.startswith(("TELEM_", "PG", "WEB_")) and k != "DATABASE_URL"}
        done = subprocess.run([PROGRAM, "-c", self.conf] + list(args), input=stdin, capture_output=True, text=True,
                              env=base, timeout=60 * proc.BUSY, start_new_session=True)
        return done.returncode, done.stdout, done.stderr

    def log_text(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def ops(self, path):
        return Browser(self, port=self.ops_port).raw("GET", path)[:2]

    def metric(self, name):
        found = re.search(r"^%s (\S+)$" % re.escape(name), self.ops("/metrics")[1], re.M)
        return float(found.group(1)) if found else 0.0

    def admin(self, login="admin"):
        """A signed-in administrator, made by the command line."""
        code, out, err = self.run("admin", "create", "--login", login, stdin=PASSWORD + "\n")
        proc.equal(code, 0, "admin create: %s%s" % (out, err))
        return Browser(self).sign_in(login)

    def stop(self, seconds=20):
        self.process.signal(signal.SIGTERM)
        proc.equal(self.process.wait(seconds, "omnitrack-web stops"), 0, "exit status")

    def close(self):
        if self.process:
            self.process.signal(signal.SIGCONT)
            self.process.kill_group()


class Answer:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self):
        return json.loads(self.text)

    def __repr__(self):
        return "%d %s" % (self.status, self.text[:600])


class Browser:
    """Keeps the cookie and sends what our own pages would send; keyword arguments change or remove headers."""

    def __init__(self, web, port=None, token=None, tls=None):
        self.web, self.port, self.token = web, port or web.port, token
        self.tls = tls   # an ssl.SSLContext, to speak to what encrypts in front of the server
        self.cookie = None   # of the session
        self.known = None   # of a browser in which somebody has signed in

    def raw(self, method, path, body=None, headers=None):
        kind, more = (http.client.HTTPSConnection, {"context": self.tls}) if self.tls else (http.client.HTTPConnection, {})
        link = kind("127.0.0.1", self.port, timeout=30 * proc.BUSY, **more)
        try:
            link.request(method, path, body, headers or {})
            answer = link.getresponse()
            return answer.status, answer.read().decode(), answer
        except http.client.HTTPException as error:
            raise OSError("http: %r" % error)
        finally:
            link.close()

    def headers(self):
        headers = {"Sec-Fetch-Site": "same-origin", "Accept": "application/json"}
        if self.cookie or self.known:
            headers["Cookie"] = "; ".join(c for c in (self.cookie, self.known) if c)
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        return headers

    def ask(self, method, path, body=None, **more):
        headers = self.headers()
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        headers.update({k.replace("_", "-"): v for k, v in more.items() if v is not None})
        for name in [k for k, v in more.items() if v is None]:
            headers.pop(name.replace("_", "-"), None)
        status, text, answer = self.raw(method, "/api/v1" + path, body, headers)
        for line in answer.headers.get_all("Set-Cookie") or []:
            if line.startswith("__Host-omnitrack-known="):
                self.known = line.split(";")[0]
            else:
                self.cookie = line.split(";")[0]
        return Answer(status, answer.headers, text)

    def get(self, path, want=200, **more):
        return self._want(want, "GET", path, None, **more)

    def post(self, path, body, want=200, **more):
        return self._want(want, "POST", path, body, **more)

    def patch(self, path, body, want=200, **more):
        return self._want(want, "PATCH", path, body, **more)

    def put(self, path, body, want=200, **more):
        return self._want(want, "PUT", path, body, **more)

    def delete(self, path, want=204, **more):
        return self._want(want, "DELETE", path, None, **more)

    def _want(self, want, method, path, body, **more):
        answer = self.ask(method, path, body, **more)
        # Tests come faster than people do: whoever is told to come later does.
        while answer.status == 429 != want:
            time.sleep(int(answer.headers["Retry-After"]))
            answer = self.ask(method, path, body, **more)
        proc.equal(answer.status, want, "%s %s: %s" % (method, path, answer.text[:800]))
        return answer.json if answer.text else None

    def send_text(self, devices, text, **more):
        """Sends a command of one's own words to these devices, confirmed; returns the items of the answer."""
        body = {"devices": devices, "text": text, "confirm": text.split()[0]}
        return self.post("/commands", dict(body, **more), Idempotency_Key="%s-%d" % (text.split()[0], time.monotonic_ns()))["items"]

    def sign_in(self, login, password=PASSWORD):
        self.post("/session", {"login": login, "password": password})
        return self

    def make_user(self, login, *roles, reads=False):
        """A user with roles, as (group, role); signed in."""
        user = self.post("/users", {"login": login, "name": login, "password": PASSWORD,
                                    "roles": [{"group": g, "role": r, "readsCommands": reads} for g, r in roles]}, 201)
        browser = Browser(self.web).sign_in(login)
        browser.id = user["id"]
        return browser
