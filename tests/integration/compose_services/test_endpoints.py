"""Services over the API: whole bodies, secrets, teams, and everything that is refused."""

import json
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import undefer

from app.models import ServiceDeploymentQueue
from tests.deploying import COMPOSE, create_service
from tests.desk import UNKNOWN_UUID, Desk, error_of, in_base64, row_counts

QUOTED = 'it\'s a "shop"; $(rm -rf /) `id` 🚢'


async def _create(desk: Desk, **fields: Any) -> str:
    body = desk.of_resource(docker_compose_raw=in_base64(COMPOSE), **fields)
    answer = await desk.ask("POST", "/services", json=body, by="write")
    assert answer.status_code == 201, answer.text
    uuid: str = answer.json()["uuid"]
    return uuid


async def test_a_service_is_created_and_read_back(desk: Desk) -> None:
    body = desk.of_resource(docker_compose_raw=in_base64(COMPOSE), name="shop", description="sells\nships")
    answer = await desk.ask("POST", "/services", json=body, by="write")
    uuid = answer.json()["uuid"]
    assert (answer.status_code, answer.json()) == (201, {"uuid": uuid, "domains": []})

    read = (await desk.ask("GET", f"/services/{uuid}", by="sensitive")).json()
    assert read.pop("created_at").endswith("Z")
    assert read.pop("updated_at").endswith("Z")
    listed = (await desk.ask("GET", f"/services/{uuid}/applications")).json()
    for part in read.pop("applications"):
        assert [part] == listed
        assert (part["name"], part["status"]) == ("web", "exited")
        assert (await desk.ask("GET", f"/services/{uuid}/applications/{part['uuid']}")).json() == part
        wrong = await desk.ask("GET", f"/services/{uuid}/databases/{part['uuid']}")
        assert (wrong.status_code, error_of(wrong)) == (404, {"message": "Service database not found."})
    assert (await desk.ask("GET", f"/services/{uuid}/databases")).json() == read.pop("databases") == []
    assert read == {
        "uuid": uuid,
        "description": "sells\nships",
        "name": "shop",
        "status": "exited",
        "status_at": None,
        "containers": [],
        "containers_at": None,
        "project_uuid": desk.place.project.uuid,
        "environment_uuid": desk.place.environment.uuid,
        "environment_name": "production",
        "server_uuid": desk.place.server.uuid,
        "destination_uuid": desk.place.destination.uuid,
        "connect_to_docker_network": False,
        "docker_compose_raw": COMPOSE,
        "docker_compose": COMPOSE,
    }


async def test_the_compose_file_is_left_out_without_read_sensitive(desk: Desk) -> None:
    uuid = await _create(desk)
    one = (await desk.ask("GET", f"/services/{uuid}", by="read")).json()
    listed = (await desk.ask("GET", "/services", by="read")).json()
    assert listed == [{name: value for name, value in one.items() if name not in {"applications", "databases"}}]
    assert one.keys().isdisjoint({"docker_compose_raw", "docker_compose"})


async def test_a_service_without_a_name_gets_one(desk: Desk) -> None:
    uuid = await _create(desk)
    name = (await desk.ask("GET", f"/services/{uuid}")).json()["name"]
    assert name.startswith("service-")
    assert len(name) == len("service-") + 10


async def test_the_list_has_every_service_of_the_team_oldest_first(desk: Desk) -> None:
    uuids = [await _create(desk) for _ in range(3)]
    assert [row["uuid"] for row in (await desk.ask("GET", "/services")).json()] == uuids
    assert (await desk.ask("GET", "/services", by="other")).json() == []


@pytest.mark.parametrize("compose", [COMPOSE, f"# ü 🚢\r\n{COMPOSE}\n\n\n", "services: {web: {image: 'a:1'}} # no end"])
async def test_the_compose_file_is_kept_as_it_was_sent_and_encrypted(desk: Desk, compose: str) -> None:
    body = desk.of_resource(docker_compose_raw=in_base64(compose))
    uuid = (await desk.ask("POST", "/services", json=body)).json()["uuid"]
    assert (await desk.ask("GET", f"/services/{uuid}")).json()["docker_compose_raw"] == compose
    async with desk.sessions() as session:
        stored = (await session.execute(text("SELECT docker_compose_raw FROM services"))).scalar_one()
    assert "image" not in stored


async def test_base64_may_be_wrapped_over_lines(desk: Desk) -> None:
    encoded = in_base64(COMPOSE)
    wrapped = f"{encoded[:20]}\n{encoded[20:]}\r\n"
    answer = await desk.ask("POST", "/services", json=desk.of_resource(docker_compose_raw=wrapped))
    assert answer.status_code == 201


async def test_only_what_is_named_changes(desk: Desk) -> None:
    uuid = await _create(desk, name="shop", description="sells ships")
    changed = COMPOSE.replace("web:1", "web:2")
    body = {"name": QUOTED, "docker_compose_raw": in_base64(changed), "connect_to_docker_network": True}
    answer = await desk.ask("PATCH", f"/services/{uuid}", json=body, by="write")
    assert (answer.status_code, answer.json()) == (200, {"uuid": uuid, "domains": []})
    read = (await desk.ask("GET", f"/services/{uuid}")).json()
    assert (read["name"], read["docker_compose_raw"], read["description"]) == (QUOTED, changed, "sells ships")
    assert read["connect_to_docker_network"] is True

    await desk.ask("PATCH", f"/services/{uuid}", json={"description": None, "name": None})
    read = (await desk.ask("GET", f"/services/{uuid}")).json()
    assert (read["name"], read["description"]) == (QUOTED, None)


async def test_a_change_leaves_what_is_being_deployed_alone(desk: Desk) -> None:
    uuid = await _create(desk, name="shop")
    await desk.ask("POST", f"/services/{uuid}/start")
    changed = {"name": "other", "docker_compose_raw": in_base64(f"{COMPOSE}# changed\n")}
    assert (await desk.ask("PATCH", f"/services/{uuid}", json=changed)).status_code == 200
    async with desk.sessions() as session:
        statement = select(ServiceDeploymentQueue).options(undefer(ServiceDeploymentQueue.configuration_snapshot))
        deployment = (await session.execute(statement)).scalar_one()
    assert deployment.configuration_snapshot is not None
    assert (deployment.service_name, deployment.configuration_snapshot["compose"]) == ("shop", COMPOSE)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_instant_deploy_queues_a_deployment(desk: Desk, method: str) -> None:
    if method == "POST":
        uuid = await _create(desk, instant_deploy=True)
    else:
        uuid = await _create(desk)
        assert (await desk.ask("GET", f"/deployments/services/{uuid}")).json() == []
        await desk.ask("PATCH", f"/services/{uuid}", json={"instant_deploy": True})
    (deployment,) = (await desk.ask("GET", f"/deployments/services/{uuid}")).json()
    assert (deployment["status"], deployment["resource_uuid"]) == ("queued", uuid)


async def test_a_server_with_several_destinations_needs_one_named(desk: Desk) -> None:
    second = await desk.add_destination()
    uuid = await _create(desk, destination_uuid=second.uuid)
    assert (await desk.ask("GET", f"/services/{uuid}")).json()["destination_uuid"] == second.uuid
    refused = await desk.ask("POST", "/services", json=desk.of_resource(docker_compose_raw=in_base64(COMPOSE)))
    assert (refused.status_code, error_of(refused)) == (
        400,
        {"message": "Server has multiple destinations and you do not set destination_uuid."},
    )


NAME_LENGTH = "The name must have 1 to 255 characters, not only blanks."
NAME_CONTROL = "The name may not have line breaks or other control characters."
NO_TYPE = "There are no one-click services here: send your Compose file in docker_compose_raw instead."
NOT_BASE64 = "The docker_compose_raw should be base64 encoded."
NO_FIELD = "This field is not allowed."
HOST = in_base64("services: {web: {image: a, volumes: ['/var/run/docker.sock:/x']}}")
NOT_ALLOWED = (
    "The service web mounts /var/run/docker.sock, outside its own folder. "
    "Turn on allow_host_paths of the server if its services may use what is its own."
)

REFUSED_FIELDS: list[tuple[dict[str, Any], dict[str, list[str]]]] = [
    ({"name": ""}, {"name": [NAME_LENGTH]}),
    ({"name": "   "}, {"name": [NAME_LENGTH]}),
    ({"name": "x" * 10_000}, {"name": [NAME_LENGTH]}),
    ({"name": "a\nb"}, {"name": [NAME_CONTROL]}),
    ({"name": "a\x00b"}, {"name": [NAME_CONTROL]}),
    ({"name": "a\ud800b"}, {"name": [NAME_CONTROL]}),
    ({"name": 5}, {"name": ["Input should be a valid string."]}),
    (
        {"description": "a\x00"},
        {"description": ["The description may not have control characters other than line breaks and tabs."]},
    ),
    ({"description": "x" * 2001}, {"description": ["The description may have at most 2000 characters."]}),
    ({"docker_compose_raw": COMPOSE}, {"docker_compose_raw": [NOT_BASE64]}),
    ({"docker_compose_raw": "ü"}, {"docker_compose_raw": [NOT_BASE64]}),
    ({"docker_compose_raw": "/w=="}, {"docker_compose_raw": [NOT_BASE64]}),
    (
        {"docker_compose_raw": in_base64("services: [")},
        {"docker_compose_raw": ["The Compose file is not valid YAML in line 2: did not find expected node content."]},
    ),
    ({"docker_compose_raw": in_base64("volumes: {}")}, {"docker_compose_raw": ["The Compose file has no services."]}),
    (
        {"docker_compose_raw": in_base64("x" * 256 * 1024 + "y")},
        {"docker_compose_raw": ["The Compose file is larger than 256 KiB."]},
    ),
    (
        {"docker_compose_raw": in_base64("x" * 700_000)},
        {"docker_compose_raw": ["The Compose file is larger than 256 KiB."]},
    ),
    (
        {"connect_to_docker_network": "perhaps"},
        {"connect_to_docker_network": ["Input should be a valid boolean."]},
    ),
    ({"docker_compose_raw": HOST}, {"docker_compose_raw": [NOT_ALLOWED]}),
    ({"urls": []}, {"urls": [NO_FIELD]}),
    ({"uuid": UNKNOWN_UUID}, {"uuid": [NO_FIELD]}),
]


async def test_a_wrong_field_is_refused_and_nothing_is_left(desk: Desk) -> None:
    uuid = await _create(desk)
    unchanged = (await desk.ask("GET", f"/services/{uuid}")).json()
    before = await row_counts(desk.sessions)
    for fields, errors in REFUSED_FIELDS:
        body = desk.of_resource(**{"docker_compose_raw": in_base64(COMPOSE), **fields})
        for answer in (
            await desk.ask("POST", "/services", content=_json(body), headers=JSON),
            await desk.ask("PATCH", f"/services/{uuid}", content=_json(fields), headers=JSON),
        ):
            expected = (422, {"message": "Validation failed.", "errors": errors})
            assert (answer.status_code, error_of(answer)) == expected, fields
    assert await row_counts(desk.sessions) == before
    assert (await desk.ask("GET", f"/services/{uuid}")).json() == unchanged


async def test_a_server_can_allow_its_own_paths(desk: Desk) -> None:
    server = f"/servers/{desk.place.server.uuid}"
    assert (await desk.ask("PATCH", server, json={"allow_host_paths": True})).status_code == 201
    body = desk.of_resource(docker_compose_raw=HOST)
    uuid = (await desk.ask("POST", "/services", json=body)).json()["uuid"]
    assert (await desk.ask("PATCH", f"/services/{uuid}", json={"docker_compose_raw": HOST})).status_code == 200
    await desk.ask("POST", f"/services/{uuid}/start")
    async with desk.sessions() as session:
        snapshot = (await session.execute(select(ServiceDeploymentQueue.configuration_snapshot))).scalar_one()
    assert snapshot is not None
    assert snapshot["allow_host_paths"] is True


async def test_a_one_click_type_is_refused_with_what_to_do(desk: Desk) -> None:
    answer = await desk.ask("POST", "/services", json=desk.of_resource(type="plausible"))
    assert (answer.status_code, error_of(answer)) == (
        422,
        {
            "message": "Validation failed.",
            "errors": {"docker_compose_raw": ["This field is required."], "type": [NO_TYPE]},
        },
    )


async def test_a_body_of_5_mb_is_refused(desk: Desk) -> None:
    before = await row_counts(desk.sessions)
    body = desk.of_resource(docker_compose_raw=in_base64("x" * 5_000_000))
    answer = await desk.ask("POST", "/services", json=body)
    assert (answer.status_code, error_of(answer)) == (413, {"message": "The request body may have at most 1 MiB."})
    assert await row_counts(desk.sessions) == before


PLACES: list[tuple[dict[str, Any], int, dict[str, Any]]] = [
    ({"project_uuid": UNKNOWN_UUID}, 404, {"message": "Project not found."}),
    ({"server_uuid": UNKNOWN_UUID}, 404, {"message": "Server not found."}),
    ({"environment_name": "staging"}, 404, {"message": "Environment not found."}),
    (
        {"destination_uuid": UNKNOWN_UUID},
        422,
        {
            "message": "Validation failed.",
            "errors": {"destination_uuid": ["Provided destination_uuid does not belong to the specified server."]},
        },
    ),
]


@pytest.mark.parametrize(("fields", "status", "body"), PLACES)
async def test_a_place_that_is_not_there_is_refused(
    desk: Desk, fields: dict[str, Any], status: int, body: dict[str, Any]
) -> None:
    asked = desk.of_resource(**{"docker_compose_raw": in_base64(COMPOSE), **fields})
    before = await row_counts(desk.sessions)
    answer = await desk.ask("POST", "/services", json=asked)
    assert (answer.status_code, error_of(answer)) == (status, body)
    assert await row_counts(desk.sessions) == before


async def test_a_place_of_another_team_is_not_found(desk: Desk) -> None:
    body = desk.of_resource(docker_compose_raw=in_base64(COMPOSE))
    answer = await desk.ask("POST", "/services", json=body, by="other")
    assert (answer.status_code, error_of(answer)) == (404, {"message": "Project not found."})


ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/services/{uuid}", None),
    ("PATCH", "/services/{uuid}", {"name": "stolen"}),
    ("GET", "/services/{uuid}/envs", None),
    ("POST", "/services/{uuid}/envs", {"key": "A", "value": "b"}),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_another_teams_service_answers_like_an_unknown_one(desk: Desk, method: str, path: str, body: Any) -> None:
    uuid = await _create(desk)
    before = (await desk.ask("GET", f"/services/{uuid}")).json()
    theirs = await desk.ask(method, path.format(uuid=uuid), json=body, by="other")
    unknown = await desk.ask(method, path.format(uuid=UNKNOWN_UUID), json=body)
    assert (theirs.status_code, error_of(theirs)) == (404, {"message": "Service not found."})
    assert (unknown.status_code, error_of(unknown)) == (404, {"message": "Service not found."})
    assert (await desk.ask("GET", f"/services/{uuid}")).json() == before


@pytest.mark.parametrize(
    ("method", "path", "by", "needed"),
    [
        ("GET", "/services", "write", "read"),
        ("GET", "/services/{uuid}", "deploy", "read"),
        ("POST", "/services", "read", "write"),
        ("PATCH", "/services/{uuid}", "sensitive", "write"),
    ],
)
async def test_a_token_without_the_ability_is_refused(desk: Desk, method: str, path: str, by: str, needed: str) -> None:
    uuid = await _create(desk)
    body = None if method == "GET" else desk.of_resource()
    answer = await desk.ask(method, path.format(uuid=uuid), json=body, by=by)
    assert (answer.status_code, error_of(answer)) == (403, {"message": f"Missing required permissions: {needed}"})
    answer = await desk.ask(method, path.format(uuid=uuid), json=body, by=None)
    assert (answer.status_code, error_of(answer)) == (401, {"message": "Unauthenticated."})


async def test_a_deleted_service_is_not_there(desk: Desk) -> None:
    async with desk.sessions.begin() as session:
        service = await create_service(session, desk.place)
        await session.execute(text("UPDATE services SET deleted_at = now()"))
    assert (await desk.ask("GET", f"/services/{service.uuid}")).status_code == 404
    assert (await desk.ask("GET", "/services")).json() == []


JSON = {"Content-Type": "application/json"}


def _json(body: Any) -> bytes:
    # The client's own encoder refuses halves of surrogate pairs.
    return json.dumps(body).encode()
