"""What `make install` puts somewhere, and what is run from there. For tests of the installation."""
import os
import re
import shutil
import subprocess

from . import gateway, proc

VARIABLES = ("bindir", "sbindir", "sysconfdir", "localstatedir", "runstatedir", "docdir", "mandir",
             "pkgdatadir", "libexecdir", "initdir", "systemdsystemunitdir", "bashcompletiondir",
             "zshcompletiondir", "fishcompletiondir")


def run(bench, argv, env=None, user=None, seconds=120):
    """Returns (exit status, what it printed). Output goes to a file: a daemon must not hold a pipe."""
    name, mark = proc.RUN_MARK.split("=")
    base = {"PATH": os.environ["PATH"], "LC_ALL": "C", name: mark}
    base.update(gateway.sanitizer_env(bench.folder))
    base.update(env or {})
    who = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    out = os.path.join(bench.folder, "out")
    with open(out, "wb") as f:
        code = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=f, stderr=f, env=base, cwd="/",
                              timeout=seconds * proc.PATIENCE, **who).returncode
    with open(out, errors="replace") as f:
        return code, f.read()


def make(bench, *args):
    code, out = run(bench, ["make", "-s", "-C", gateway.BUILD] + list(args))
    proc.equal(code, 0, "make %s: %s" % (" ".join(args), out[-2000:]))
    return out


def places(bench, *args):
    """Where configure was told that things go, without DESTDIR."""
    text = make(bench, *args, "--no-print-directory", "--eval=show:;@" + "".join(
        "echo '%s=$(%s)';" % (v, v) for v in VARIABLES), "show")
    return dict(line.split("=", 1) for line in text.split("\n") if "=" in line)


def files(root):
    return sorted(os.path.join(folder, name)[len(root):]
                  for folder, _, names in os.walk(root) for name in names)


def logrotate(installed, sample, logs, initdir):
    """Rotates with the sample of an installation, after its folder of logs (old, new) was put in; by its init script, which
    it names in `initdir`. False: there is no logrotate here. `installed` has root, script, user (None: root), owner (of the daemon), init_env."""
    program = shutil.which("logrotate", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if program is None:
        print("# logrotate is not installed: the rotation is left out")
        return False
    with open(sample) as f:
        text = f.read()
    text = text.replace(*logs)
    text = re.sub(r"(?m)^(\t*)su .*\n", lambda m: m.group(1) + "su nobody nogroup\n"
                  if installed.owner is not None else "", text)
    proc.check(initdir in text and "kill -USR1" not in text, "it goes by the init script: %s" % text)
    text = re.sub(r"for script in .*; do", "for script in %s; do" % installed.script, text)
    conf = os.path.join(installed.root, "logrotate.conf")
    with open(conf, "w") as f:
        f.write(text)
    os.chmod(conf, 0o644)
    if installed.user is not None:
        os.chown(conf, installed.user.pw_uid, installed.user.pw_gid)
    code, out = run(installed.bench, [program, "-f", "-s", os.path.join(installed.root, "state"), conf], user=installed.user,
                    env=installed.init_env)
    proc.check(code == 0 and not out, "logrotate: %d %s" % (code, out))
    return True
