"""Another resource like one that is there, and the way of one to another destination."""

from typing import Any

import pytest

from app.models import Server, ServerSetting, StandaloneDocker
from tests.deploying import create_database, create_service
from tests.desk import UNKNOWN_UUID, Desk, error_of

KINDS = ("services", "databases")
ITS_OWN = {"uuid", "name", "created_at", "updated_at", "destination_uuid", "server_uuid", "internal_db_url"}
OUTSIDE = "services: {web: {image: 'web:1', volumes: ['/etc:/host']}}"


async def _another_server(desk: Desk) -> StandaloneDocker:
    async with desk.sessions.begin() as session:
        place = desk.place
        key_id = place.server.private_key_id
        server = Server(team_id=place.team.id, private_key_id=key_id, name="b", ip="b.example", user="root")
        session.add(server)
        await session.flush()
        destination = StandaloneDocker(server_id=server.id, name="shiplog", network="shiplog")
        session.add_all([destination, ServerSetting(server_id=server.id)])
    return destination


async def _create(desk: Desk, kind: str, **columns: Any) -> str:
    create: Any = create_service if kind == "services" else create_database
    async with desk.sessions.begin() as session:
        uuid: str = (await create(session, desk.place, **columns)).uuid
    return uuid


async def _read(desk: Desk, kind: str, uuid: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await desk.ask("GET", f"/{kind}/{uuid}")).json()
    return answer


@pytest.mark.parametrize("kind", KINDS)
async def test_a_clone_has_settings_variables_and_tags(desk: Desk, kind: str) -> None:
    columns = {"is_public": True, "public_port": 5000} if kind == "databases" else {}
    uuid, destination = await _create(desk, kind, **columns), await _another_server(desk)
    for key, is_locked in (("B", True), ("A", False)):
        await desk.ask("POST", f"/{kind}/{uuid}/envs", json={"key": key, "value": "1", "is_shown_once": is_locked})
    await desk.ask("POST", f"/{kind}/{uuid}/tags", json={"tag_name": "blue"})
    made = await desk.ask("POST", f"/{kind}/{uuid}/clone", json={"destination_uuid": destination.uuid})
    assert made.status_code == 201
    first, second = await _read(desk, kind, uuid), await _read(desk, kind, made.json()["uuid"])
    differ = {
        name for name in second if name not in {"applications", "external_db_url"} and second[name] != first[name]
    }
    assert differ <= ITS_OWN | {"is_public"}
    assert (second["name"], second["destination_uuid"]) == (f"{first['name']}-clone", destination.uuid)
    assert second.get("is_public", False) is False
    envs = (await desk.ask("GET", f"/{kind}/{second['uuid']}/envs")).json()
    assert [(one["key"], one["is_shown_once"], one.get("value")) for one in envs] == [
        ("B", True, None),
        ("A", False, "1"),
    ]
    assert [tag["name"] for tag in (await desk.ask("GET", f"/{kind}/{second['uuid']}/tags")).json()] == ["blue"]


@pytest.mark.parametrize("kind", KINDS)
async def test_what_has_been_deployed_stays_on_its_server(desk: Desk, kind: str) -> None:
    uuid, near, far = await _create(desk, kind), await desk.add_destination(), await _another_server(desk)
    for destination in (far, near):  # never deployed: to another server and back
        moved = await desk.ask("POST", f"/{kind}/{uuid}/migrate", json={"destination_uuid": destination.uuid})
        assert moved.status_code == 200
        assert (await _read(desk, kind, uuid))["destination_uuid"] == destination.uuid
    assert (await desk.ask("POST", f"/{kind}/{uuid}/start")).status_code == 200
    refused = await desk.ask("POST", f"/{kind}/{uuid}/migrate", json={"destination_uuid": far.uuid})
    assert (refused.status_code, "clone it" in refused.json()["message"]) == (400, True)
    first = desk.place.destination.uuid
    assert (await desk.ask("POST", f"/{kind}/{uuid}/migrate", json={"destination_uuid": first})).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
async def test_a_destination_must_be_the_teams_and_fit(desk: Desk, kind: str) -> None:
    powers = {"docker_compose_raw": OUTSIDE} if kind == "services" else {"custom_docker_run_options": "--privileged"}
    uuid, strong = await _create(desk, kind), await _create(desk, kind, **powers)
    destination = (await _another_server(desk)).uuid
    for action, flag in (("clone", "clone_volumes"), ("migrate", "migrate_volumes")):
        unknown = await desk.ask("POST", f"/{kind}/{uuid}/{action}", json={"destination_uuid": UNKNOWN_UUID})
        assert (unknown.status_code, error_of(unknown)) == (404, {"message": "Destination not found."})
        body = {"destination_uuid": destination, flag: True}
        volumes = await desk.ask("POST", f"/{kind}/{uuid}/{action}", json=body)
        assert (volumes.status_code, volumes.json()["errors"].keys()) == (422, {flag})
        unfit = await desk.ask("POST", f"/{kind}/{strong}/{action}", json={"destination_uuid": destination})
        assert (unfit.status_code, unfit.json()["errors"].keys()) == (422, {"destination_uuid"})
