"""Servers: added, looked at, listed."""

import asyncio
from typing import Any

from app.cli.client import Api
from app.cli.finding import KEY, SERVER, find, find_or_only, none_yet
from app.cli.output import Item, Output, field

_VALIDATION_SECONDS = 30


async def show_all(api: Api, out: Output) -> None:
    """List the servers and whether they can be deployed to."""
    columns = {
        "Name": field("name"),
        "Uuid": field("uuid"),
        "Address": _address,
        "State": state_of,
        "Docker": field("docker_version"),
        "Compose": field("compose_version"),
    }
    out.items(await api.get(SERVER.path), columns, empty=none_yet(SERVER))


async def add(
    api: Api, out: Output, *, name: str, ip: str, port: int, user: str, key: str | None, is_validated: bool
) -> int:
    """Add a server and look at it at once; 1 when it cannot be deployed to."""
    found = await find_or_only(api, KEY, key)
    body = {"name": name, "ip": ip, "port": port, "user": user, "private_key_uuid": found["uuid"]}
    uuid = (await api.post(SERVER.path, body))["uuid"]
    out.say(f"The server {name} is there, {uuid}.")
    if not is_validated:
        out.answer({"uuid": uuid}, f"Next: shiplog server validate {name}")
        return 0
    return _judge(out, await look_at(api, uuid))


async def validate(api: Api, out: Output, *, server: str, accept_new_host_key: bool) -> int:
    """Have a server looked at, show what was seen; 1 when it cannot be deployed to."""
    found = await find(api, SERVER, server)
    return _judge(out, await look_at(api, found["uuid"], accept_new_host_key=accept_new_host_key))


async def look_at(api: Api, uuid: str, *, accept_new_host_key: bool = False) -> dict[str, Any]:
    """Have a server looked at, and return it as it is then or after half a minute."""
    path = f"{SERVER.path}/{uuid}"
    before = await api.get(path)
    await api.post(f"{path}/validate", {"accept_new_host_key": accept_new_host_key})
    server: dict[str, Any] = before
    for _ in range(_VALIDATION_SECONDS * 10):
        server = await api.get(path)
        if server["validated_at"] != before["validated_at"]:
            break
        await asyncio.sleep(0.1)
    return server


def state_of(server: Item) -> str:
    """Return what can be done with a server, in a word or two."""
    if server["is_usable"]:
        return "ready"
    if server["validated_at"] is None:
        return "not looked at"
    return "not ready" if server["is_reachable"] else "not reachable"


def _judge(out: Output, server: Item) -> int:
    log = (server["validation_logs"] or "").splitlines()
    if server["validated_at"] is None:
        log = ["No worker has looked at it yet: is one running? `shiplog server list` shows it once one has."]
    out.answer(server, *log, f"The server {server['name']} is {state_of(server)}.")
    if server["is_usable"]:
        out.say("Next: shiplog service create NAME --file compose.yaml, or shiplog database create postgresql NAME")
        return 0
    out.say(f"Once that is put right: shiplog server validate {server['name']}")
    return 1


def _address(server: Item) -> str:
    host = f"[{server['ip']}]" if ":" in server["ip"] else server["ip"]
    return f"{server['user']}@{host}:{server['port']}"
