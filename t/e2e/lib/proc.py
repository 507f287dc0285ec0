"""Scratch folders, processes and waiting, with everything undone at the end.

Whatever a test starts is registered with a Scope; closing it (also after a failure or Ctrl-C)
undoes it in reverse order. Processes carry a mark in their environment, by which any that was
left behind is found.
"""
import ctypes
import os
import pwd
import random
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import uuid

SCALE = float(os.environ.get("E2E_SCALE", "1"))
"""Multiplies the load of the tests (0.2 for a build with sanitizers)."""
PATIENCE = float(os.environ.get("E2E_PATIENCE", "1"))
"""Multiplies every deadline; a deadline only decides when to call something failed."""
BUSY = 3 * PATIENCE
"""The tests name the seconds that an idle machine may take; a busy one gets so many times as much."""

RUN_MARK = "E2E_RUN=" + uuid.uuid4().hex


class Failure(AssertionError):
    """A test's expectation that was not met."""


def scaled(n, least=1):
    return max(least, int(n * SCALE))


def check(condition, text):
    if not condition:
        raise Failure(text)


def equal(got, want, what):
    if got != want:
        raise Failure("%s:\n  got  %r\n  want %r" % (what, got, want))


def wait_until(condition, seconds, what, every=0.03):
    """Waits until condition() is true and returns its value; `what` names it in the failure.

    An exception inside the condition counts as "not yet"; the last one is shown.
    """
    deadline = time.monotonic() + seconds * BUSY
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = None
        except (OSError, ValueError, KeyError, LookupError, AssertionError,
                subprocess.SubprocessError) as error:
            last = error
        if time.monotonic() >= deadline:
            raise Failure("not within %g s: %s%s" % (seconds * BUSY, what, " (%s)" % last if last else ""))
        time.sleep(every)


def _die_with_parent(sig):
    libc = ctypes.CDLL(None, use_errno=True)
    return lambda: libc.prctl(1, sig, 0, 0, 0)   # PR_SET_PDEATHSIG


class Process:
    """A child in a process group of its own, with its output in a file."""

    def __init__(self, argv, log, env=None, user=None, limits=None, cwd=None,
                 death_signal=signal.SIGKILL):
        self.argv, self.log = argv, log
        base = {k: v for k, v in os.environ.items()
                if not k.startswith(("TELEM_", "PG", "METRICS_", "E2E_")) and k != "DATABASE_URL"}
        base.update(env or {})
        name, mark = RUN_MARK.split("=")
        base[name] = mark
        tie = _die_with_parent(death_signal)

        def prepare():
            tie()
            signal.pthread_sigmask(signal.SIG_SETMASK, set())
            if limits:
                import resource
                for what, value in limits.items():
                    resource.setrlimit(what, value)
        who = {}
        if user is not None:
            who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        with open(log, "ab") as out:
            self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          env=base, cwd=cwd, start_new_session=True,
                                          preexec_fn=prepare, **who)
        self.pid = self.child.pid

    def signal(self, number):
        if self.child.poll() is None:
            os.kill(self.pid, number)

    def exited(self):
        return self.child.poll() is not None

    def wait(self, seconds, what):
        wait_until(self.exited, seconds, what)
        return self.child.returncode

    def kill_group(self):
        try:
            os.killpg(self.pid, signal.SIGCONT)
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self.child.poll() is None and self.child.wait(10)

    def output(self):
        with open(self.log, "r", errors="replace") as f:
            return f.read()


class Scope:
    """Undoes in reverse order what was done in it."""

    def __init__(self):
        self.undo = []

    def later(self, action):
        self.undo.append(action)

    def close(self):
        errors = []
        while self.undo:
            try:
                self.undo.pop()()
            except Exception as error:   # the rest must be undone all the same
                errors.append(error)
        return errors


def unprivileged_user():
    """PostgreSQL refuses to run as root: who runs it instead, or None if we aren't root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def scratch(scope, name="tg-e2e-"):
    """A new folder, removed at the end; its path is short, as Unix sockets lie in it."""
    path = tempfile.mkdtemp(prefix=name, dir=os.environ.get("E2E_DIR"))
    os.chmod(path, 0o755)
    if not os.environ.get("E2E_KEEP"):
        scope.later(lambda: _remove(path))
    return path


def _remove(top):
    """Also what was made read-only in it; never touches what lies above, as that is everybody's."""
    def make_writable(function, path, _):
        try:
            for each in (os.path.dirname(path), path):
                if each.startswith(top) and not os.path.islink(each):
                    os.chmod(each, stat.S_IRWXU)
            function(path)
        except OSError:
            pass
    shutil.rmtree(top, onerror=make_writable)


def free_port():
    """A port that is free now on all addresses, outside the range the kernel hands out by itself."""
    rnd = random.SystemRandom()
    for _ in range(500):
        port = rnd.randrange(10240, 32000)
        with socket.socket() as s:
            try:
                s.bind(("", port))
                return port
            except OSError:
                continue
    raise Failure("no free port")


def is_listened_to(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


APART = "/usr/local/lib/telematics-test/bin"
"""Where scripts/install-deps puts programs whose packages would start a server."""


def find_program(name):
    """Its path, or None."""
    return shutil.which(name, path=os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/sbin", APART)))


def stat_fields(pid):
    """Fields of /proc/PID/stat after the name: [0] is the state, [1] the parent."""
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rpartition(")")[2].split()


def alive(pid):
    try:
        return stat_fields(pid)[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = stat_fields(int(name))
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == pid and fields[0] not in ("Z", "X"):
                found.append(int(name))
    return sorted(found)


def comm(pid):
    """The name of a process, "" if it is gone."""
    try:
        with open("/proc/%d/comm" % pid) as f:
            return f.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def comms(pid):
    """Names of the children."""
    return [comm(child) for child in children(pid)]


def cpu_seconds(pid):
    fields = stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kb(pid):
    """Memory of the process itself: resident and not shared with others."""
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    raise Failure("no RssAnon of %d" % pid)


def leftovers():
    """Processes that carry our mark and still run."""
    found = []
    mark = RUN_MARK.encode()
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open("/proc/%s/environ" % name, "rb") as f:
                    if mark not in f.read().split(b"\0"):
                        continue
                if alive(int(name)):
                    with open("/proc/%s/cmdline" % name, "rb") as f:
                        found.append((int(name), f.read().replace(b"\0", b" ").decode()))
            except OSError:
                continue
    return found
