#!/usr/bin/env python3
"""The API keeps to its own description: schemathesis makes requests from it, right ones and wrong ones, and finds nothing.

Skipped where schemathesis isn't installed; E2E_SCHEMATHESIS names the program.
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, web
from lib.fleet import imeis

web.need()
PROGRAM = os.environ.get("E2E_SCHEMATHESIS") or shutil.which("schemathesis")
if not PROGRAM:
    print("1..0 # SKIP no schemathesis (pip install schemathesis)")
    sys.exit(77)
TOKEN = "a-token-for-the-test-alone"
CONFIG = """
[checks]
# With a token the cookie counts for nothing, also a wrong one.
ignored_auth.enabled = false
# What is well formed may name things that aren't there, or no longer as they were.
# An If-Match that is no ETag of ours matches nothing.
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 412, 415, 422, 428]
positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 409, 410, 412, 422, 428, 429, 502]
"""


def test_description(bench):
    """Thousands of requests, as an administrator's program: no server error, no answer that isn't described."""
    database = bench.database()
    bench.gateway(database)
    server = web.Web(bench, database, WEB_REQUESTS_PER_MINUTE=1000000)
    admin = server.admin()
    group = admin.post("/groups", {"name": "Group"}, 201)["id"]
    for imei in imeis(3):
        admin.post("/devices", {"imei": imei, "group": group}, 201)
    admin.post("/command-templates", {"name": "Info", "text": "getinfo"}, 201)
    database.query("INSERT INTO omnitrack.api_tokens (user_id, name, token_hash, scopes, expires_at) VALUES"
                   " (1, 'test', sha256('%s'), '{write}', now() + interval '1 day')" % TOKEN)
    config = os.path.join(server.folder, "schemathesis.toml")
    with open(config, "w") as f:
        f.write(CONFIG)
    done = subprocess.run(
        [PROGRAM, "--config-file", config, "run", "http://127.0.0.1:%d/api/v1/openapi.json" % server.port,
         "-H", "Authorization: Bearer " + TOKEN, "--phases", "examples,coverage,fuzzing",
         "--max-examples", str(proc.scaled(20)), "--seed", os.environ.get("E2E_SEED", "1")],
        capture_output=True, text=True, timeout=600 * proc.PATIENCE, cwd=server.folder)
    proc.check(done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:])
    proc.check('"level":"error"' not in server.log_text(), "errors stand in the log")


suite.main(globals())
