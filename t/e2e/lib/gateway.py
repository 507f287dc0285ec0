"""Starts, watches and stops the telematics-gateway of the build tree."""
import http.client
import json
import os
import re
import signal

from . import metrics, proc

BUILD = os.environ.get("TOP_BUILDDIR") or os.getcwd()
SOURCE = os.environ.get("TOP_SRCDIR") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__)))))
DAEMON = os.path.join(BUILD, "telematics-gateway")
TGCTL = os.path.join(BUILD, "tgctl")


def sanitizer_env(folder):
    """Reports of ASan and UBSan go to files, so that one in a worker fails the test too."""
    return {"ASAN_OPTIONS": "log_path=%s/asan:detect_leaks=1:verify_asan_link_order=0" % folder,
            "UBSAN_OPTIONS": "log_path=%s/ubsan:print_stacktrace=1" % folder}


def sanitizer_reports(folder):
    found = []
    for name in sorted(os.listdir(folder)):
        if name.startswith(("asan.", "ubsan.")):
            with open(os.path.join(folder, name), errors="replace") as f:
                text = f.read()
            if text.strip():
                found.append("%s:\n%s" % (name, text[:6000]))
    return found


class Gateway:
    """One gateway in the foreground. Keys of the configuration are keyword arguments.

    They go to a file (`-c`), so that a test can change them and send SIGHUP.
    """

    def __init__(self, scope, folder, database_url, start=True, limits=None, env=None,
                 program=DAEMON, cwd="/", **keys):
        self.folder = folder
        self.conf_path = os.path.join(folder, "gateway.conf")
        self.log = os.path.join(folder, "gateway.log")
        self.limits = limits
        self.program, self.cwd = program, cwd
        self.env = dict(sanitizer_env(folder), **(env or {}))
        self.keys = {"DATABASE_URL": database_url, "TELEM_GATEWAY_BIND": "127.0.0.1",
                     "TELEM_GATEWAY_PORT": "0", "METRICS_BIND": "127.0.0.1",
                     "METRICS_PORT": str(proc.free_port()), "TELEM_WORKERS": "2",
                     "TELEM_GATEWAY_ID": "e2e", "TELEM_MAX_DEVICES": "10000",
                     "TELEM_CONTROL_SOCKET": "none"}
        if os.geteuid() != 0:
            self.keys["TELEM_CORE_FILES"] = "true"   # or /proc would tell us little
        self.keys.update({k: str(v) for k, v in keys.items()})
        self.process = None
        self.heir = None   # pid of the master that took over from self.process, if one did
        self.port = None
        open(self.log, "a").close()
        scope.later(self.close)
        if start:
            self.start()

    def write_conf(self, **keys):
        self.keys.update({k: str(v) for k, v in keys.items()})
        with open(self.conf_path + ".new", "w") as f:
            f.write("# made by the test\n")
            f.writelines("%s=%s\n" % item for item in self.keys.items())
        os.rename(self.conf_path + ".new", self.conf_path)

    def launch(self, *more):
        self.write_conf()
        self.heir = None
        self.process = proc.Process([self.program, "-c", self.conf_path, "-f"] + list(more), self.log,
                                    env=self.env, limits=self.limits, cwd=self.cwd)

    def start(self, ready=True):
        """Starts it and waits until it accepts; with `ready` until the database answers too."""
        mark = len(self.log_text())
        self.launch()

        def listening():
            proc.check(not self.process.exited(), "it has ended: %s" % self.log_text()[mark:][-800:])
            found = re.search(r"listening on \S*:(\d+)", self.log_text()[mark:])
            # Whoever connects all the time goes on with the port of before.
            self.port = int(found.group(1)) if found else self.port
            return found
        proc.wait_until(listening, 30, "the gateway listens")
        if ready:
            self.wait_ready()
            proc.wait_until(lambda: self.metrics()["telematics_registry_reloads_total"] > 0, 30,
                            "the devices are loaded")
        else:
            proc.wait_until(self.accepting, 30, "a worker accepts")
        return self

    def wait_ready(self, seconds=30):
        proc.wait_until(lambda: self.readyz()[0] == 200 and self.all_accept(), seconds,
                        "/readyz says 200")

    def http(self, path):
        link = http.client.HTTPConnection("127.0.0.1", int(self.keys["METRICS_PORT"]),
                                          timeout=10 * proc.BUSY)
        try:
            link.request("GET", path)
            answer = link.getresponse()
            return answer.status, answer.read().decode()
        except http.client.HTTPException as error:
            raise OSError("http: %r" % error)
        finally:
            link.close()

    def metrics(self):
        code, text = self.http("/metrics")
        proc.equal(code, 200, "/metrics")
        return metrics.parse(text)

    def readyz(self):
        return self.http("/readyz")

    def status(self):
        return json.loads(self.http("/status")[1])

    def accepting(self):
        return any(w.get("accepting") for w in self.status()["workers"])

    def all_accept(self):
        workers = [w for w in self.status()["workers"] if w.get("accepting")]
        return len(workers) >= int(self.keys["TELEM_WORKERS"])

    def workers(self):
        """Pids of the living workers: the master's children, but for the one that looks up names."""
        def named():
            own = proc.comm(self.pid())
            found = [(pid, proc.comm(pid)) for pid in proc.children(self.pid())]
            # A child that was forked a moment ago has the master's name still, whatever it will be.
            proc.check(own not in [name for _, name in found], "each child has a name of its own")
            return ([pid for pid, name in found if name not in ("gateway-names", "")],)
        return proc.wait_until(named, 10, "each child has a name of its own")[0]

    def pid(self):
        """The master in charge."""
        return self.heir or self.process.pid

    def send_signal(self, number):
        os.kill(self.pid(), number)

    def upgrade(self, seconds=30):
        """SIGUSR2; returns when the successor is in charge and its predecessor has left."""
        old, first = self.pid(), not self.heir
        left = self.log_text().count("the predecessor and its workers have left")
        self.send_signal(signal.SIGUSR2)
        self.heir = proc.wait_until(lambda: self.status()["pid"] != old and self.status()["pid"],
                                    seconds, "the successor is in charge")
        proc.wait_until(lambda: self.process.exited() if first else not proc.alive(old), seconds,
                        "the predecessor has left")
        if first:
            proc.equal(self.process.child.returncode, 0, "exit status of the predecessor")
        proc.wait_until(lambda: self.log_text().count("the predecessor and its workers have left") > left,
                        seconds, "its workers have left")

    def log_text(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def crashes(self):
        """Workers that died by a fault of their own: no test sends these signals."""
        return re.findall(r"^.*worker \d+ \(pid \d+\) was killed by signal (?:4|5|6|7|8|11|31) .*$", self.log_text(), re.M)

    def logged(self, pattern, flags=re.I):
        return re.search(pattern, self.log_text(), flags)

    def hup(self):
        self.send_signal(signal.SIGHUP)

    def stop(self, seconds=20, number=signal.SIGTERM):
        """Asks it to drain; the exit status must be 0."""
        if self.heir:
            self.send_signal(number)
            proc.wait_until(lambda: not proc.alive(self.heir), seconds,
                            "the gateway stops after signal %d" % number)
            return
        self.process.signal(number)
        code = self.process.wait(seconds, "the gateway stops after signal %d" % number)
        proc.equal(code, 0, "exit status of the gateway")

    def close(self):
        if self.process:
            pids = self.workers() if not self.process.exited() else []
            if self.heir and proc.alive(self.heir):
                pids += proc.children(self.heir) + [self.heir]
            self.process.signal(signal.SIGCONT)
            self.process.kill_group()
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
