"""Prometheus for tests: promtool, and a server on loopback in a scratch folder that scrapes a gateway."""
import http.client
import json
import os
import subprocess
import sys
import urllib.parse

from . import gateway, proc

JOB = "telematics-gateway"
RULES = os.path.join(gateway.SOURCE, "etc/prometheus/telematics-gateway.rules.yml")


def need(*names):
    """Ends the test file as skipped if one of the programs is missing."""
    missing = [n for n in names if not proc.find_program(n)]
    if missing:
        print("1..0 # SKIP not installed: %s (scripts/install-deps test)" % ", ".join(missing))
        sys.exit(77)


def promtool(*args, text=None):
    """Runs promtool; returns (exit status, what it said)."""
    done = subprocess.run([proc.find_program("promtool")] + list(args), input=text.encode() if text else None,
                          stdin=None if text else subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60 * proc.PATIENCE)
    return done.returncode, done.stdout.decode(errors="replace")


class Server:
    """Scrapes one gateway twice a second and evaluates the alert rules each second."""

    def __init__(self, bench, gw):
        self.port = proc.free_port()
        conf = os.path.join(bench.folder, "prometheus.json")
        with open(conf, "w") as f:   # JSON is YAML
            json.dump({"global": {"scrape_interval": "500ms", "evaluation_interval": "1s"},
                       "rule_files": [RULES],
                       "scrape_configs": [{"job_name": JOB, "static_configs": [
                           {"targets": ["127.0.0.1:" + gw.keys["METRICS_PORT"]]}]}]}, f)
        self.process = proc.Process(
            [proc.find_program("prometheus"), "--config.file=" + conf, "--web.listen-address=127.0.0.1:%d" % self.port,
             "--storage.tsdb.path=" + os.path.join(bench.folder, "tsdb")],
            os.path.join(bench.folder, "prometheus.log"), cwd="/")
        bench.scope.later(self.process.kill_group)

        def scraped():
            proc.check(not self.process.exited(), "prometheus has ended: %s" % self.process.output()[-2000:])
            return self.query("up")[0]["value"][1] == "1"
        proc.wait_until(scraped, 30, "prometheus has scraped the gateway")

    def api(self, path, **params):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20 * proc.PATIENCE)
        try:
            link.request("GET", "/api/v1/%s?%s" % (path, urllib.parse.urlencode(params)))
            answer = json.loads(link.getresponse().read())
        except http.client.HTTPException as error:
            raise OSError("http: %r" % error)
        finally:
            link.close()
        proc.check(answer["status"] == "success", "%s %s: %s" % (path, params, answer.get("error")))
        return answer["data"]

    def query(self, expression):
        return self.api("query", query=expression)["result"]

    def alerts(self):
        """{(name, severity): 'pending' or 'firing'}"""
        return {(a["labels"]["alertname"], a["labels"]["severity"]): a["state"]
                for a in self.api("alerts")["alerts"]}
