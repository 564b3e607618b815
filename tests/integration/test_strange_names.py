"""Names that a shell, a path or a Compose file could trip over are kept as they are, and lead to no file or command."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.postgres import Sessions
from app.settings import Settings
from tests.desk import Desk, in_base64, open_desk
from tests.fixtures.api import MakeToken
from tests.integration.this_machine import ThisMachine, worker_on_this_machine

COMPOSE = "services: {web: {image: 'web:1'}}"
NAMES = {
    "quotes": 'it\'s "quoted"',
    "substitution": "$(touch pwned)`touch pwned`${HOME}",
    "semicolon": "a; touch pwned; rm -rf *",
    "emoji": "🚢 ünïcode",
}
FILES = {
    "services": {".env", "docker-compose.yml", "shiplog.override.json", "verify.sh"},
    "databases": {".env", "docker-compose.yml", "verify.sh", "postgres-password"},
}

pytestmark = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)


@pytest_asyncio.fixture
async def desk(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> Desk:
    return await open_desk(api, sessions, make_token)


@pytest_asyncio.fixture
async def machine(desk: Desk, api_settings: Settings, tmp_path: Path) -> AsyncIterator[ThisMachine]:
    async with worker_on_this_machine(desk, api_settings, tmp_path) as machine:
        yield machine


async def make(desk: Desk, path: str, **body: Any) -> str:
    """Make something and return its uuid."""
    answer = await desk.ask("POST", path, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["uuid"])


async def name_of(desk: Desk, path: str) -> str:
    """Return the name of what is at a path."""
    return str((await desk.ask("GET", path)).json()["name"])


async def settled(desk: Desk, deployment_uuid: str) -> dict[str, Any]:
    """Return a deployment once it has ended."""
    async with asyncio.timeout(60):
        while True:
            row: dict[str, Any] = (await desk.ask("GET", f"/deployments/{deployment_uuid}")).json()
            if row["status"] not in {"queued", "in_progress"}:
                return row
            await asyncio.sleep(0.05)


async def test_it_is_kept_as_it_is_by_everything_that_has_a_name(desk: Desk, name: str) -> None:
    project = await make(desk, "/projects", name=name)
    environment = await make(desk, f"/projects/{project}/environments", name=name)
    key = (await desk.ask("GET", "/security/keys")).json()[0]["uuid"]
    assert (await desk.ask("PATCH", f"/security/keys/{key}", json={"name": name})).status_code == 201
    server = await make(desk, "/servers", name=name, ip="192.0.2.1", private_key_uuid=key)
    resource = desk.of_resource(name=name)
    service = await make(desk, "/services", **resource, docker_compose_raw=in_base64(COMPOSE))
    database = await make(desk, "/databases/postgresql", **resource)
    places = [
        f"/projects/{project}", f"/projects/{project}/{environment}", f"/security/keys/{key}", f"/servers/{server}",
        f"/services/{service}", f"/databases/{database}",
    ]  # fmt: skip
    assert {place: await name_of(desk, place) for place in places} == dict.fromkeys(places, name)


async def test_a_deployment_leaves_nothing_but_files_named_by_ids(desk: Desk, machine: ThisMachine, name: str) -> None:
    project = await make(desk, "/projects", name=name)
    await make(desk, f"/projects/{project}/environments", name=name)
    assert (await desk.ask("PATCH", f"/servers/{desk.place.server.uuid}", json={"name": name})).status_code == 201
    place = {
        "name": name, "project_uuid": project, "environment_name": name, "server_uuid": desk.place.server.uuid,
    }  # fmt: skip
    uuids = {
        "services": await make(desk, "/services", **place, docker_compose_raw=in_base64(COMPOSE)),
        "databases": await make(desk, "/databases/postgresql", **place),
    }

    asked = (await desk.ask("POST", f"/deploy?uuid={','.join(uuids.values())}")).json()["deployments"]

    rows = [await settled(desk, one["deployment_uuid"]) for one in asked]
    assert [(row["status"], row["server_name"]) for row in rows] == [("finished", name)] * 2, rows
    assert [json.loads(row["logs"])[0]["output"] for row in rows] == [f"Deploying {name} to {name}."] * 2
    runs = {path.name.partition(".")[0] for path in (machine.data / "runs").iterdir()}
    assert runs == {row["deployment_uuid"] for row in rows}
    assert {path.name for path in machine.data.iterdir()} == {"services", "databases", "runs"}
    for kind, uuid in uuids.items():
        (folder,) = (machine.data / kind).iterdir()
        assert folder.name == uuid
        assert {path.name for path in folder.iterdir()} == FILES[kind]
    assert list(machine.home.iterdir()) == []
