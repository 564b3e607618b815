"""What the demo deploys: made at the first start, found again by name at every later one."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.cli import demo_databases
from app.cli.client import Api
from app.cli.first_steps import MACHINE
from app.cli.installation import ThisMachine

PROJECT = "demo"
_ENVIRONMENT = "production"


@dataclass(frozen=True)
class DemoResource:
    """A service or a database of the demo; `kind` is `service` or `database`, `variable` names another image."""

    kind: str
    name: str
    uuid: str
    image: str
    variable: str


async def register_this_machine(api: Api, machine: ThisMachine) -> str:
    """Make key and server, or lead the ones of an earlier start here; return the server's uuid."""
    key_body = {"name": MACHINE, "private_key": machine.private_key.read_text()}
    key = _named(await api.get("/security/keys"), MACHINE)
    if key is None:
        key = await api.post("/security/keys", key_body)
    elif key["public_key"].split()[:2] != machine.public_key.split()[:2]:
        await api.patch(f"/security/keys/{key['uuid']}", key_body)
    address = {"ip": machine.host, "port": machine.port, "user": machine.user}
    server = _named(await api.get("/servers"), MACHINE)
    if server is None:
        server = await api.post("/servers", {"name": MACHINE, "private_key_uuid": key["uuid"], **address})
    elif any(server[name] != value for name, value in address.items()):
        await api.patch(f"/servers/{server['uuid']}", address)
    uuid: str = server["uuid"]
    return uuid


async def make_resources(api: Api, server_uuid: str, images: Mapping[str, str]) -> list[DemoResource]:
    """Return the service and a database of each type in `images`, with the images that are wanted now."""
    project = _named(await api.get("/projects"), PROJECT) or await api.post("/projects", {"name": PROJECT})
    place = {"project_uuid": project["uuid"], "environment_name": _ENVIRONMENT, "server_uuid": server_uuid}
    compose = f"services:\n  web:\n    image: {json.dumps(images['service'])}\n    restart: unless-stopped\n"
    raw = base64.b64encode(compose.encode()).decode()
    uuid = await _make(api, "demo-web", "/services", "/services", place, {"docker_compose_raw": raw})
    made = [DemoResource("service", "demo-web", uuid, images["service"], "SHIPLOG_DEMO_SERVICE_IMAGE")]
    for slug, image in images.items():
        if slug != "service":
            name = "demo-db" if slug == "postgresql" else f"demo-{slug}"
            body = {"image": image, **demo_databases.settings(slug)}
            uuid = await _make(api, name, "/databases", f"/databases/{slug}", place, body)
            made.append(DemoResource("database", name, uuid, image, demo_databases.variable(slug)))
    return made


async def _make(api: Api, name: str, path: str, create_path: str, place: dict[str, Any], body: dict[str, Any]) -> str:
    found = _named(await api.get(path), name)
    if found is None:
        found = await api.post(create_path, {"name": name, **place, **body})
    else:
        await api.patch(f"{path}/{found['uuid']}", body)
    uuid: str = found["uuid"]
    return uuid


def _named(items: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    return next((item for item in items if item["name"] == name), None)
