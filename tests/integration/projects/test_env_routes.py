"""The `/envs` routes of services and databases: whole bodies, who sees values, teams, and everything that is refused."""

from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from tests.deploying import create_database, create_service
from tests.desk import UNKNOWN_UUID, Desk, error_of, row_counts

NO_VARIABLE = {"message": "Environment variable not found."}


@dataclass(frozen=True)
class Resource:
    """A service or a database, and the path of its variables."""

    noun: str
    uuid: str

    @property
    def path(self) -> str:
        return f"/{self.noun}s/{self.uuid}/envs"


@pytest_asyncio.fixture(params=["service", "database"])
async def resource(request: pytest.FixtureRequest, desk: Desk) -> Resource:
    create = create_service if request.param == "service" else create_database
    async with desk.sessions.begin() as session:
        row = await create(session, desk.place)
    return Resource(request.param, row.uuid)


async def _create(desk: Desk, resource: Resource, **fields: Any) -> dict[str, Any]:
    answer = await desk.ask("POST", resource.path, json={"key": "KEY", "value": "value", **fields})
    assert answer.status_code == 201, answer.text
    return _without_times(answer.json())


async def _list(desk: Desk, resource: Resource, by: str = "sensitive") -> list[dict[str, Any]]:
    answer = await desk.ask("GET", resource.path, by=by)
    assert answer.status_code == 200
    return [_without_times(row) for row in answer.json()]


def _without_times(body: dict[str, Any]) -> dict[str, Any]:
    assert body.pop("created_at").endswith("Z")
    assert body.pop("updated_at").endswith("Z")
    return body


async def test_a_variable_is_created_and_listed(desk: Desk, resource: Resource) -> None:
    value = ' it\'s "a"\n\tb; $(id) ${X} 🚢 '
    created = await _create(desk, resource, key="my key.1", value=value, comment="why", is_literal=True)
    hidden = {
        "uuid": created["uuid"],
        "key": "my_key.1",
        "comment": "why",
        "is_literal": True,
        "is_multiline": False,
        "is_shown_once": False,
    }
    assert created == {**hidden, "value": value}
    assert await _list(desk, resource) == [created]
    assert await _list(desk, resource, "read") == [hidden]
    async with desk.sessions() as session:
        assert "🚢" not in (await session.execute(text("SELECT value FROM environment_variables"))).scalar_one()


async def test_a_writer_is_not_shown_values(desk: Desk, resource: Resource) -> None:
    for method, path, body in (
        ("POST", "", {"key": "A", "value": "secret"}),
        ("PATCH", "", {"key": "A", "value": "secret2"}),
        ("PATCH", "/bulk", {"data": [{"key": "A", "value": "secret3"}]}),
    ):
        answer = await desk.ask(method, f"{resource.path}{path}", json=body, by="write")
        assert answer.status_code == 201
        assert "secret" not in answer.text


async def test_a_locked_value_is_shown_to_nobody(desk: Desk, resource: Resource) -> None:
    assert "value" not in await _create(desk, resource, is_shown_once=True)
    assert ["value" in row for row in await _list(desk, resource, "root")] == [False]
    changed = await desk.ask("PATCH", resource.path, json={"key": "KEY", "value": "new"})
    assert (changed.status_code, "value" in changed.json()) == (201, False)


async def test_unlocking_needs_a_new_value(desk: Desk, resource: Resource) -> None:
    await _create(desk, resource, is_shown_once=True)
    refused = ["A locked variable can only be unlocked together with a new value."]
    unlock = {"key": "KEY", "is_shown_once": False}
    answer = await desk.ask("PATCH", resource.path, json=unlock)
    assert (answer.status_code, error_of(answer)["errors"]) == (422, {"is_shown_once": refused})
    answer = await desk.ask("PATCH", f"{resource.path}/bulk", json={"data": [{"key": "A"}, unlock]})
    assert (answer.status_code, error_of(answer)["errors"]) == (422, {"data.1.is_shown_once": refused})
    assert [row["key"] for row in await _list(desk, resource)] == ["KEY"]
    answer = await desk.ask("PATCH", resource.path, json={**unlock, "value": "new"})
    assert (answer.status_code, answer.json()["value"]) == (201, "new")


async def test_a_key_is_there_once(desk: Desk, resource: Resource) -> None:
    await _create(desk, resource)
    answer = await desk.ask("POST", resource.path, json={"key": " KEY "})
    assert answer.status_code == 409
    message = "Environment variable already exists. Use PATCH request to update it."
    assert error_of(answer) == {"message": message}


async def test_only_what_is_named_changes(desk: Desk, resource: Resource) -> None:
    created = await _create(desk, resource, comment="why", is_multiline=True)
    answer = await desk.ask("PATCH", resource.path, json={"key": "KEY", "value": "new", "is_literal": None})
    assert (answer.status_code, _without_times(answer.json())) == (201, {**created, "value": "new"})
    answer = await desk.ask("PATCH", resource.path, json={"key": "KEY", "comment": None, "is_literal": True})
    expected = {**created, "value": "new", "comment": None, "is_literal": True}
    assert (answer.status_code, _without_times(answer.json())) == (201, expected)
    assert await _list(desk, resource) == [expected]


async def test_bulk_creates_and_changes(desk: Desk, resource: Resource) -> None:
    created = await _create(desk, resource, comment="why")
    data = [
        {"key": "NEW", "value": "1", "is_literal": True},
        {"key": "KEY", "value": "changed"},
        {"key": "EMPTY"},
        {"key": "NEW", "value": "2"},
    ]
    answer = await desk.ask("PATCH", f"{resource.path}/bulk", json={"data": data})
    assert answer.status_code == 201
    rows = [_without_times(row) for row in answer.json()]
    assert [(row["key"], row["value"], row["is_literal"]) for row in rows] == [
        ("NEW", "2", True),
        ("KEY", "changed", False),
        ("EMPTY", None, False),
    ]
    assert rows[1] == {**created, "value": "changed"}
    assert await _list(desk, resource) == [rows[1], rows[0], rows[2]]


@pytest.mark.parametrize("body", [{}, {"data": []}, {"data": None}])
async def test_bulk_needs_data(desk: Desk, resource: Resource, body: Any) -> None:
    answer = await desk.ask("PATCH", f"{resource.path}/bulk", json=body)
    assert (answer.status_code, error_of(answer)) == (400, {"message": "Bulk data is required."})


async def test_a_deleted_variable_is_gone(desk: Desk, resource: Resource) -> None:
    created = await _create(desk, resource)
    path = f"{resource.path}/{created['uuid']}"
    answer = await desk.ask("DELETE", path, by="write")
    assert (answer.status_code, answer.json()) == (200, {"message": "Environment variable deleted."})
    answer = await desk.ask("DELETE", path)
    assert (answer.status_code, error_of(answer)) == (404, NO_VARIABLE)
    answer = await desk.ask("PATCH", resource.path, json={"key": "KEY", "value": "x"})
    assert (answer.status_code, error_of(answer)) == (404, NO_VARIABLE)
    assert await _list(desk, resource) == []


async def test_a_variable_of_another_resource_is_an_unknown_one(desk: Desk, resource: Resource) -> None:
    created = await _create(desk, resource)
    async with desk.sessions.begin() as session:
        second = await (create_service if resource.noun == "service" else create_database)(session, desk.place)
    answer = await desk.ask("DELETE", f"/{resource.noun}s/{second.uuid}/envs/{created['uuid']}")
    assert (answer.status_code, error_of(answer)) == (404, NO_VARIABLE)
    assert await _list(desk, resource) == [created]


KEY_RULE = (
    "A key has letters, digits, dots and underscores, does not begin with a digit or a dot, "
    "and has at most 255 characters."
)


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"value": "x"}, {"key": ["This field is required."]}),
        ({"key": ""}, {"key": [KEY_RULE]}),
        ({"key": "1A"}, {"key": [KEY_RULE]}),
        ({"key": "A-B"}, {"key": [KEY_RULE]}),
        ({"key": "A=B"}, {"key": [KEY_RULE]}),
        ({"key": "A\nB"}, {"key": [KEY_RULE]}),
        ({"key": "Ä"}, {"key": [KEY_RULE]}),
        ({"key": "A" * 256}, {"key": [KEY_RULE]}),
        ({"key": "A", "value": "a\0b"}, {"value": ["A value may not have NUL characters."]}),
        ({"key": "A", "value": "ü" * 32769}, {"value": ["A value may have at most 65536 bytes."]}),
        ({"key": "A", "comment": "x" * 257}, {"comment": ["A comment may have at most 256 characters and no NUL."]}),
        ({"key": "A", "is_preview": True}, {"is_preview": ["This field is not allowed."]}),
    ],
)
async def test_bad_input_is_refused_and_leaves_nothing(
    desk: Desk, resource: Resource, body: dict[str, Any], errors: dict[str, Any]
) -> None:
    before = await row_counts(desk.sessions)
    answer = await desk.ask("POST", resource.path, json=body)
    assert (answer.status_code, error_of(answer)) == (422, {"message": "Validation failed.", "errors": errors})
    answer = await desk.ask("PATCH", f"{resource.path}/bulk", json={"data": [{"key": "OK"}, body]})
    in_bulk = {f"data.1.{field}": texts for field, texts in errors.items()}
    assert (answer.status_code, error_of(answer)) == (422, {"message": "Validation failed.", "errors": in_bulk})
    assert await row_counts(desk.sessions) == before


async def test_half_a_character_is_refused(desk: Desk, resource: Resource) -> None:
    body = b'{"key": "A", "value": "\\ud83d"}'
    answer = await desk.ask("POST", resource.path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, error_of(answer)["errors"].keys()) == (422, {"value"})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("POST", "", {"key": "A"}),
        ("PATCH", "", {"key": "KEY", "value": "mine"}),
        ("PATCH", "/bulk", {"data": [{"key": "KEY", "value": "mine"}]}),
        ("DELETE", "/{variable}", None),
    ],
)
async def test_another_teams_resource_is_an_unknown_one(
    desk: Desk, resource: Resource, method: str, path: str, body: Any
) -> None:
    created = await _create(desk, resource)
    for caller, uuid in (("other", resource.uuid), ("root", UNKNOWN_UUID)):
        asked = f"/{resource.noun}s/{uuid}/envs{path.format(variable=created['uuid'])}"
        answer = await desk.ask(method, asked, by=caller, json=body)
        assert (answer.status_code, error_of(answer)) == (
            404,
            {"message": f"{resource.noun.capitalize()} not found."},
        )
    assert await _list(desk, resource) == [created]


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PATCH", ""), ("PATCH", "/bulk"), ("DELETE", "/x")])
async def test_changes_need_write(desk: Desk, resource: Resource, method: str, path: str) -> None:
    answer = await desk.ask(method, f"{resource.path}{path}", by="read", json={"key": "A"})
    assert (answer.status_code, error_of(answer)) == (403, {"message": "Missing required permissions: write"})
