"""Who did what is written down once for each change and each look at a secret, can only be added to, and holds none."""

import csv
import io
import json
from typing import Any

import httpx
import pytest
import pytest_asyncio
import structlog
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from app.audit.recording import SECRET_READS
from app.models import ApiToken, AuditEvent
from app.openapi import FILE
from app.postgres import Sessions
from tests.deploying import create_database, create_service
from tests.desk import UNKNOWN_UUID, Desk, open_desk
from tests.fixtures.api import MakeToken


@pytest_asyncio.fixture
async def desk(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> Desk:
    return await open_desk(api, sessions, make_token)


async def _events(desk: Desk) -> list[AuditEvent]:
    async with desk.sessions() as session:
        return list((await session.execute(select(AuditEvent).order_by(AuditEvent.id))).scalars())


async def test_a_change_is_written_down_with_who_what_whence_and_outcome(desk: Desk) -> None:
    made = await desk.ask(
        "POST", "/registries", json={"registry_host": "r.example", "username": "u", "password": "hush"}
    )
    uuid = made.json()["uuid"]
    refused = await desk.ask("PATCH", f"/registries/{uuid}?q=hush", by="read", json={"password": "hush"})
    assert refused.status_code == 403
    assert (await desk.ask("DELETE", f"/registries/{UNKNOWN_UUID}")).status_code == 404
    first, second, third = await _events(desk)
    root = desk.tokens["root"]
    assert (first.team_id, first.token_id, first.user_id) == (root.team_id, root.id, root.user_id)
    assert (first.token_name, first.user_name, first.client) == ("test", "Ada", "127.0.0.1")
    assert (first.operation_id, first.method, first.path) == ("create-registry", "POST", "/api/v1/registries")
    assert (first.resource_uuids, first.status_code) == ([uuid], 201)
    assert first.request_id == made.headers["x-request-id"]
    assert (second.operation_id, second.token_id, second.status_code) == (
        "update-registry-by-uuid",
        desk.tokens["read"].id,
        403,
    )
    assert (second.path, second.resource_uuids) == (f"/api/v1/registries/{uuid}", [uuid])
    assert (third.status_code, third.resource_uuids) == (404, [UNKNOWN_UUID])
    assert "hush" not in str([vars(event) for event in (first, second, third)])


async def test_a_deployment_names_what_is_deployed_and_the_deployment(desk: Desk) -> None:
    async with desk.sessions.begin() as session:
        service = await create_service(session, desk.place)
        database = await create_database(session, desk.place)
    asked = await desk.ask("POST", f"/deploy?uuid={service.uuid},{database.uuid}")
    started = [one["deployment_uuid"] for one in asked.json()["deployments"]]
    (event,) = await _events(desk)
    assert event.operation_id == "deploy-by-tag-or-uuid"
    assert set(event.resource_uuids) == {service.uuid, database.uuid, *started}


async def test_a_look_at_a_secret_is_written_down_only_for_who_sees_it(desk: Desk) -> None:
    await desk.ask("POST", "/registries", json={"registry_host": "r.example", "username": "u", "password": "hush"})
    for who in ("read", "sensitive", "root"):
        await desk.ask("GET", "/registries", by=who)
        await desk.ask("GET", "/projects", by=who)
        await desk.ask("GET", f"/registries/{UNKNOWN_UUID}", by=who)
    _, *looks = await _events(desk)
    assert [(look.operation_id, look.token_id) for look in looks] == [
        ("list-registries", desk.tokens["sensitive"].id),
        ("list-registries", desk.tokens["root"].id),
    ]


async def test_without_a_good_token_there_is_no_row(desk: Desk) -> None:
    assert (await desk.ask("POST", "/projects", by=None, json={"name": "a"})).status_code == 401
    assert (await desk.ask("GET", "/health", by=None)).status_code == 200
    assert await _events(desk) == []


async def test_an_event_that_cannot_be_stored_takes_no_answer_away(desk: Desk) -> None:
    async with desk.sessions.begin() as session:
        await session.execute(text("DROP TABLE audit_events"))
    with structlog.testing.capture_logs() as lines:
        made = await desk.ask("POST", "/projects", json={"name": "a"})
    assert made.status_code == 201
    (line,) = [line for line in lines if line["log_level"] == "error"]
    assert (line["operation_id"], line["resource_uuids"]) == ("create-project", [made.json()["uuid"]])


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_events SET user_name = 'Eve'", "DELETE FROM audit_events", "TRUNCATE audit_events"],
)
async def test_what_is_written_down_stays(desk: Desk, statement: str) -> None:
    await desk.ask("POST", "/projects", json={"name": "a"})
    with pytest.raises(DBAPIError, match="only added"):
        async with desk.sessions.begin() as session:
            await session.execute(text(statement))
    assert [event.user_name for event in await _events(desk)] == ["Ada"]


async def test_retention_may_delete_for_one_transaction(desk: Desk) -> None:
    await desk.ask("POST", "/projects", json={"name": "a"})
    async with desk.sessions.begin() as session:
        await session.execute(text("SET LOCAL shiplog.audit_retention = 'on'"))
        await session.execute(text("DELETE FROM audit_events"))
    assert await _events(desk) == []


async def _make(desk: Desk, count: int) -> None:
    for number in range(count):
        assert (await desk.ask("POST", "/projects", json={"name": f"p{number}"})).status_code == 201


async def test_the_log_is_read_in_pages_by_the_teams_root_alone(desk: Desk) -> None:
    await _make(desk, 3)
    await desk.ask("POST", "/projects", by="other", json={"name": "theirs"})
    seen: list[int] = []
    params: dict[str, Any] = {"take": 2}
    while page := (await desk.ask("GET", "/audit", params=params)).json():
        seen += [event["id"] for event in page]
        params["before"] = seen[-1]
    assert (len(seen), seen) == (3, sorted(seen, reverse=True))
    for who in ("write", "sensitive"):
        assert (await desk.ask("GET", "/audit", by=who)).status_code == 403
    one = (await desk.ask("GET", "/audit", params={"operation_id": "create-project", "take": 1})).json()[0]
    about = (await desk.ask("GET", "/audit", params={"resource_uuid": one["resource_uuids"][0]})).json()
    assert about == [one]
    assert (await desk.ask("GET", "/audit", params={"since": "2999-01-01T00:00:00Z"})).json() == []
    assert len((await desk.ask("GET", "/audit", params={"until": "2999-01-01T00:00:00Z"})).json()) == 3


async def test_the_export_has_every_event_and_no_formula(desk: Desk) -> None:
    async with desk.sessions.begin() as session:
        await session.execute(update(ApiToken).values(name='=HYPERLINK("http://e")'))
    await _make(desk, 2)
    lines = (await desk.ask("GET", "/audit/export")).text.splitlines()
    assert [json.loads(line)["operation_id"] for line in lines] == ["create-project"] * 2
    answer = await desk.ask("GET", "/audit/export", params={"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["token_name"] for row in rows] == ['\'=HYPERLINK("http://e")'] * 2
    assert [row["id"] for row in rows] == [str(json.loads(line)["id"]) for line in lines]


def test_every_read_that_shows_stored_secrets_is_named() -> None:
    document = json.loads(FILE.read_text(encoding="utf-8"))
    schemas = document["components"]["schemas"]

    def secret_fields(part: Any, seen: set[str]) -> set[str]:
        if isinstance(part, list):
            return set().union(*(secret_fields(one, seen) for one in part))
        if not isinstance(part, dict):
            return set()
        name = part.get("$ref", "").rpartition("/")[2]
        fields = set()
        if name and name not in seen:
            seen.add(name)
            fields = secret_fields(schemas[name], seen)
        for field, schema in part.get("properties", {}).items():
            if "read:sensitive" in schema.get("description", ""):
                fields.add(field)
        return fields.union(*(secret_fields(one, seen) for one in part.values()))

    found = {
        methods["get"]["operationId"]
        for methods in document["paths"].values()
        if "get" in methods and secret_fields(methods["get"]["responses"].get("200", {}), set()) - {"logs", "payload"}
    }
    assert found - SECRET_READS == set()
    assert {"get-database-by-uuid", "list-databases"} <= SECRET_READS
