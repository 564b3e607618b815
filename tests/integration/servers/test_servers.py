"""Servers over the API: whole bodies, settings under both names, teams, and everything that is refused."""

from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import select

from app.models import PrivateKey, Server, StandaloneDocker
from app.redis import QUEUE_NAME
from app.servers.repository import ServerRepository, load_access
from tests.deploying import create_database, create_service
from tests.desk import UNKNOWN_UUID, Desk, error_of, row_counts

NOT_FOUND = {"message": "Server not found."}
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKf3pXJmAcf1zLpOcGbRn2GhbsUBbHsIaGyQhdMQ0Wbp"
QUOTED = 'it\'s a "server"; $(rm -rf /) `id` 🚢'


async def _key_uuid(desk: Desk) -> str:
    async with desk.sessions() as session:
        return (await session.get_one(PrivateKey, desk.place.server.private_key_id)).uuid


async def _body(desk: Desk, **fields: Any) -> dict[str, Any]:
    return {"ip": "192.0.2.10", "private_key_uuid": await _key_uuid(desk), **fields}


async def _create(desk: Desk, **fields: Any) -> str:
    answer = await desk.ask("POST", "/servers", json=await _body(desk, **fields), by="write")
    assert answer.status_code == 201, answer.text
    body: dict[str, str] = answer.json()
    assert body.keys() == {"uuid"}
    return body["uuid"]


async def _read(desk: Desk, uuid: str) -> dict[str, Any]:
    answer = await desk.ask("GET", f"/servers/{uuid}", by="read")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def test_a_server_is_created_with_defaults_and_read_back(desk: Desk) -> None:
    uuid = await _create(desk)
    body = await _read(desk, uuid)
    assert body.pop("created_at").endswith("Z")
    assert body.pop("updated_at").endswith("Z")
    name = body.pop("name")
    assert name.startswith("server-")
    assert body == {
        "uuid": uuid,
        "description": None,
        "ip": "192.0.2.10",
        "port": 22,
        "user": "root",
        "private_key_uuid": await _key_uuid(desk),
        "is_reachable": False,
        "is_usable": False,
        "host_key": None,
        "docker_version": None,
        "compose_version": None,
        "docker_needs_sudo": False,
        "data_folder": None,
        "validated_at": None,
        "validation_logs": None,
        "settings": {
            "concurrent_deployments": 2,
            "concurrent_builds": 2,
            "deployment_timeout": 3600,
            "dynamic_timeout": 3600,
            "deployment_queue_limit": 25,
            "connection_timeout": 10,
            "is_reachable": False,
            "is_usable": False,
            "is_build_server": False,
            "allow_host_paths": False,
            "force_disabled": False,
        },
    }
    async with desk.sessions() as session:
        statement = select(StandaloneDocker).join(Server).where(Server.uuid == uuid)
        destinations = (await session.execute(statement)).scalars().all()
    assert [(one.name, one.network) for one in destinations] == [("shiplog", "shiplog")]


async def test_names_are_kept_and_addresses_get_their_one_form(desk: Desk) -> None:
    fields = {"name": QUOTED, "description": "a\nb", "ip": "2001:DB8::0:1", "port": 2222, "user": "deploy_1-x"}
    body = await _read(desk, await _create(desk, **fields))
    assert {name: body[name] for name in fields} == {**fields, "ip": "2001:db8::1"}


async def test_settings_are_taken_under_both_names(desk: Desk) -> None:
    ours = await _create(
        desk,
        concurrent_deployments=3,
        deployment_timeout=60,
        deployment_queue_limit=1,
        connection_timeout=300,
        is_build_server=True,
        allow_host_paths=True,
    )
    body = await _read(desk, ours)
    assert body["settings"] == {
        "concurrent_deployments": 3,
        "concurrent_builds": 3,
        "deployment_timeout": 60,
        "dynamic_timeout": 60,
        "deployment_queue_limit": 1,
        "connection_timeout": 300,
        "is_reachable": False,
        "is_usable": False,
        "is_build_server": True,
        "allow_host_paths": True,
        "force_disabled": False,
    }
    changes = {"concurrent_builds": 5, "dynamic_timeout": 7, "deployment_timeout": 7, "is_build_server": False}
    answer = await desk.ask("PATCH", f"/servers/{ours}", json=changes, by="write")
    assert (answer.status_code, answer.json()) == (201, {"uuid": ours})
    settings = (await _read(desk, ours))["settings"]
    assert (settings["concurrent_deployments"], settings["deployment_timeout"]) == (5, 7)
    assert (settings["is_build_server"], settings["connection_timeout"]) == (False, 300)


async def _validated(desk: Desk) -> None:
    async with desk.sessions.begin() as session:
        server = await ServerRepository(session).get(desk.place.team.id, desk.place.server.uuid)
        assert server is not None
        server.host_key, server.data_folder = HOST_KEY, "/data/shiplog"
        server.docker_version, server.compose_version = "27.1.1", "2.29.1"
        server.settings.is_usable = True


async def test_the_host_key_is_shown_as_its_fingerprint(desk: Desk) -> None:
    await _validated(desk)
    body = await _read(desk, desk.place.server.uuid)
    # `ssh-keygen -lf` says the same of this key.
    assert body["host_key"] == "SHA256:wrjCfGuXrc0JKNjifCvi4wFNAtvQq1BH1kQP0bhzPzc"
    assert (body["docker_version"], body["compose_version"], body["is_usable"]) == ("27.1.1", "2.29.1", True)


@pytest.mark.parametrize(
    ("change", "keeps_host_key", "keeps_folder"),
    [
        ({"name": "x", "description": "y", "concurrent_builds": 4}, True, True),
        ({"user": "root", "port": 22}, True, True),
        ({"user": "deploy"}, True, False),
        ({"ip": "198.51.100.7"}, False, False),
        ({"port": 2222}, False, False),
    ],
)
async def test_another_machine_is_not_trusted_with_what_was_known(
    desk: Desk, change: dict[str, Any], keeps_host_key: bool, keeps_folder: bool
) -> None:
    await _validated(desk)
    answer = await desk.ask("PATCH", f"/servers/{desk.place.server.uuid}", json=change)
    assert answer.status_code == 201
    body = await _read(desk, desk.place.server.uuid)
    assert (body["host_key"] is not None, body["docker_version"] is not None) == (keeps_host_key, keeps_host_key)
    assert (body["data_folder"] is not None, body["is_usable"]) == (keeps_folder, keeps_folder)
    async with desk.sessions() as session:
        access = await load_access(session, desk.place.server.id)
    assert access is not None
    assert access.is_validated is keeps_folder


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"ip": None}, {"ip": ["Input should be a valid string."]}),
        ({"port": 70000}, {"port": ["Input should be less than or equal to 65535."]}),
        ({"port": 0}, {"port": ["Input should be greater than or equal to 1."]}),
        ({"user": "Root"}, {"user": None}),
        ({"user": "a b"}, {"user": None}),
        ({"name": "a\nb"}, {"name": ["The name may not have line breaks or other control characters."]}),
        ({"name": "x" * 10_000}, {"name": ["The name must have 1 to 255 characters, not only blanks."]}),
        ({"concurrent_builds": 0}, {"concurrent_builds": ["Input should be greater than or equal to 1."]}),
        ({"connection_timeout": 301}, {"connection_timeout": ["Input should be less than or equal to 300."]}),
        (
            {"concurrent_builds": 2, "concurrent_deployments": 3},
            {"concurrent_builds": ["It is another name of concurrent_deployments: give one of the two."]},
        ),
        ({"proxy": "x"}, {"proxy": ["This field is not allowed."]}),
    ],
)
async def test_bad_input_is_refused_and_leaves_nothing(
    desk: Desk, fields: dict[str, Any], errors: dict[str, Any]
) -> None:
    before = await row_counts(desk.sessions)
    answer = await desk.ask("POST", "/servers", json=await _body(desk, **fields))
    assert answer.status_code == 422
    body = error_of(answer)
    assert body["message"] == "Validation failed."
    assert body["errors"].keys() == errors.keys()
    assert all(texts is None or body["errors"][field] == texts for field, texts in errors.items())
    assert await row_counts(desk.sessions) == before


async def test_ip_and_key_are_required(desk: Desk) -> None:
    answer = await desk.ask("POST", "/servers", json={})
    missing = ["This field is required."]
    assert error_of(answer) == {
        "message": "Validation failed.",
        "errors": {"ip": missing, "private_key_uuid": missing},
    }


async def test_an_address_belongs_to_one_server_of_the_team(desk: Desk) -> None:
    first = await _create(desk, ip="Host.Example")
    taken = {"message": "A server with this IP/Domain is already in use."}
    answer = await desk.ask("POST", "/servers", json=await _body(desk, ip="host.example"))
    assert (answer.status_code, error_of(answer)) == (400, taken)
    second = await _create(desk, ip="host.example", port=2222)
    answer = await desk.ask("PATCH", f"/servers/{second}", json={"port": 22})
    assert (answer.status_code, error_of(answer)) == (400, taken)
    assert (await desk.ask("DELETE", f"/servers/{first}")).status_code == 200
    assert (await desk.ask("PATCH", f"/servers/{second}", json={"port": 22})).status_code == 201


async def test_a_key_of_another_team_is_an_unknown_one(desk: Desk) -> None:
    mine = await _body(desk)
    for caller, key in (("other", mine["private_key_uuid"]), ("root", UNKNOWN_UUID)):
        answer = await desk.ask("POST", "/servers", by=caller, json={**mine, "private_key_uuid": key})
        assert (answer.status_code, error_of(answer)) == (404, {"message": "Private key not found."})
    answer = await desk.ask("PATCH", f"/servers/{desk.place.server.uuid}", json={"private_key_uuid": UNKNOWN_UUID})
    assert (answer.status_code, error_of(answer)) == (404, {"message": "Private key not found."})


@pytest.mark.parametrize("is_deleted", [False, True], ids=["alive", "being-deleted"])
async def test_a_server_with_resources_is_not_deleted(desk: Desk, is_deleted: bool) -> None:
    async with desk.sessions.begin() as session:
        database = await create_database(session, desk.place)
        database.deleted_at = database.created_at if is_deleted else None
    answer = await desk.ask("DELETE", f"/servers/{desk.place.server.uuid}", by="write")
    assert answer.status_code == 400
    assert error_of(answer) == {"message": "Server has resources, so it cannot be deleted: delete them first."}
    assert (await _read(desk, desk.place.server.uuid))["name"] == "server"


async def test_a_deleted_server_is_gone(desk: Desk) -> None:
    answer = await desk.ask("DELETE", f"/servers/{desk.place.server.uuid}", by="write")
    assert (answer.status_code, answer.json()) == (200, {"message": "Server deleted."})
    assert (await desk.ask("GET", "/servers")).json() == []
    again = await desk.ask("DELETE", f"/servers/{desk.place.server.uuid}")
    assert (again.status_code, error_of(again)) == (404, NOT_FOUND)
    async with desk.sessions() as session:
        assert await load_access(session, desk.place.server.id) is None


async def test_the_list_has_the_servers_of_the_team_oldest_first(desk: Desk) -> None:
    uuid = await _create(desk)
    listed = (await desk.ask("GET", "/servers", by="read")).json()
    assert listed == [await _read(desk, desk.place.server.uuid), await _read(desk, uuid)]
    assert (await desk.ask("GET", "/servers", by="other")).json() == []


async def test_the_resources_of_a_server_are_of_every_kind(desk: Desk) -> None:
    async with desk.sessions.begin() as session:
        service = await create_service(session, desk.place)
        database = await create_database(session, desk.place, status="running:healthy")
        await create_database(session, desk.place, deleted_at=service.created_at)
    rows = (await desk.ask("GET", f"/servers/{desk.place.server.uuid}/resources", by="read")).json()
    for row in rows:
        assert row.pop("created_at").endswith("Z")
        assert row.pop("updated_at").endswith("Z")
    assert rows == [
        {"uuid": service.uuid, "name": "shop", "type": "service", "status": "exited"},
        {"uuid": database.uuid, "name": "store", "type": "standalone-postgresql", "status": "running:healthy"},
    ]


async def _jobs(redis_url: str) -> int:
    client = Redis.from_url(redis_url)
    try:
        return int(await client.zcard(QUEUE_NAME))
    finally:
        await client.aclose()


async def test_validate_wakes_a_worker(desk: Desk, redis_url: str) -> None:
    path = f"/servers/{desk.place.server.uuid}/validate"
    started = {"message": "Validation started."}
    accepting = {"accept_new_host_key": True, "install": False}
    asked: tuple[dict[str, Any], ...] = ({}, {"json": accepting}, {"json": {}})
    for arguments in asked:
        answer = await desk.ask("POST", path, by="write", **arguments)
        assert (answer.status_code, answer.json()) == (201, started)
    assert await _jobs(redis_url) == 3
    answer = await desk.ask("POST", f"{path}?accept_new_host_key=true")
    assert (answer.status_code, answer.json()) == (201, started)
    await _create(desk, instant_validate=True)
    await desk.ask("PATCH", f"/servers/{desk.place.server.uuid}", json={"instant_validate": True})
    assert await _jobs(redis_url) == 6


async def test_a_refused_request_wakes_nobody(desk: Desk, redis_url: str) -> None:
    await _create(desk)
    for body in (await _body(desk, instant_validate=True), {}):
        assert (await desk.ask("POST", "/servers", json=body)).status_code in {400, 422}
    path = f"/servers/{desk.place.server.uuid}/validate"
    assert (await desk.ask("POST", path, json={"install": True})).status_code == 422
    assert await _jobs(redis_url) == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"name": "mine"}),
        ("DELETE", "", None),
        ("GET", "/resources", None),
        ("POST", "/validate", None),
    ],
)
async def test_another_teams_server_is_an_unknown_one(desk: Desk, method: str, path: str, body: Any) -> None:
    for caller, uuid in (("other", desk.place.server.uuid), ("root", UNKNOWN_UUID)):
        answer = await desk.ask(method, f"/servers/{uuid}{path}", by=caller, json=body)
        assert (answer.status_code, error_of(answer)) == (404, NOT_FOUND)
    assert (await _read(desk, desk.place.server.uuid))["name"] == "server"


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PATCH", "/x"), ("DELETE", "/x"), ("POST", "/x/validate")])
async def test_changes_need_write(desk: Desk, method: str, path: str) -> None:
    answer = await desk.ask(method, f"/servers{path}", by="read", json={})
    assert (answer.status_code, error_of(answer)) == (403, {"message": "Missing required permissions: write"})
