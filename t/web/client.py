"""A program that a customer might write: it works through the client that t/e2e/t0218-web-client.py generates from the API's own
description, as `omnitrack_client`, and mypy checks its types before it runs.

Its argument is the address of the API, its environment has the token; it prints what it has seen, as JSON.
"""
import json
import os
import sys
from typing import TypeVar

from omnitrack_client import AuthenticatedClient
from omnitrack_client.api.devices import get_devices, get_devices_device, patch_devices_device, post_devices
from omnitrack_client.api.events import get_events
from omnitrack_client.api.history import get_devices_device_positions
from omnitrack_client.models import Device, DeviceCreate, DevicePatch, Problem, StateName
from omnitrack_client.types import UNSET, Unset

T = TypeVar("T")


def done(answer: T | Problem | None) -> T:
    """What was answered, where it is no refusal."""
    if answer is None or isinstance(answer, Problem):
        raise SystemExit("refused: %s" % answer)
    return answer


def refused(answer: object) -> Problem:
    """The refusal, as the type that it is described to be."""
    if not isinstance(answer, Problem):
        raise SystemExit("not refused: %s" % answer)
    return answer


def all_devices(api: AuthenticatedClient) -> list[Device]:
    """The whole list, two at a time."""
    found: list[Device] = []
    cursor: str | Unset = UNSET
    while True:
        page = done(get_devices.sync(client=api, limit=2, cursor=cursor))
        found += page.items
        if page.next_ is None:
            return found
        cursor = page.next_


def made(api: AuthenticatedClient, imei: str) -> tuple[Device, Device, Problem, Problem]:
    """A device, what it became, and two refusals: of what was changed meanwhile, and of a second one with its IMEI."""
    first = done(post_devices.sync(client=api, body=DeviceCreate(imei=imei, name="Made", group="1")))
    tag = get_devices_device.sync_detailed(first.id, client=api).headers["ETag"]
    changed = done(patch_devices_device.sync(first.id, client=api, if_match=tag, body=DevicePatch(name="Changed", plate="AB 1")))
    late = refused(patch_devices_device.sync(first.id, client=api, if_match=tag, body=DevicePatch(name="Too late")))
    twice = refused(post_devices.sync(client=api, body=DeviceCreate(imei=imei)))
    return first, changed, late, twice


def main() -> None:
    api = AuthenticatedClient(base_url=sys.argv[1], token=os.environ["TOKEN"])
    devices = all_devices(api)
    first, changed, late, twice = made(api, sys.argv[2])
    events = done(get_events.sync(client=api, severity="alarm"))
    event = events.items[0]
    newer = done(get_events.sync(client=api, from_=event.at, arrived_after=events.as_of))
    records = done(get_devices_device_positions.sync(event.device, client=api, from_="now-1h")).items
    stranger = AuthenticatedClient(base_url=sys.argv[1], token="nobody's")
    nobody = refused(get_devices_device.sync(first.id, client=stranger))
    nothing = refused(get_devices_device.sync("999999", client=api))
    wrong = refused(get_devices.sync(client=api, limit=0))
    print(json.dumps({
        "devices": [one.imei for one in devices],
        "made": [first.imei, first.name, first.state is StateName.OUT, first.created_at is not None],
        "changed": [changed.id == first.id, changed.name, changed.plate],
        "refused": {str(p.status): [p.title, p.errors[0].field if p.errors else None, bool(p.request_id)]
                    for p in (late, twice, nobody, nothing, wrong)},
        "event": [event.kind, event.imei, round(event.at.timestamp() * 1000)],
        "again": [one.id for one in newer.items] == [event.id],
        "records": [round(one.at.timestamp() * 1000) for one in records],
    }))


main()
