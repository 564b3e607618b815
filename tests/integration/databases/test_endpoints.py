"""Databases over the API: whole bodies, secrets, public ports, teams, and everything that is refused."""

import asyncio
import re
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import inspect, select, text, update
from sqlalchemy.orm import undefer

from app.databases.registry import DEFINITIONS
from app.databases.schemas import SCHEMAS, DatabaseUpdate
from app.models import DatabaseDeploymentQueue, ServerSetting
from tests.deploying import create_database, create_deployment
from tests.desk import UNKNOWN_UUID, Desk, error_of, in_base64, row_counts

CONF = "max_connections = 50\n"
SCRIPTS = [{"filename": "01-schema.sql", "content": "CREATE TABLE ships (name text);\n-- $HOME \"q\" 'q' ü\n"}]
SECRETS = {"postgres_password", "postgres_conf", "init_scripts", "internal_db_url", "external_db_url"}


async def _create(desk: Desk, **fields: Any) -> str:
    answer = await desk.ask("POST", "/databases/postgresql", json=desk.of_resource(**fields), by="write")
    assert answer.status_code == 201, answer.text
    uuid: str = answer.json()["uuid"]
    return uuid


async def _read(desk: Desk, uuid: str, by: str = "sensitive") -> dict[str, Any]:
    body: dict[str, Any] = (await desk.ask("GET", f"/databases/{uuid}", by=by)).json()
    return body


async def test_a_database_gets_the_defaults_of_its_type(desk: Desk) -> None:
    answer = await desk.ask("POST", "/databases/postgresql", json=desk.of_resource(), by="write")
    uuid = answer.json()["uuid"]
    read = await _read(desk, uuid)
    password = read["postgres_password"]
    url = f"postgres://postgres:{password}@{uuid}:5432/postgres"
    assert (answer.status_code, answer.json()) == (201, {"uuid": uuid, "internal_db_url": url})
    assert re.fullmatch(r"[A-Za-z0-9]{64}", password)
    assert read.pop("created_at").endswith("Z")
    assert read.pop("updated_at").endswith("Z")
    assert read == {
        "uuid": uuid,
        "description": None,
        "name": f"postgresql-database-{uuid}",
        "status": "exited",
        "status_at": None,
        "project_uuid": desk.place.project.uuid,
        "environment_uuid": desk.place.environment.uuid,
        "environment_name": "production",
        "server_uuid": desk.place.server.uuid,
        "destination_uuid": desk.place.destination.uuid,
        "image": "postgres:16-alpine",
        "is_public": False,
        "public_port": None,
        "public_port_timeout": 3600,
        "ports_mappings": None,
        "limits_memory": "0",
        "limits_memory_swap": "0",
        "limits_memory_swappiness": 60,
        "limits_memory_reservation": "0",
        "limits_cpus": "0",
        "limits_cpuset": None,
        "limits_cpu_shares": 1024,
        "custom_docker_run_options": None,
        "health_check_enabled": True,
        "health_check_interval": 5,
        "health_check_timeout": 5,
        "health_check_retries": 10,
        "health_check_start_period": 30,
        "certificate_valid_until": None,
        "internal_db_url": url,
        "database_type": "standalone-postgresql",
        "postgres_user": "postgres",
        "postgres_password": password,
        "postgres_db": "postgres",
        "postgres_initdb_args": None,
        "postgres_host_auth_method": None,
        "postgres_conf": None,
        "init_scripts": None,
        "enable_ssl": False,
        "ssl_mode": "require",
    }


CHOSEN: dict[str, Any] = {
    "name": 'it\'s a "store"; $(id) 🚢',
    "description": "holds ships",
    "image": "registry.example:5000/team/postgres:17.2@sha256:abc",
    "is_public": True,
    "public_port": 54321,
    "public_port_timeout": 60,
    "ports_mappings": "5433:5432, 127.0.0.1:6432:5432/tcp",
    "limits_memory": "512m",
    "limits_memory_swap": "-1",
    "limits_memory_swappiness": 0,
    "limits_memory_reservation": "256M",
    "limits_cpus": "1.5",
    "limits_cpuset": "0-2,4",
    "limits_cpu_shares": 512,
    "custom_docker_run_options": "--shm-size 256m --init",
    "health_check_enabled": False,
    "health_check_interval": 15,
    "health_check_timeout": 3,
    "health_check_retries": 4,
    "health_check_start_period": 0,
    "postgres_user": "skipper",
    "postgres_password": "a/b:c@d?e#f%g",
    "postgres_db": "fleet",
    "postgres_initdb_args": "--data-checksums",
    "postgres_host_auth_method": "scram-sha-256",
    "postgres_conf": in_base64(CONF),
    "init_scripts": SCRIPTS,
    "enable_ssl": True,
    "ssl_mode": "verify-full",
}


async def test_every_field_can_be_chosen(desk: Desk) -> None:
    answer = await desk.ask("POST", "/databases/postgresql", json=desk.of_resource(**CHOSEN))
    uuid = answer.json()["uuid"]
    login = f"skipper:{quote(CHOSEN['postgres_password'], safe='')}"
    urls = {
        "internal_db_url": f"postgres://{login}@{uuid}:5432/fleet?sslmode=verify-full",
        "external_db_url": f"postgres://{login}@{desk.place.server.ip}:54321/fleet?sslmode=verify-full",
    }
    assert (answer.status_code, answer.json()) == (201, {"uuid": uuid, **urls})
    read = await _read(desk, uuid)
    kept = {**CHOSEN, "ports_mappings": "5433:5432,127.0.0.1:6432:5432/tcp", "postgres_conf": CONF, **urls}
    assert {name: read[name] for name in kept} == kept


async def test_secrets_are_left_out_without_read_sensitive(desk: Desk) -> None:
    uuid = await _create(desk, **CHOSEN)
    one = await _read(desk, uuid, by="read")
    assert (await desk.ask("GET", "/databases", by="read")).json() == [one]
    assert one.keys().isdisjoint(SECRETS)
    assert one.keys() | SECRETS == (await _read(desk, uuid)).keys()


async def test_secrets_are_encrypted_at_rest(desk: Desk) -> None:
    await _create(desk, **CHOSEN)
    async with desk.sessions() as session:
        row = (await session.execute(text("SELECT * FROM standalone_postgresql"))).one()
    stored = " ".join(map(str, row))
    for secret in (CHOSEN["postgres_password"], "max_connections", "CREATE TABLE"):
        assert secret not in stored


async def test_the_list_has_every_database_of_the_team_oldest_first(desk: Desk) -> None:
    uuids = [await _create(desk) for _ in range(3)]
    assert [row["uuid"] for row in (await desk.ask("GET", "/databases")).json()] == uuids
    assert (await desk.ask("GET", "/databases", by="other")).json() == []


async def test_only_what_is_named_changes(desk: Desk) -> None:
    uuid = await _create(desk, description="old")
    before = await _read(desk, uuid)
    changes = {name: value for name, value in CHOSEN.items() if name not in {"description", "is_public"}}
    answer = await desk.ask("PATCH", f"/databases/{uuid}", json=changes, by="write")
    assert (answer.status_code, answer.json()) == (200, {"message": "Database updated."})
    after = await _read(desk, uuid)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == changes.keys() | {"internal_db_url", "updated_at"}
    assert after["postgres_conf"] == CONF


async def test_null_empties_what_can_be_empty_and_leaves_the_rest(desk: Desk) -> None:
    uuid = await _create(desk, **{**CHOSEN, "is_public": False})
    await desk.ask("PATCH", f"/databases/{uuid}", json=dict.fromkeys(CHOSEN))
    read = await _read(desk, uuid)
    emptied = {name for name in CHOSEN if read[name] is None}
    assert emptied == {
        "description",
        "public_port",
        "ports_mappings",
        "limits_cpuset",
        "custom_docker_run_options",
        "postgres_initdb_args",
        "postgres_host_auth_method",
        "postgres_conf",
        "init_scripts",
        "ssl_mode",
    }
    assert (read["name"], read["postgres_password"]) == (CHOSEN["name"], CHOSEN["postgres_password"])


async def test_a_change_leaves_what_is_being_deployed_alone(desk: Desk) -> None:
    uuid = await _create(desk)
    await desk.ask("POST", f"/databases/{uuid}/start")
    await desk.ask("PATCH", f"/databases/{uuid}", json={"image": "postgres:17"})
    async with desk.sessions() as session:
        snapshot = DatabaseDeploymentQueue.configuration_snapshot
        row = (await session.execute(select(DatabaseDeploymentQueue).options(undefer(snapshot)))).scalar_one()
    assert row.configuration_snapshot is not None
    assert row.configuration_snapshot["columns"]["image"] == "postgres:16-alpine"


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_instant_deploy_queues_a_deployment(desk: Desk, method: str) -> None:
    if method == "POST":
        uuid = await _create(desk, instant_deploy=True)
    else:
        uuid = await _create(desk)
        assert (await desk.ask("GET", f"/deployments/databases/{uuid}")).json() == []
        await desk.ask("PATCH", f"/databases/{uuid}", json={"instant_deploy": True})
    (deployment,) = (await desk.ask("GET", f"/deployments/databases/{uuid}")).json()
    assert (deployment["status"], deployment["resource_uuid"]) == ("queued", uuid)


FIXED = {
    "postgres_user": "other",
    "postgres_password": "other",
    "postgres_db": "other",
    "postgres_initdb_args": "--data-checksums",
    "postgres_host_auth_method": "md5",
}
FIXED_TEXT = (
    "PostgreSQL reads this only when it initialises an empty data folder, and this database has been started or is "
    "about to be. Change it inside the database, or create a new one."
)


async def test_user_password_and_name_change_before_the_first_start(desk: Desk) -> None:
    uuid = await _create(desk)
    assert (await desk.ask("PATCH", f"/databases/{uuid}", json=FIXED)).status_code == 200
    assert (await _read(desk, uuid))["internal_db_url"] == f"postgres://other:other@{uuid}:5432/other"


@pytest.mark.parametrize("began", ["queued", "started and failed", "seen"])
async def test_user_password_and_name_are_fixed_once_it_may_have_started(desk: Desk, began: str) -> None:
    async with desk.sessions.begin() as session:
        database = await create_database(session, desk.place)
        if began == "queued":
            await create_deployment(session, desk.place, database)
        elif began == "seen":
            await session.execute(text("UPDATE standalone_postgresql SET status_at = now()"))
        else:
            await create_deployment(session, desk.place, database, status="failed")
            await session.execute(text("UPDATE database_deployment_queues SET started_at = now()"))
    before = await _read(desk, database.uuid)
    answer = await desk.ask("PATCH", f"/databases/{database.uuid}", json={**FIXED, "name": "renamed"})
    errors = {name: [FIXED_TEXT] for name in FIXED}
    assert (answer.status_code, error_of(answer)) == (422, {"message": "Validation failed.", "errors": errors})
    assert await _read(desk, database.uuid) == before
    # The same values again are no change: whoever sends everything can go on doing so.
    same = {name: before[name] for name in FIXED} | {"name": "renamed"}
    assert (await desk.ask("PATCH", f"/databases/{database.uuid}", json=same)).status_code == 200


async def test_a_deployment_that_never_began_fixes_nothing(desk: Desk) -> None:
    async with desk.sessions.begin() as session:
        database = await create_database(session, desk.place)
        await create_deployment(session, desk.place, database, status="cancelled-by-user")
    assert (await desk.ask("PATCH", f"/databases/{database.uuid}", json=FIXED)).status_code == 200


@pytest.mark.parametrize("is_allowed", [False, True], ids=["not allowed", "allowed"])
async def test_power_over_the_server_needs_its_permission(desk: Desk, is_allowed: bool) -> None:
    async with desk.sessions.begin() as session:
        await session.execute(update(ServerSetting).values(allow_host_paths=is_allowed))
    options = {"custom_docker_run_options": "--privileged"}
    uuid = await _create(desk)
    answers = [
        await desk.ask("POST", "/databases/postgresql", json=desk.of_resource(**options)),
        await desk.ask("PATCH", f"/databases/{uuid}", json=options),
    ]
    assert [answer.status_code for answer in answers] == ([201, 200] if is_allowed else [422, 422])
    if not is_allowed:
        power = "With its custom Docker options the container is privileged."
        text = f"{power} Turn on allow_host_paths of the server if it may."
        assert [error_of(answer)["errors"] for answer in answers] == [{"custom_docker_run_options": [text]}] * 2
        assert (await _read(desk, uuid))["custom_docker_run_options"] is None


PORT_TAKEN = {"message": "Public port already used by another database."}


async def test_a_public_port_is_taken_once_on_a_server(desk: Desk) -> None:
    first = await _create(desk, is_public=True, public_port=5500)
    private = await _create(desk, public_port=5500)
    before = await row_counts(desk.sessions)
    for answer in (
        await desk.ask("POST", "/databases/postgresql", json=desk.of_resource(is_public=True, public_port=5500)),
        await desk.ask("PATCH", f"/databases/{private}", json={"is_public": True}),
    ):
        assert (answer.status_code, error_of(answer)) == (400, PORT_TAKEN)
    assert await row_counts(desk.sessions) == before
    assert (await _read(desk, private))["is_public"] is False
    # Its own port is free for itself, and for others once it is private.
    assert (await desk.ask("PATCH", f"/databases/{first}", json={"public_port": 5501})).status_code == 200
    assert (await desk.ask("PATCH", f"/databases/{private}", json={"is_public": True})).status_code == 200


async def test_of_two_requests_for_one_public_port_at_once_one_gets_it(desk: Desk) -> None:
    for port in range(5600, 5610):
        body = desk.of_resource(is_public=True, public_port=port)
        answers = await asyncio.gather(*(desk.ask("POST", "/databases/postgresql", json=body) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400]


@pytest.mark.parametrize("change", [{"is_public": True}, {"is_public": True, "public_port": None}])
async def test_a_public_database_needs_a_port(desk: Desk, change: dict[str, Any]) -> None:
    uuid = await _create(desk)
    text_ = "A public database needs a public_port from 1024 to 65535."
    for answer in (
        await desk.ask("POST", "/databases/postgresql", json=desk.of_resource(**change)),
        await desk.ask("PATCH", f"/databases/{uuid}", json=change),
    ):
        errors = {"public_port": [text_]}
        assert (answer.status_code, error_of(answer)) == (422, {"message": "Validation failed.", "errors": errors})


NAME_LENGTH = "The name must have 1 to 255 characters, not only blanks."
NAME_CONTROL = "The name may not have line breaks or other control characters."
IDENTIFIER = "Only letters, digits and underscores are allowed, at most 63, and the first may not be a digit."
PASSWORD = (
    "A password has 1 to 128 letters, digits or characters of !@#%^*()_+-=[]{}:,.?/~; "
    "no blanks, quotes, dollar signs or backslashes."
)
PUBLIC_PORT = "The public port must be a number from 1024 to 65535."
MAPPING = "Port mappings are pairs of host and container port, such as 5433:5432,127.0.0.1:6432:5432."
MEMORY = "A memory limit is a number with b, k, m or g behind it, such as 512m; 0 means none."
FILE_NAME = "A file name has at most 100 letters, digits, dots, dashes and underscores, and no folder."

REFUSED_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "x" * 10_000}, "name", NAME_LENGTH),
    ({"name": "a\nb"}, "name", NAME_CONTROL),
    (
        {"image": "postgres:16; rm -rf /"},
        "image",
        "The image must be a Docker image such as postgres:16-alpine or registry.example/team/db:1.",
    ),
    ({"public_port": 70_000}, "public_port", PUBLIC_PORT),
    ({"public_port": 80}, "public_port", PUBLIC_PORT),
    ({"public_port": 10**30}, "public_port", PUBLIC_PORT),
    ({"public_port_timeout": 0}, "public_port_timeout", "Input should be greater than or equal to 1."),
    ({"ports_mappings": "5432"}, "ports_mappings", MAPPING),
    ({"ports_mappings": "5432:5432,"}, "ports_mappings", MAPPING),
    ({"ports_mappings": "70000:5432"}, "ports_mappings", "Ports are numbers from 1 to 65535."),
    ({"ports_mappings": "0:5432"}, "ports_mappings", "Ports are numbers from 1 to 65535."),
    ({"ports_mappings": "1.2.3.256:1:1"}, "ports_mappings", "1.2.3.256 is not an IPv4 address."),
    ({"ports_mappings": "1:1,1:1"}, "ports_mappings", "Each port mapping may be named once."),
    ({"limits_memory": "much"}, "limits_memory", MEMORY),
    ({"limits_memory_reservation": "1.5.g"}, "limits_memory_reservation", MEMORY),
    (
        {"limits_memory_swap": "-2"},
        "limits_memory_swap",
        "A swap limit is a number with b, k, m or g behind it, such as 1g; 0 means none set, -1 unlimited.",
    ),
    ({"limits_memory_swappiness": 101}, "limits_memory_swappiness", "Input should be less than or equal to 100."),
    ({"limits_cpus": "half"}, "limits_cpus", "A CPU limit is a number of CPUs such as 1.5; 0 means none."),
    ({"limits_cpuset": "0-"}, "limits_cpuset", "A CPU set lists CPUs by their numbers, such as 0-2,4."),
    ({"limits_cpu_shares": -1}, "limits_cpu_shares", "Input should be greater than or equal to 0."),
    (
        {"custom_docker_run_options": "--init\n--volume /:/host"},
        "custom_docker_run_options",
        "The options must be one line of at most 2000 characters.",
    ),
    (
        {"custom_docker_run_options": "--init 'a"},
        "custom_docker_run_options",
        "The custom Docker options cannot be read: No closing quotation.",
    ),
    ({"health_check_interval": 0}, "health_check_interval", "Input should be greater than or equal to 1."),
    ({"health_check_retries": 1001}, "health_check_retries", "Input should be less than or equal to 1000."),
    ({"postgres_user": "1st"}, "postgres_user", IDENTIFIER),
    ({"postgres_db": "a-b"}, "postgres_db", IDENTIFIER),
    ({"postgres_password": "two words"}, "postgres_password", PASSWORD),
    ({"postgres_password": ""}, "postgres_password", PASSWORD),
    ({"postgres_password": "x" * 129}, "postgres_password", PASSWORD),
    (
        {"postgres_host_auth_method": "trust\nhost"},
        "postgres_host_auth_method",
        "The method must be trust, reject, scram-sha-256, md5, password, ident, peer or cert.",
    ),
    (
        {"postgres_initdb_args": "a\nb"},
        "postgres_initdb_args",
        "Line breaks and other control characters are not allowed.",
    ),
    ({"postgres_conf": "port = 1"}, "postgres_conf", "The postgres_conf should be base64 encoded."),
    ({"postgres_conf": in_base64("a\0b")}, "postgres_conf", "A file may not have NUL characters."),
    ({"postgres_conf": in_base64("x" * 300_000)}, "postgres_conf", "A file may have at most 256 KiB."),
    ({"init_scripts": [{"filename": "../a.sql", "content": ""}]}, "init_scripts.0.filename", FILE_NAME),
    ({"init_scripts": [{"filename": "a.sql"}]}, "init_scripts.0.content", "This field is required."),
    (
        {"init_scripts": [{"filename": "a", "content": "\0"}]},
        "init_scripts.0.content",
        "A file may not have NUL characters.",
    ),
    ({"init_scripts": SCRIPTS * 2}, "init_scripts", "Each file name may stand once."),
    (
        {"ssl_mode": "perhaps"},
        "ssl_mode",
        "Input should be 'allow', 'prefer', 'require', 'verify-ca' or 'verify-full'.",
    ),
    ({"mysql_user": "a"}, "mysql_user", "This field is not allowed."),
    ({"status": "running"}, "status", "This field is not allowed."),
]


async def test_a_wrong_field_is_refused_and_nothing_is_left(desk: Desk) -> None:
    uuid = await _create(desk)
    unchanged = await _read(desk, uuid)
    before = await row_counts(desk.sessions)
    for fields, field, refusal in REFUSED_FIELDS:
        body = {"message": "Validation failed.", "errors": {field: [refusal]}}
        for answer in (
            await desk.ask("POST", "/databases/postgresql", json=desk.of_resource(**fields)),
            await desk.ask("PATCH", f"/databases/{uuid}", json=fields),
        ):
            assert (answer.status_code, error_of(answer)) == (422, body), fields
    assert await row_counts(desk.sessions) == before
    assert await _read(desk, uuid) == unchanged


async def test_a_refused_password_is_not_in_the_answer(desk: Desk) -> None:
    answer = await desk.ask("POST", "/databases/postgresql", json=desk.of_resource(postgres_password="dollar$dollar"))
    assert answer.status_code == 422
    assert "dollar$dollar" not in answer.text


PLACES: list[tuple[dict[str, Any], int, str]] = [
    ({"project_uuid": UNKNOWN_UUID}, 404, "Project not found."),
    ({"server_uuid": UNKNOWN_UUID}, 404, "Server not found."),
    ({"environment_name": "staging"}, 404, "Environment not found."),
]


@pytest.mark.parametrize(("fields", "status", "message"), PLACES)
async def test_a_place_that_is_not_there_is_refused(
    desk: Desk, fields: dict[str, Any], status: int, message: str
) -> None:
    before = await row_counts(desk.sessions)
    answer = await desk.ask("POST", "/databases/postgresql", json=desk.of_resource(**fields))
    assert (answer.status_code, error_of(answer)) == (status, {"message": message})
    assert await row_counts(desk.sessions) == before


async def test_a_place_of_another_team_is_not_found(desk: Desk) -> None:
    answer = await desk.ask("POST", "/databases/postgresql", json=desk.of_resource(), by="other")
    assert (answer.status_code, error_of(answer)) == (404, {"message": "Project not found."})


ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/databases/{uuid}", None),
    ("PATCH", "/databases/{uuid}", {"name": "stolen"}),
    ("GET", "/databases/{uuid}/envs", None),
    ("POST", "/databases/{uuid}/envs", {"key": "A", "value": "b"}),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_another_teams_database_answers_like_an_unknown_one(
    desk: Desk, method: str, path: str, body: Any
) -> None:
    uuid = await _create(desk)
    before = await _read(desk, uuid)
    theirs = await desk.ask(method, path.format(uuid=uuid), json=body, by="other")
    unknown = await desk.ask(method, path.format(uuid=UNKNOWN_UUID), json=body)
    assert (theirs.status_code, error_of(theirs)) == (404, {"message": "Database not found."})
    assert (unknown.status_code, error_of(unknown)) == (404, {"message": "Database not found."})
    assert await _read(desk, uuid) == before


@pytest.mark.parametrize(
    ("method", "path", "by", "needed"),
    [
        ("GET", "/databases", "write", "read"),
        ("GET", "/databases/{uuid}", "deploy", "read"),
        ("POST", "/databases/postgresql", "read", "write"),
        ("PATCH", "/databases/{uuid}", "sensitive", "write"),
    ],
)
async def test_a_token_without_the_ability_is_refused(desk: Desk, method: str, path: str, by: str, needed: str) -> None:
    uuid = await _create(desk)
    body = None if method == "GET" else desk.of_resource()
    answer = await desk.ask(method, path.format(uuid=uuid), json=body, by=by)
    assert (answer.status_code, error_of(answer)) == (403, {"message": f"Missing required permissions: {needed}"})
    answer = await desk.ask(method, path.format(uuid=uuid), json=body, by=None)
    assert (answer.status_code, error_of(answer)) == (401, {"message": "Unauthenticated."})


def test_every_type_that_can_be_deployed_has_its_schemas() -> None:
    assert SCHEMAS.keys() == DEFINITIONS.keys()
    for database_type, schemas in SCHEMAS.items():
        assert issubclass(DatabaseUpdate, schemas.update), database_type
        columns = inspect(DEFINITIONS[database_type].model).columns.keys()
        assert DEFINITIONS[database_type].fixed <= schemas.update.model_fields.keys() & set(columns)
