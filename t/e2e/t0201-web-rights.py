#!/usr/bin/env python3
"""The web application's routes by roles: each route is asked by each kind of user, and answers as its permission says.

The list of routes is the server's own description: a new route is asked too, and must be named here.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, web
from lib.fleet import imeis

web.need()

# What each user gets: 2 done (or a problem of the request itself), 1 not signed in, 3 forbidden, 4 not there.
# stranger: nobody; none: without a role; view, oper, inst: of the group that the objects are in; out: installer of another
# group; root: installer of all; admin.
USERS = ("stranger", "none", "out", "view", "oper", "inst", "root", "admin")
PUBLIC, SELF = "22222222", "12222222"
ANY = {"viewer": "13222222", "operator": "13222222", "installer": "13222222"}
DEVICE = {"viewer": "14422222", "operator": "14432222", "installer": "14433222", "admin": "14433332"}
LIST_OPERATOR, LIST_INSTALLER = "13232222", "13233222"
ROOT = {"installer": "13333322", "admin": "13333332"}
GROUP = {"viewer": "14422222", "admin": "14433332"}
ROUTES = {
    "get /session": PUBLIC, "post /session": PUBLIC, "delete /session": PUBLIC,
    "post /session/link": PUBLIC, "post /session/claim": PUBLIC,
    "get /me": SELF, "patch /me": SELF, "post /me/password": SELF, "get /me/sessions": SELF,
    "delete /me/sessions/{session}": SELF, "get /settings": SELF,
    "get /devices": ANY["viewer"], "get /fleet/summary": ANY["viewer"], "get /live": ANY["viewer"],
    "get /commands": ANY["viewer"], "get /families": ANY["viewer"], "get /groups": ANY["viewer"], "get /models": ANY["viewer"],
    "get /dictionary": ANY["viewer"],
    "post /devices": LIST_INSTALLER,
    "get /devices/{device}": DEVICE["viewer"], "get /devices/{device}/state": DEVICE["viewer"],
    "get /devices/{device}/events": DEVICE["viewer"], "get /devices/{device}/sessions": DEVICE["viewer"],
    "get /devices/{device}/commands": DEVICE["viewer"],
    "get /devices/{device}/track": DEVICE["viewer"], "get /devices/{device}/history": DEVICE["viewer"],
    "get /devices/{device}/series": DEVICE["viewer"], "get /devices/{device}/elements": DEVICE["viewer"],
    "get /devices/{device}/days": DEVICE["viewer"], "get /devices/{device}/positions": DEVICE["viewer"],
    "get /devices/{device}/messages": DEVICE["viewer"], "get /devices/{device}/raw": DEVICE["installer"],
    "get /exports": ANY["viewer"],
    "get /devices/{device}/trips": DEVICE["viewer"], "get /devices/{device}/stops": DEVICE["viewer"],
    "post /devices/{device}/commands": DEVICE["operator"],
    "patch /devices/{device}": DEVICE["installer"], "get /devices/{device}/why": DEVICE["installer"],
    "delete /devices/{device}": DEVICE["admin"],
    "post /commands": LIST_OPERATOR,
    # Whoever may see commands gets to the object, which is there for those who see its device.
    "get /commands/{command}": "13422222",
    "post /commands/{command}/cancel": "13432222",
    "get /command-templates": LIST_OPERATOR, "get /command-templates/{template}": LIST_OPERATOR,
    "post /command-templates": ROOT["admin"], "put /command-templates/{template}": ROOT["admin"],
    "delete /command-templates/{template}": ROOT["admin"],
    "post /groups": ROOT["admin"], "get /groups/{group}": GROUP["viewer"], "patch /groups/{group}": GROUP["admin"],
    "delete /groups/{group}": GROUP["admin"],
    "get /users": ROOT["admin"], "post /users": ROOT["admin"], "get /users/{user}": ROOT["admin"],
    "patch /users/{user}": ROOT["admin"], "delete /users/{user}": ROOT["admin"],
    "post /users/{user}/password-link": ROOT["admin"], "post /users/{user}/display-link": ROOT["admin"],
    "get /tokens": SELF, "post /tokens": SELF, "delete /tokens/{token}": SELF,
    "get /fleet/silent": ANY["viewer"], "get /events": ANY["viewer"],
    "post /devices/import": LIST_INSTALLER, "post /devices/bulk": LIST_INSTALLER,
    "get /quarantine": LIST_INSTALLER, "post /quarantine/decode": LIST_INSTALLER, "post /quarantine/drop": LIST_INSTALLER,
    # The frame is of the device in the group.
    "get /quarantine/{frame}": "13433222",
    "get /gateways": ROOT["installer"], "get /rejected": ROOT["installer"], "get /audit": ROOT["admin"],
    "get /audit/export": ROOT["admin"],
    "get /settings/configuration": ROOT["admin"],
}
# Asked last, as they take away what others need; and what ends the asking user's own session.
LAST = ("delete /session", "delete /devices/{device}", "delete /command-templates/{template}", "delete /groups/{group}",
        "delete /users/{user}")
BODIES = {"patch /me": {}, "patch /devices/{device}": {}, "patch /groups/{group}": {}, "patch /users/{user}": {}}


def wanted(answer, digit):
    """Of what is done, the request itself may be at fault (no body, no such thing): that is not about rights."""
    if digit == "2":
        return answer.status in (200, 201, 204, 400, 409, 410, 415, 422, 429) or answer.status == 404 and any(w in answer.text for w in ("such session", "such token"))
    return answer.status == {"1": 401, "3": 403, "4": 404}[digit]


def test_matrix(bench):
    """Each route answers each kind of user as its permission says; none is left out."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    listed = admin.get("/openapi.json")["paths"]
    known = sorted("%s %s" % (m, p) for p, methods in listed.items() for m in methods)
    proc.equal(known, sorted(ROUTES), "routes (a new one needs a line here)")
    inner = admin.post("/groups", {"name": "Inner"}, 201)["id"]
    outer = admin.post("/groups", {"name": "Outer"}, 201)["id"]
    people = {"stranger": web.Browser(server), "admin": admin, "none": admin.make_user("none")}
    for name, role in (("view", "viewer"), ("oper", "operator"), ("inst", "installer")):
        people[name] = admin.make_user(name, (inner, role))
    people["out"] = admin.make_user("out", (outer, "installer"))
    people["root"] = admin.make_user("root", ("1", "installer"))
    spare = admin.post("/users", {"login": "spare", "name": "Spare", "roles": []}, 201)["id"]
    imei = imeis(1)[0]
    device = admin.post("/devices", {"imei": imei, "group": inner}, 201)["id"]
    template = admin.post("/command-templates", {"name": "Info", "text": "getinfo"}, 201)["id"]
    command = admin.post("/devices/%s/commands" % device, {"template": template}, 201)["id"]
    frame = database.query("INSERT INTO device_ingest_raw (imei, reason, frame, frame_hash, received_at, last_seen_at) VALUES"
                           " ('%s', 'structure', '\\x00', 1, now(), now()) RETURNING id" % imei)
    values = {"frame": frame, "token": "999999", "device": device, "group": inner, "user": spare, "template": template, "command": command, "session": "999999"}
    wrong = []
    for name in [r for r in ROUTES if r not in LAST] + list(LAST[1:]) + [LAST[0]]:
        method, path = name.split(" ")
        for part, value in values.items():
            path = path.replace("{%s}" % part, value)
        for who, digit in zip(USERS, ROUTES[name]):
            answer = people[who].ask(method.upper(), path, BODIES.get(name))
            if not wanted(answer, digit):
                wrong.append("%s by %s: %r, not %s" % (name, who, answer, digit))
    proc.check(not wrong, "\n".join(wrong))


def test_not_there(bench):
    """What one may not see answers as what is not there: word by word the same."""
    database = bench.database()
    server = web.Web(bench, database)
    admin = server.admin()
    inner = admin.post("/groups", {"name": "Inner"}, 201)["id"]
    outer = admin.post("/groups", {"name": "Outer"}, 201)["id"]
    out = admin.make_user("out", (outer, "installer"))
    one, two = imeis(2)
    device = admin.post("/devices", {"imei": one, "group": inner}, 201)["id"]

    def said(path):
        answer = out.ask("GET", path)
        body = answer.json
        body.pop("requestId")
        return answer.status, body
    for there, not_there in (("/devices/%s" % device, "/devices/999999"), ("/devices/imei:%s" % one, "/devices/imei:" + two),
                             ("/devices/%s/why" % device, "/devices/999999/why"), ("/groups/" + inner, "/groups/999999")):
        proc.equal(said(there), said(not_there), "%s and %s" % (there, not_there))
    proc.equal(out.get("/devices?q=" + one)["items"], [], "searching")
    proc.equal(out.get("/devices?ids=" + device)["items"], [], "by id")
    proc.equal(out.get("/live?ids=" + device)["items"], [], "live")
    proc.equal([g["id"] for g in out.get("/groups")["items"]], [outer], "groups")
    result = out.post("/commands", {"devices": [device], "text": "getinfo", "dryRun": True})
    proc.equal((result["items"][0]["reason"], result["items"][0]["refusal"]), ("there is no such device", "gone"), "commands")
    out.post("/devices", {"imei": two, "group": inner}, 422)
    out.post("/devices", {"imei": two}, 403)
    proc.equal(database.number("SELECT count(*) FROM devices"), 1, "devices")


suite.main(globals())
