"""Bad input over the whole API in one table: (request, status, whole body). Nothing is changed by any of it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest_asyncio
from sqlalchemy import select, update

from app.kit.clock import utcnow
from app.models import RetentionPolicy, ServerSetting, Team
from app.postgres import Sessions
from app.remote.keys import generate_private_key
from app.settings import Settings
from tests.deploying import create_database, create_deployment, create_service
from tests.desk import UNKNOWN_UUID, Desk, error_of, in_base64, open_desk, row_counts
from tests.fixtures.api import MakeToken
from tests.integration.this_machine import SILENT, ThisMachine, worker_on_this_machine

COMPOSE = "services: {web: {image: 'web:1'}}"


def failed(**errors: str) -> dict[str, Any]:
    return {"message": "Validation failed.", "errors": {name: [text] for name, text in errors.items()}}


def missing(ability: str) -> dict[str, Any]:
    return {"message": f"Missing required permissions: {ability}"}


class Case(NamedTuple):
    """One request: `{service}`, `{database}` … in the path are uuids at the desk; `@resource` in a body its place."""

    what: str
    method: str
    path: str
    status: int
    body: dict[str, Any]
    by: str | None = "root"
    json: Any = None
    content: bytes | None = None
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


UNAUTHENTICATED = {"message": "Unauthenticated."}
NAME_LENGTH = "The name must have 1 to 255 characters, not only blanks."
NAME_CONTROL = "The name may not have line breaks or other control characters."
PASSWORD = (
    "A password has 1 to 128 letters, digits or characters of !@#%^*()_+-=[]{}:,.?/~; "
    "no blanks, quotes, dollar signs or backslashes."
)
PORT = "Input should be less than or equal to 65535."
NOT_YAML = "The Compose file is not valid YAML in line 2: mapping values are not allowed in this context."
JSON_ERROR = {"message": "Invalid request.", "error": "Invalid JSON."}
NAME_IN_ADDRESS = (
    "The name of an environment is part of its address: "
    "it may not have a slash, nor be `.`, `..`, `environments` or `envs`."
)
NO_KEY = (
    "The private key cannot be read: give the whole file, from `-----BEGIN` to `-----END`, in OpenSSH or PEM format."
)
PRIVATE_KEY = generate_private_key()
RESOURCE = "@resource"


def bad_names(method: str, path: str, **body: Any) -> list[Case]:
    """Return a request with each name that nothing can have."""
    bad = {"a newline": ("a\nb", NAME_CONTROL), "10,000 characters": ("x" * 10_000, NAME_LENGTH)}
    return [
        Case(f"a name with {what}", method, path, 422, failed(name=text), json={"name": name, **body})
        for what, (name, text) in bad.items()
    ]


CASES = [
    Case("no token", "GET", "/deployments", 401, UNAUTHENTICATED, by=None),
    Case("wrong token", "GET", "/deployments", 401, UNAUTHENTICATED, by=None, headers={"Authorization": "Bearer 1|no"}),
    Case("not a token", "GET", "/deployments", 401, UNAUTHENTICATED, by=None, headers={"Authorization": "Bearer x"}),
    Case("no token at a deploy", "POST", "/deploy?uuid={service}", 401, UNAUTHENTICATED, by=None),
    Case("another team's service", "GET", "/services/{service}", 404, {"message": "Service not found."}, by="other"),
    Case(
        "another team's history",
        "GET",
        "/deployments/services/{service}",
        404,
        {"message": "Service not found."},
        by="other",
    ),
    Case(
        "another team's deploy",
        "POST",
        "/deploy?uuid={service},{database}",
        404,
        {"message": "No resources found."},
        by="other",
    ),
    Case(
        "another team's start",
        "POST",
        "/databases/{database}/start",
        404,
        {"message": "Database not found."},
        by="other",
    ),
    Case("another team's stop", "POST", "/services/{running}/stop", 404, {"message": "Service not found."}, by="other"),
    Case(
        "another team's cancel",
        "POST",
        "/deployments/{deployment}/cancel",
        404,
        {"message": "Deployment not found."},
        by="other",
    ),
    Case(
        "another team's delete", "DELETE", "/databases/{database}", 404, {"message": "Database not found."}, by="other"
    ),
    Case("read at a deploy", "POST", "/deploy?uuid={service}", 403, missing("deploy"), by="read"),
    Case("write at a deploy", "POST", "/deploy?uuid={service}", 403, missing("deploy"), by="write"),
    Case("deploy at a read", "GET", "/deployments", 403, missing("read"), by="deploy"),
    Case("read at a create", "POST", "/projects", 403, missing("write"), by="read", json={"name": "x"}),
    Case("read at a log", "GET", "/deployments/{deployment}/logs", 403, missing("read:sensitive"), by="read"),
    Case("unknown service", "GET", f"/services/{UNKNOWN_UUID}", 404, {"message": "Service not found."}),
    Case("unknown database", "GET", f"/databases/{UNKNOWN_UUID}", 404, {"message": "Database not found."}),
    Case("unknown deployment", "GET", f"/deployments/{UNKNOWN_UUID}", 404, {"message": "Deployment not found."}),
    Case("unknown uuids at a deploy", "POST", f"/deploy?uuid={UNKNOWN_UUID}", 404, {"message": "No resources found."}),
    Case("a uuid that is none", "GET", "/services/%00'%20OR%201=1", 404, {"message": "Not found."}),
    Case("neither uuid nor tag", "POST", "/deploy", 400, {"message": "You must provide uuid or tag."}),
    Case("uuid and tag", "POST", "/deploy?uuid=a&tag=b", 400, {"message": "You can only use uuid or tag, not both."}),
    Case("no uuid in the list", "POST", "/deploy?uuid=,%20,", 400, {"message": "No UUIDs provided."}),
    Case("unknown tag", "POST", "/deploy?tag=x", 404, {"message": "No resources found with this tag."}),
    Case(
        "unknown parameter", "POST", "/deploy?uuid={service}&forse=1", 422, failed(forse="This field is not allowed.")
    ),
    Case("unrouted", "GET", "/applications", 404, {"message": "Not found.", "docs": "/docs"}),
    Case(
        "GET on an action",
        "GET",
        "/deploy?uuid={service}",
        405,
        {"message": "This endpoint has changed to a POST request."},
    ),
    Case(
        "skip -1",
        "GET",
        "/deployments/services/{service}?skip=-1",
        422,
        failed(skip="Input should be greater than or equal to 0."),
    ),
    Case(
        "take 0",
        "GET",
        "/deployments/databases/{database}?take=0",
        422,
        failed(take="Input should be greater than or equal to 1."),
    ),
    Case(
        "take 1000",
        "GET",
        "/deployments/services/{service}?take=1000",
        422,
        failed(take="Input should be less than or equal to 100."),
    ),
    Case("body not JSON", "POST", "/projects", 400, JSON_ERROR, content=b"{name: x}"),
    Case("half a body", "POST", "/services", 400, JSON_ERROR, content=b'{"name": "x'),
    Case("not UTF-8", "POST", "/projects", 400, JSON_ERROR, content=b'{"name": "\xff"}'),
    Case("empty body", "POST", "/projects", 400, {"message": "Invalid request.", "error": "Empty JSON."}, content=b""),
    Case(
        "a form",
        "POST",
        "/projects",
        400,
        {"message": "Invalid request.", "error": "Content-Type must be application/json."},
        content=b"name=x",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    Case(
        "unknown field",
        "POST",
        "/projects",
        422,
        failed(nmae="This field is not allowed."),
        json={"name": "x", "nmae": "y"},
    ),
    Case(
        "missing field",
        "POST",
        "/servers",
        422,
        failed(ip="This field is required."),
        json={"private_key_uuid": "{key}"},
    ),
    Case(
        "compose not base64",
        "POST",
        "/services",
        422,
        failed(docker_compose_raw="The docker_compose_raw should be base64 encoded."),
        json={RESOURCE: True, "docker_compose_raw": COMPOSE},
    ),
    Case(
        "compose not YAML",
        "POST",
        "/services",
        422,
        failed(docker_compose_raw=NOT_YAML),
        json={RESOURCE: True, "docker_compose_raw": in_base64("services:\n  web: image: x\n")},
    ),
    Case(
        "compose without services",
        "POST",
        "/services",
        422,
        failed(docker_compose_raw="The Compose file has no services."),
        json={RESOURCE: True, "docker_compose_raw": in_base64("version: '3'")},
    ),
    Case(
        "compose of 500 KB",
        "POST",
        "/services",
        422,
        failed(docker_compose_raw="The Compose file is larger than 256 KiB."),
        json={RESOURCE: True, "docker_compose_raw": in_base64(COMPOSE + "\n#" + "x" * 500_000)},
    ),
    Case(
        "compose of 5 MB",
        "POST",
        "/services",
        413,
        {"message": "The request body may have at most 1 MiB."},
        json={RESOURCE: True, "docker_compose_raw": in_base64(COMPOSE + "\n#" + "x" * 5_000_000)},
    ),
    *bad_names("POST", "/projects"),
    *bad_names("POST", "/projects/{project}/environments"),
    *bad_names("POST", "/servers", ip="192.0.2.1", private_key_uuid="{key}"),
    *bad_names("POST", "/security/keys", private_key=PRIVATE_KEY),
    *bad_names("POST", "/services", **{RESOURCE: True, "docker_compose_raw": in_base64(COMPOSE)}),
    *bad_names("POST", "/databases/postgresql", **{RESOURCE: True}),
    *bad_names("PATCH", "/projects/{project}"),
    *bad_names("PATCH", "/projects/{project}/environments/production"),
    *bad_names("PATCH", "/servers/{server}"),
    *bad_names("PATCH", "/security/keys/{key}"),
    *bad_names("PATCH", "/services/{service}"),
    *bad_names("PATCH", "/databases/{database}"),
    Case(
        "name with a slash",
        "POST",
        "/projects/{project}/environments",
        422,
        failed(name=NAME_IN_ADDRESS),
        json={"name": "stag/ing"},
    ),
    Case("NUL in a name", "POST", "/projects", 422, failed(name=NAME_CONTROL), json={"name": "a\0b"}),
    Case(
        "a number for a name",
        "POST",
        "/projects",
        422,
        failed(name="Input should be a valid string."),
        json={"name": 5},
    ),
    Case(
        "a key that is none",
        "POST",
        "/security/keys",
        422,
        failed(private_key=NO_KEY),
        json={"name": "k", "private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nxx\n-----END OPENSSH PRIVATE KEY-----"},
    ),
    Case(
        "port 70000",
        "POST",
        "/servers",
        422,
        failed(port=PORT),
        json={"ip": "192.0.2.1", "port": 70000, "private_key_uuid": "{key}"},
    ),
    Case(
        "public port 70000",
        "POST",
        "/databases/postgresql",
        422,
        failed(public_port="The public port must be a number from 1024 to 65535."),
        json={RESOURCE: True, "is_public": True, "public_port": 70000},
    ),
    Case(
        "a configuration in plain text",
        "POST",
        "/databases/redis",
        422,
        failed(redis_conf="The redis_conf should be base64 encoded."),
        json={RESOURCE: True, "redis_conf": "maxmemory 5mb"},
    ),
    Case(
        "an unknown mode",
        "POST",
        "/databases/mongodb",
        422,
        failed(ssl_mode="Input should be 'allow', 'prefer', 'require' or 'verify-full'."),
        json={RESOURCE: True, "ssl_mode": "REQUIRED"},
    ),
    Case(
        "root as the user",
        "POST",
        "/databases/mysql",
        422,
        failed(mysql_user="The user may not be root: that one is there anyway, with a password of its own."),
        json={RESOURCE: True, "mysql_user": "root"},
    ),
    Case(
        "a mode, which it has not",
        "POST",
        "/databases/mariadb",
        422,
        failed(ssl_mode="This field is not allowed."),
        json={RESOURCE: True, "ssl_mode": "REQUIRED"},
    ),
    Case(
        "an init script, which it cannot run",
        "POST",
        "/databases/keydb",
        422,
        failed(init_scripts="This field is not allowed."),
        json={RESOURCE: True, "init_scripts": []},
    ),
    Case(
        "a configuration, which it has not",
        "POST",
        "/databases/dragonfly",
        422,
        failed(dragonfly_conf="This field is not allowed."),
        json={RESOURCE: True, "dragonfly_conf": "YQ=="},
    ),
    Case(
        "a database with a dash",
        "POST",
        "/databases/clickhouse",
        422,
        failed(
            clickhouse_db="Only letters, digits and underscores are allowed, at most 63, and the first may not be a digit."
        ),
        json={RESOURCE: True, "clickhouse_db": "a-b"},
    ),
    Case(
        "a password with a blank",
        "POST",
        "/databases/valkey",
        422,
        failed(valkey_password=PASSWORD),
        json={RESOURCE: True, "valkey_password": "two words"},
    ),
    Case("start of what runs", "POST", "/services/{running}/start", 400, {"message": "Service is already running."}),
    Case("start of what runs", "POST", "/databases/{up}/start", 400, {"message": "Database is already running."}),
    Case(
        "stop of what is stopped", "POST", "/services/{service}/stop", 400, {"message": "Service is already stopped."}
    ),
    Case(
        "stop of what is stopped",
        "POST",
        "/databases/{database}/stop",
        400,
        {"message": "Database is already stopped."},
    ),
    Case(
        "cancel of what has ended",
        "POST",
        "/deployments/{deployment}/cancel",
        400,
        {"message": "Deployment cannot be cancelled. Current status: finished"},
    ),
]


@pytest_asyncio.fixture
async def uuids(desk: Desk) -> dict[str, str]:
    """What the paths of the cases name, and the rows that a worker makes of its own accord."""
    place = desk.place
    async with desk.sessions.begin() as session:
        service = await create_service(session, place)
        database = await create_database(session, place)
        running = await create_service(session, place, status="running:healthy", status_at=utcnow())
        up = await create_database(session, place, status="running:healthy", status_at=utcnow())
        deployment = await create_deployment(session, place, service, status="finished", counted_at=utcnow())
        teams = (await session.execute(select(Team.id))).scalars()
        session.add_all(RetentionPolicy(team_id=team_id, due_at=utcnow() + timedelta(days=1)) for team_id in teams)
        await session.execute(update(ServerSetting).values(is_reachable=True))
    key = (await desk.ask("GET", "/security/keys")).json()[0]["uuid"]
    rows = {"service": service, "database": database, "running": running, "up": up}
    return {
        **{name: row.uuid for name, row in rows.items()},
        "deployment": deployment.deployment_uuid,
        "key": key,
        "project": place.project.uuid,
        "server": place.server.uuid,
    }


@pytest_asyncio.fixture
async def desk(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> Desk:
    return await open_desk(api, sessions, make_token)


@pytest_asyncio.fixture
async def machine(desk: Desk, api_settings: Settings, tmp_path: Path) -> AsyncIterator[ThisMachine]:
    """The desk's server, whose Docker does not contradict the statuses made here, while a worker looks for work."""
    async with worker_on_this_machine(desk, api_settings, tmp_path, docker=SILENT) as machine:
        yield machine


async def test_every_bad_request_is_answered_in_full_and_changes_nothing(
    desk: Desk, uuids: dict[str, str], machine: ThisMachine
) -> None:
    before = await row_counts(desk.sessions)
    wrong = []
    for case in CASES:
        arguments: dict[str, Any] = {"headers": case.headers}
        if case.json is not None:
            body = {
                name: value.format(**uuids) if name.endswith("_uuid") else value for name, value in case.json.items()
            }
            arguments["json"] = desk.of_resource(**body) if body.pop(RESOURCE, False) else body
        if case.content is not None:
            arguments["content"] = case.content
            arguments["headers"] = {"Content-Type": "application/json", **case.headers}
        answer = await desk.ask(case.method, case.path.format(**uuids), by=case.by, **arguments)
        if (answer.status_code, error_of(answer)) != (case.status, case.body):
            wrong.append((case.what, answer.status_code, error_of(answer)))
    assert wrong == []
    assert await row_counts(desk.sessions) == before
    assert [*machine.data.iterdir(), *machine.home.iterdir()] == []
