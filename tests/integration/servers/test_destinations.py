"""Destinations over the API: several networks a server, and what may not be taken away."""

import asyncio
from typing import Any

import pytest

from tests.desk import UNKNOWN_UUID, Desk, error_of, in_base64, row_counts

COMPOSE = in_base64("services: {web: {image: a}}")


async def _create(desk: Desk, **fields: Any) -> str:
    path = f"/servers/{desk.place.server.uuid}/destinations"
    answer = await desk.ask("POST", path, json={"network": "shop", **fields}, by="write")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["uuid"])


async def test_a_destination_is_created_listed_and_renamed(desk: Desk) -> None:
    uuid = await _create(desk)
    body = (await desk.ask("GET", f"/destinations/{uuid}", by="read")).json()
    first = desk.place.destination.uuid
    for path in ("/destinations", f"/servers/{desk.place.server.uuid}/destinations"):
        listed = (await desk.ask("GET", path, by="read")).json()
        assert ([one["uuid"] for one in listed], listed[1]) == ([first, uuid], body)
    assert body.pop("created_at").endswith("Z")
    assert body.pop("updated_at").endswith("Z")
    expected = {"uuid": uuid, "name": "shop", "network": "shop", "type": "standalone"}
    assert body == {**expected, "server_uuid": desk.place.server.uuid}
    renamed = await desk.ask("PATCH", f"/destinations/{uuid}", json={"name": "The shop's"}, by="write")
    assert (renamed.status_code, renamed.json()["name"], renamed.json()["network"]) == (200, "The shop's", "shop")


async def test_a_network_is_there_once_on_a_server(desk: Desk) -> None:
    await _create(desk)
    answer = await desk.ask("POST", f"/servers/{desk.place.server.uuid}/destinations", json={"network": "shop"})
    message = "A destination with this network already exists on this server."
    assert (answer.status_code, error_of(answer)) == (409, {"message": message})


async def test_a_resource_joins_the_network_that_it_was_given(desk: Desk) -> None:
    uuid = await _create(desk)
    body = desk.of_resource(docker_compose_raw=COMPOSE)
    refused = await desk.ask("POST", "/services", json=body)
    message = "Server has multiple destinations and you do not set destination_uuid."
    assert (refused.status_code, error_of(refused)) == (400, {"message": message})
    service = (await desk.ask("POST", "/services", json={**body, "destination_uuid": uuid})).json()["uuid"]
    assert (await desk.ask("GET", f"/services/{service}")).json()["destination_uuid"] == uuid

    kept = await desk.ask("DELETE", f"/destinations/{uuid}", by="write")
    message = "Destination has resources, so it cannot be deleted: delete them first."
    assert (kept.status_code, error_of(kept)) == (409, {"message": message})
    free = await desk.ask("DELETE", f"/destinations/{desk.place.destination.uuid}", by="write")
    assert (free.status_code, free.json()) == (200, {"message": "Destination deleted."})
    assert [one["uuid"] for one in (await desk.ask("GET", "/destinations")).json()] == [uuid]


async def test_of_a_new_resource_and_a_delete_at_once_one_sees_the_other(desk: Desk) -> None:
    for _ in range(3):
        uuid = await _create(desk)
        body = desk.of_resource(docker_compose_raw=COMPOSE, destination_uuid=uuid)
        made, deleted = await asyncio.gather(
            desk.ask("POST", "/services", json=body), desk.ask("DELETE", f"/destinations/{uuid}")
        )
        assert (made.status_code, deleted.status_code) in {(201, 409), (422, 200)}
        if deleted.status_code == 409:
            break


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/destinations/{uuid}", None),
        ("PATCH", "/destinations/{uuid}", {"name": "x"}),
        ("DELETE", "/destinations/{uuid}", None),
        ("GET", "/servers/{server}/destinations", None),
        ("POST", "/servers/{server}/destinations", {"network": "x"}),
    ],
)
async def test_another_teams_answers_like_an_unknown_one(
    desk: Desk, method: str, path: str, body: dict[str, Any] | None
) -> None:
    before = await row_counts(desk.sessions)
    uuids = {"uuid": desk.place.destination.uuid, "server": desk.place.server.uuid}
    theirs = await desk.ask(method, path.format(**uuids), json=body, by="other")
    unknown = await desk.ask(method, path.format(uuid=UNKNOWN_UUID, server=UNKNOWN_UUID), json=body)
    noun = "Server" if "server" in path else "Destination"
    for answer in (theirs, unknown):
        assert (answer.status_code, error_of(answer)) == (404, {"message": f"{noun} not found."})
    assert await row_counts(desk.sessions) == before


async def test_another_team_has_a_list_of_its_own(desk: Desk) -> None:
    assert (await desk.ask("GET", "/destinations", by="other")).json() == []
