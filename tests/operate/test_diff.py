"""What changed since an earlier deployment: as structure, as text, and never a secret, however it is written."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest_asyncio
from fastapi import FastAPI

from app.cli import remote
from app.cli.client import Api
from app.cli.resources import changes
from app.kit.redaction import REDACTED
from app.postgres import Sessions
from tests.desk import UNKNOWN_UUID, Desk, error_of, open_desk
from tests.fixtures.api import MakeToken
from tests.integration.cli.terminal import Terminal
from tests.operate.deployed import add_service, deploy, encoded, image, right, set_variables

KEY = "-----BEGIN PRIVATE KEY-----\nMIIB{}VgIBADANBgkqhkiG9w0BAQEFAASCAUAw\n-----END PRIVATE KEY-----"
COMPOSE = """services:
  web:
    image: registry.example/web:{tag}
    environment:
      LEVEL: {level}
      API_TOKEN: {secret}-literal
      PIN_PASSWORD: "{pin}"
      DSN: postgres://u:{secret}-url@db/x
  {other}:
    image: registry.example/other:1
"""
BEFORE = COMPOSE.format(tag=1, level="info", secret="s3cret-then", pin="12", other="old")
AFTER = COMPOSE.format(tag=2, level="debug", secret="s3cret-now", pin="34", other="new")
# Too short to be searched for, parts of a key, and everything that says so.
SECRETS = ("s3cret", '"12"', '"34"', "MIIB", "tiny")


@pytest_asyncio.fixture
async def desk(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> Desk:
    return await open_desk(api, sessions, make_token)


async def _two(desk: Desk) -> tuple[str, str, str]:
    """Make a service, deploy it, change everything, deploy it again; return its uuid and those of the deployments."""
    uuid = await add_service(
        desk, BEFORE, MODE="slow", SAME="same", LOCKED=["s3cret-then"], SIGNING=KEY.format("a"), MY_PASSWORD="tiny"
    )
    first = await deploy(desk, uuid, {"web": image("web:1", "a"), "old": image("other:1", "b")})
    body = {"name": "store", "docker_compose_raw": encoded(AFTER)}
    await right(desk, "PATCH", f"/services/{uuid}", json=body)
    changed = {
        "MODE": "fast",
        "LOCKED": ["s3cret-now"],
        "SIGNING": KEY.format("b"),
        "MY_PASSWORD": "tiny2",
        "MADE": "y",
    }
    await set_variables(desk, f"/services/{uuid}", **changed)
    second = await deploy(desk, uuid, {"web": image("web:2", "c"), "new": image("other:1", "b")})
    return uuid, first, second


def _names(changes: list[dict[str, Any]]) -> dict[str, str]:
    return {one["name"]: one["change"] for one in changes}


async def test_what_changed_as_structure_and_as_text(desk: Desk) -> None:
    _, first, second = await _two(desk)

    diff = await right(desk, "GET", f"/deployments/services/deployment/{second}/diff")

    assert (diff["deployment_uuid"], diff["against"], diff["is_same"], diff["notes"]) == (second, first, False, [])
    assert diff["fields"] == [
        {"name": "name", "change": "changed", "is_secret": False, "before": "shop", "after": "store"}
    ]
    values = {one["name"]: (one["change"], one["before"], one["after"], one["is_secret"]) for one in diff["variables"]}
    assert values.pop("SIGNING")[0] == "changed"
    assert values == {
        "MODE": ("changed", "slow", "fast", False),
        "MADE": ("added", None, "y", False),
        "LOCKED": ("changed", None, None, True),
        "MY_PASSWORD": ("changed", None, None, True),
    }
    assert _names(diff["compose_services"]) == {"web": "changed", "old": "removed", "new": "added"}
    assert _names(diff["images"]) == {"web": "changed", "old": "removed", "new": "added"}
    web = next(one for one in diff["images"] if one["name"] == "web")
    assert (web["before"]["digest"][-3:], web["after"]["digest"][-3:]) == ("aaa", "ccc")
    lines = diff["text"].splitlines()
    assert f"--- docker-compose.yml\t{first}" in lines
    assert {"-      LEVEL: info", "+      LEVEL: debug", f"       API_TOKEN: {REDACTED}"} <= set(lines)
    assert not [secret for secret in SECRETS if secret in json.dumps(diff)]


async def test_a_secret_is_changed_or_not_and_equal_text_says_which(desk: Desk) -> None:
    uuid = await add_service(desk, BEFORE, API_KEY="s3cret-1")
    first = await deploy(desk, uuid, {})
    same = await deploy(desk, uuid, {})
    await right(desk, "PATCH", f"/services/{uuid}", json={"docker_compose_raw": encoded(BEFORE.replace("12", "34"))})
    other = await deploy(desk, uuid, {})

    assert (await right(desk, "GET", f"/deployments/{same}/diff"))["is_same"] is True
    diff = await right(desk, "GET", f"/deployments/{other}/diff", params={"against": first})
    assert (diff["text"], diff["notes"]) == ("", ["docker-compose.yml differs in secrets alone."])
    assert _names(diff["compose_services"]) == {"web": "changed"}
    assert (diff["is_same"], diff["variables"]) == (False, [])


async def test_of_a_database_the_columns_and_never_its_password(desk: Desk) -> None:
    body = desk.of_resource(name="orders", image="postgres:16-alpine", postgres_password="s3cret-then")
    uuid = (await right(desk, "POST", "/databases/postgresql", json=body))["uuid"]
    await deploy(desk, uuid)
    changed = {"image": "postgres:16.4-alpine", "limits_memory": "512m", "postgres_password": "s3cret-now"}
    await right(desk, "PATCH", f"/databases/{uuid}", json=changed)
    second = await deploy(desk, uuid)

    diff = await right(desk, "GET", f"/deployments/databases/deployment/{second}/diff")

    values = {one["name"]: (one["before"], one["after"], one["is_secret"]) for one in diff["fields"]}
    assert values == {
        "image": ("postgres:16-alpine", "postgres:16.4-alpine", False),
        "limits_memory": ("0", "512m", False),
        "postgres_password": (None, None, True),
    }
    assert '+      "mem_limit": "512m"' in diff["text"].splitlines()
    assert len([note for note in diff["notes"] if note.startswith("Which images")]) == 2
    assert not [secret for secret in SECRETS if secret in json.dumps(diff)]


async def test_the_first_deployment_adds_everything(desk: Desk) -> None:
    uuid = await add_service(desk, BEFORE, MODE="slow")
    await deploy(desk, uuid, status="failed")
    first = await deploy(desk, uuid, {"web": image("web:1", "a")})

    diff = await right(desk, "GET", f"/deployments/{first}/diff")

    assert (diff["against"], _names(diff["variables"]), _names(diff["images"])) == (
        None,
        {"MODE": "added"},
        {"web": "added"},
    )
    assert "+    image: registry.example/web:1" in diff["text"].splitlines()


async def test_another_resource_another_team_and_no_ability_are_refused(desk: Desk) -> None:
    uuid = await add_service(desk, BEFORE)
    mine = await deploy(desk, uuid)
    other = await deploy(desk, await add_service(desk, AFTER))
    path = f"/deployments/{mine}/diff"
    for by, against, status, error in (
        ("root", other, 422, {"against": ["This is a deployment of another resource."]}),
        ("root", UNKNOWN_UUID, 404, None),
        ("other", mine, 404, None),
        ("read", mine, 403, None),
    ):
        answer = await desk.ask("GET", path, by=by, params={"against": against})
        assert (answer.status_code, answer.json().get("errors")) == (status, error), by
    wrong_kind = await desk.ask("GET", f"/deployments/databases/deployment/{mine}/diff")
    assert (wrong_kind.status_code, error_of(wrong_kind)["message"]) == (404, "Deployment not found.")


@pytest_asyncio.fixture
async def terminal(desk: Desk, _application: FastAPI) -> AsyncIterator[Terminal]:
    transport = httpx.ASGITransport(_application)
    async with Api("http://api.test", desk.tokens["root"].plain, transport=transport) as client:
        yield Terminal(client)


async def test_the_commands_say_the_same(desk: Desk, terminal: Terminal) -> None:
    uuid, first, second = await _two(desk)
    diff = (await terminal.run(changes.show_diff, deployment="store", against=None)).splitlines()
    assert diff[0] == f"Deployment {second} against {first}."
    assert {"  ~ name: shop → store", "  ~ MODE: slow → fast", "  ~ LOCKED (secret)", "  + MADE: y"} <= set(diff)
    assert "+    image: registry.example/web:2" in diff
    assert (await terminal.json(changes.show_diff, deployment=second, against=first))["against"] == first
    plan = (await terminal.run(changes.show_plan, resource="store", with_files=True)).splitlines()
    assert {"Nothing changed.", "── shiplog.override.json 0600", "── Pull images"} <= set(plan)
    rolled = (await terminal.run(remote.roll_back, deployment=first, following=False)).splitlines()
    assert rolled[0] == "Service rollback request queued."
    assert rolled[2].startswith(f"Rolling back to the deployment {first} of ")
    await set_variables(desk, f"/services/{uuid}", COMPOSE_FILE="x")
    code, printed = await terminal.ended(changes.show_plan, resource="store", with_files=False)
    assert (code, printed[:14]) == (1, "It would fail:")
