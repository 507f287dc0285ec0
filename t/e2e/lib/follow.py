"""A running `tgctl trace` or `tgctl capture`, and what it has said so far."""
import json
import os
import signal

from . import gateway, proc


class Follower:
    """Started and waited for until the gateway's workers watch."""

    count = 0

    def __init__(self, bench, gw, command, imei, *args, began="following"):
        Follower.count += 1
        self.path = os.path.join(bench.folder, "follow%d.log" % Follower.count)
        self.process = proc.Process([gateway.TGCTL, command, imei, "-c", gw.conf_path] + list(args),
                                    self.path, env=gateway.sanitizer_env(bench.folder))
        bench.scope.later(self.process.kill_group)

        def begun():
            proc.check(not self.process.exited(), "it has ended: %s" % self.text())
            return began in self.text()
        proc.wait_until(begun, 20, "tgctl %s follows" % command)

    def text(self):
        return self.process.output()

    def events(self, name=None):
        """The objects of --json, all or those of that name; a line that is not whole yet is left."""
        all_lines = self.text().split("\n")[:-1]
        found = [json.loads(line) for line in all_lines if line.startswith("{")]
        return [e for e in found if name in (None, e["event"])]

    def wait_for(self, name, n=1, seconds=10):
        proc.wait_until(lambda: len(self.events(name)) >= n, seconds,
                        Late(lambda: "%d events %s in\n%s" % (n, name, self.text())))
        return self.events(name)[n - 1]

    def interrupt(self):
        """Ctrl-C; returns the exit status."""
        self.process.signal(signal.SIGINT)
        return self.process.wait(10, "tgctl ends")


class Late:
    """A text that is made when it is shown."""

    def __init__(self, make):
        self.make = make

    def __str__(self):
        return self.make()
