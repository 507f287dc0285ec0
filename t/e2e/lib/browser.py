"""A real Chromium, driven by web/test/e2e/driver.ts: tests open pages of the real server and look at what one sees."""
import json
import os
import subprocess

from . import gateway, proc

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
DRIVER = os.path.join(TOP, "web", "test", "e2e", "driver.ts")
NODE = os.path.join(TOP, "scripts", "web")
CHROMIUM = os.environ.get("E2E_CHROMIUM", "/usr/bin/chromium")


def need():
    """Ends the test file as skipped where there is no Chromium."""
    if not os.access(CHROMIUM, os.X_OK):
        print("1..0 # SKIP there is no %s (E2E_CHROMIUM)" % CHROMIUM)
        raise SystemExit(77)


class Page:
    """One window. What fails is a proc.Failure with what the page says."""

    def __init__(self, bench, server, width=1440, height=900, dark=False):
        self.server = server
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TELEM_", "PG", "WEB_"))}
        env.update({"E2E_SECONDS": str(15 * proc.BUSY), "TOP_BUILDDIR": gateway.BUILD})
        env.update([proc.RUN_MARK.split("=")])
        self.log = open(os.path.join(proc.scratch(bench.scope), "driver.log"), "w+")
        self.child = subprocess.Popen([NODE, "node", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=self.log, text=True, env=env, cwd=os.path.join(TOP, "web"))
        bench.scope.later(self.close)
        self.ident = 0
        self.new(width, height, dark)

    def close(self):
        if self.child.poll() is None:
            self.child.stdin.close()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait(10)

    def _ask(self, do, **more):
        self.ident += 1
        try:
            self.child.stdin.write(json.dumps(dict(more, id=self.ident, do=do)) + "\n")
            self.child.stdin.flush()
            line = self.child.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.log.seek(0)
            raise proc.Failure("the driver of the browser has ended: %s" % self.log.read()[-2000:])
        answer = json.loads(line)
        if "error" not in answer:
            return answer["value"]
        shown = "" if do == "value" else self._ask("value", expression="document.body.innerText.slice(0, 1500)")
        raise proc.Failure("%s %s: %s\nthe page says: %s" % (do, more, answer["error"], shown))

    def new(self, width=1440, height=900, dark=False):
        """A window without a session."""
        self._ask("new", width=width, height=height, dark=dark, base="http://127.0.0.1:%d" % self.server.port)

    def open(self, path):
        return self._ask("open", path=path)

    def click(self, role, name, within=None):
        self._ask("click", role=role, name=name, **({} if within is None else {"within": within}))

    def download(self, role, name):
        """Clicks what saves a file; returns the file's name and text."""
        saved = self._ask("download", role=role, name=name)
        return saved["name"], saved["text"]

    def fill(self, label, text):
        self._ask("fill", label=label, text=text)

    def press(self, key):
        self._ask("press", key=key)

    def see(self, text, within=None):
        self._ask("see", text=text, **({} if within is None else {"within": within}))

    def gone(self, text):
        self._ask("gone", text=text)

    def wait(self, expression):
        """Until an expression of the page is true."""
        self._ask("wait", expression=expression)

    def value(self, expression):
        return self._ask("value", expression=expression)

    def withhold(self, part):
        """From now on no request with this in its path gets an answer; None: all do."""
        self._ask("withhold", part=part)

    def colour(self, x, y):
        """What one sees at a point: red, green, blue."""
        return tuple(self._ask("colour", x=x, y=y))

    def shot(self, file):
        self._ask("shot", file=file)

    def sign_in(self, login, password):
        self.open("/login")
        self.fill("Sign-in name", login)
        self.fill("Password", password)
        self.click("button", "Sign in")
        self.see("Live", within="header")

    def accessible(self, what):
        found = self._ask("axe")
        proc.check(not found, "%s: %s" % (what, "\n".join(found)))

    def clean(self, what):
        """No error in the console, no violation of the policy, no request to anybody else."""
        proc.equal(self._ask("faults"), [], "faults of the page: " + what)
