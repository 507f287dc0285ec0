"""HAProxy and nginx for tests, with the configuration that the documentation shows, on ports of the test."""
import os
import subprocess

from . import pages, proc

def can(name):
    """Is the program there? Says so if not."""
    found = proc.find_program(name) is not None
    if not found:
        print("# SKIP %s is not installed (scripts/install-deps test)" % name)
    return found


def example(page, kind, *changes):
    """The one block of that kind on a page of doc/, with each (what, instead) of the changes made, which must be there."""
    text, = (b.text for b in pages.all_pages()[page].blocks if b.kind == kind)
    for what, instead in changes:
        proc.check(what in text, "%s shows %s in its block for %s" % (page, what, kind))
        text = text.replace(what, instead)
    return text


def certificate(folder, host):
    """A self-signed one for a host, with its key, in one file; its path."""
    path = os.path.join(folder, "host.pem")
    if not os.path.exists(path):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                        "2", "-subj", "/CN=" + host, "-out", path, "-keyout", path + ".key"], check=True, capture_output=True)
        with open(path, "a") as f, open(path + ".key") as key:
            f.write(key.read())
    return path


def whole_nginx(folder, text):
    """nginx's configuration around what belongs into its `http`; its own files stay in the folder."""
    kept = "".join("%s_temp_path %s;\n" % (what, folder) for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if os.geteuid() == 0 else ""
    return "%sdaemon off;\npid %s/nginx.pid;\nevents {}\nhttp {\naccess_log off;\n%s%s}\n" % (user, folder, kept, text)


class Balancer:
    """One of them, until its scope ends. `port`: where it listens, which the text must name."""

    def __init__(self, scope, folder, kind, text, port):
        self.port = port
        path = os.path.join(folder, kind + ".conf")
        log = os.path.join(folder, kind + ".log")
        with open(path, "w") as f:
            f.write(whole_nginx(folder, text) if kind == "nginx" else text)
        argv = {"haproxy": ["-db", "-f", path], "nginx": ["-e", "stderr", "-p", folder, "-c", path]}[kind]
        self.process = proc.Process([proc.find_program(kind)] + argv, log)
        scope.later(self.process.kill_group)

        def listens():
            with open(log, errors="replace") as f:
                proc.check(not self.process.exited(), "%s has ended: %s" % (kind, f.read()[-2000:]))
            return proc.is_listened_to(port)
        proc.wait_until(listens, 20, kind + " listens")

