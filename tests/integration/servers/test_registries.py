"""Registry logins over the API: whole bodies, the password hidden, teams, and everything that is refused."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.desk import UNKNOWN_UUID, Desk, error_of, row_counts

LOGIN = {"registry_host": "Registry.Example.com:5000", "username": "robot$shop", "password": 'p"; $(id)\nü'}
NOT_FOUND = {"message": "Registry login not found."}


async def _create(desk: Desk, **fields: Any) -> str:
    answer = await desk.ask("POST", "/registries", json={**LOGIN, **fields}, by="write")
    assert answer.status_code == 201, answer.text
    body: dict[str, str] = answer.json()
    assert body.keys() == {"uuid"}
    return body["uuid"]


async def _read(desk: Desk, uuid: str, by: str = "sensitive") -> dict[str, Any]:
    body: dict[str, Any] = (await desk.ask("GET", f"/registries/{uuid}", by=by)).json()
    assert body.pop("created_at").endswith("Z")
    assert body.pop("updated_at").endswith("Z")
    return body


async def test_a_login_is_created_and_its_password_hidden(desk: Desk) -> None:
    uuid = await _create(desk)
    expected = {"uuid": uuid, "registry_host": "registry.example.com:5000", "username": "robot$shop"}
    assert await _read(desk, uuid, "read") == expected
    assert await _read(desk, uuid) == {**expected, "password": LOGIN["password"]}
    listed = (await desk.ask("GET", "/registries", by="read")).json()
    assert [set(row) for row in listed] == [{*expected, "created_at", "updated_at"}]
    assert (await desk.ask("GET", "/registries", by="other")).json() == []
    async with desk.sessions() as session:
        assert "$(id)" not in (await session.execute(text("SELECT password FROM registry_credentials"))).scalar_one()


async def test_only_what_is_named_changes(desk: Desk) -> None:
    uuid = await _create(desk)
    answer = await desk.ask("PATCH", f"/registries/{uuid}", json={"password": "new", "username": None}, by="write")
    assert (answer.status_code, answer.json()) == (200, {"uuid": uuid})
    assert await _read(desk, uuid) == {
        "uuid": uuid,
        "registry_host": "registry.example.com:5000",
        "username": "robot$shop",
        "password": "new",
    }


async def test_one_login_a_registry(desk: Desk) -> None:
    taken = {"message": "A login for this registry already exists. Use PATCH request to update it."}
    await _create(desk)
    answer = await desk.ask("POST", "/registries", json=LOGIN)
    assert (answer.status_code, error_of(answer)) == (409, taken)
    other = await _create(desk, registry_host="ghcr.io")
    answer = await desk.ask("PATCH", f"/registries/{other}", json={"registry_host": LOGIN["registry_host"]})
    assert (answer.status_code, error_of(answer)) == (409, taken)


async def test_a_deleted_login_is_gone(desk: Desk) -> None:
    uuid = await _create(desk)
    answer = await desk.ask("DELETE", f"/registries/{uuid}", by="write")
    assert (answer.status_code, answer.json()) == (200, {"message": "Registry login deleted."})
    answer = await desk.ask("GET", f"/registries/{uuid}")
    assert (answer.status_code, error_of(answer)) == (404, NOT_FOUND)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"registry_host": "https://ghcr.io"}, "registry_host"),
        ({"registry_host": "ghcr.io/shop"}, "registry_host"),
        ({"registry_host": "ghcr.io:0"}, "registry_host"),
        ({"registry_host": "ghcr.io:70000"}, "registry_host"),
        ({"registry_host": ""}, "registry_host"),
        ({"username": "a:b"}, "username"),
        ({"username": "a\nb"}, "username"),
        ({"password": ""}, "password"),
        ({"password": "a\0b"}, "password"),
        ({"email": "x"}, "email"),
    ],
)
async def test_bad_input_is_refused_and_leaves_nothing(desk: Desk, fields: dict[str, Any], field: str) -> None:
    before = await row_counts(desk.sessions)
    answer = await desk.ask("POST", "/registries", json={**LOGIN, **fields})
    assert answer.status_code == 422
    assert error_of(answer)["errors"].keys() == {field}
    assert await row_counts(desk.sessions) == before


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PATCH", {"username": "mine"}), ("DELETE", None)])
async def test_another_teams_login_is_an_unknown_one(desk: Desk, method: str, body: Any) -> None:
    uuid = await _create(desk)
    for caller, asked in (("other", uuid), ("root", UNKNOWN_UUID)):
        answer = await desk.ask(method, f"/registries/{asked}", by=caller, json=body)
        assert (answer.status_code, error_of(answer)) == (404, NOT_FOUND)
    assert (await _read(desk, uuid))["username"] == LOGIN["username"]
