"""A dry run: what a deployment would change, bring and do, without any secret, and without anything being done."""

import json

import httpx
import pytest_asyncio

from app.kit.redaction import REDACTED
from app.postgres import Sessions
from tests.desk import UNKNOWN_UUID, Desk, open_desk, row_counts
from tests.fixtures.api import MakeToken
from tests.operate.deployed import add_service, deploy, encoded, right, set_variables

COMPOSE = "services:\n  web:\n    image: registry.example/web:1\n    environment:\n      MY_PASSWORD: tiny\n"


@pytest_asyncio.fixture
async def desk(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> Desk:
    return await open_desk(api, sessions, make_token)


async def test_a_service_that_was_changed(desk: Desk) -> None:
    uuid = await add_service(desk, COMPOSE, LEVEL="info", API_TOKEN="abc", LOCKED=["s3cret-locked"])
    login = {"registry_host": "registry.example", "username": "u", "password": "s3cret-login"}
    await right(desk, "POST", "/registries", json=login)
    last = await deploy(desk, uuid)
    await right(
        desk, "PATCH", f"/services/{uuid}", json={"docker_compose_raw": encoded(COMPOSE.replace("web:1", "web:2"))}
    )
    await set_variables(desk, f"/services/{uuid}", LEVEL="debug")
    before = await row_counts(desk.sessions)

    plan = await right(desk, "GET", f"/services/{uuid}/plan", params={"pull_latest_images": True})

    assert (plan["kind"], plan["resource_uuid"], plan["against"], plan["problem"]) == ("service", uuid, last, None)
    assert [(one["name"], one["before"], one["after"]) for one in plan["changes"]["variables"]] == [
        ("LEVEL", "info", "debug")
    ]
    assert "+    image: registry.example/web:2" in plan["changes"]["text"].splitlines()
    files = {file["path"]: file for file in plan["files"]}
    assert set(files) == {"docker-compose.yml", "shiplog.override.json", ".env", "verify.sh", "config.json"}
    assert files[".env"]["content"].splitlines() == [
        'LEVEL="debug"',
        f'API_TOKEN="{REDACTED}"',
        f'LOCKED="{REDACTED}"',
    ]
    assert f"MY_PASSWORD: {REDACTED}" in files["docker-compose.yml"]["content"]
    steps = {step["name"]: step["command"] for step in plan["steps"]}
    assert list(steps)[:2] == ["Check Docker", "Prepare files"]
    assert steps["Pull images"].endswith("-f docker-compose.yml -f shiplog.override.json pull")
    whole = json.dumps(plan)
    assert not [secret for secret in ("tiny", "abc", "s3cret") if secret in whole]
    assert await row_counts(desk.sessions) == before


async def test_a_database_with_a_certificate_makes_none(desk: Desk) -> None:
    body = desk.of_resource(name="orders", image="postgres:17-alpine", postgres_password="s3cret-pass", enable_ssl=True)
    uuid = (await right(desk, "POST", "/databases/postgresql", json=body))["uuid"]
    before = await row_counts(desk.sessions)

    plan = await right(desk, "GET", f"/databases/{uuid}/plan")

    assert (plan["against"], plan["problem"], plan["changes"]["notes"]) == (None, None, [])
    assert "server.key" in {file["path"] for file in plan["files"]}
    assert "Set up TLS" in {step["name"] for step in plan["steps"]}
    assert "s3cret" not in json.dumps(plan)
    assert await row_counts(desk.sessions) == before


async def test_what_would_fail_says_why(desk: Desk) -> None:
    uuid = await add_service(desk, COMPOSE, COMPOSE_FILE="x")
    plan = await right(desk, "GET", f"/services/{uuid}/plan")
    reason = "The environment variable COMPOSE_FILE is set by Shiplog: remove it, then deploy again."
    assert (plan["problem"], plan["steps"], plan["changes"]["notes"]) == (
        reason,
        [],
        [f"the next deployment cannot be rendered: {reason}"],
    )
    body = desk.of_resource(name="orders", image="postgres:16-alpine")
    database = (await right(desk, "POST", "/databases/postgresql", json=body))["uuid"]
    await deploy(desk, database)
    await right(desk, "PATCH", f"/databases/{database}", json={"image": "postgres:17-alpine"})
    plan = await right(desk, "GET", f"/databases/{database}/plan")
    assert plan["problem"].startswith("The data of this database were written by postgres:16-alpine")


async def test_who_may_not_see_it_does_not(desk: Desk) -> None:
    path = f"/services/{await add_service(desk, COMPOSE)}/plan"
    answers = [(await desk.ask("GET", path, by=by)).status_code for by in ("sensitive", "read", "other")]
    assert answers == [200, 403, 404]
    assert (await desk.ask("GET", f"/databases/{UNKNOWN_UUID}/plan")).status_code == 404
