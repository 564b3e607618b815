"""Nine types of databases: five that really run and four stand-ins, all deployed, asked, restarted and looked at."""

import json
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio

from app.databases.registry import DEFINITIONS
from tests.acceptance.client import Client
from tests.acceptance.databases import Deployed, deploy
from tests.acceptance.engine import only_container_of
from tests.acceptance.logins import REAL, RefusedError
from tests.acceptance.servers import Servers
from tests.rig.engine import docker
from tests.rig.parts import Rig
from tests.rig.processes import RigError
from tests.rig.standins import STAND_INS

pytestmark = pytest.mark.docker

NAMES = [definition.slug for definition in DEFINITIONS.values()]


@pytest_asyncio.fixture(scope="module")
async def nine(client: Client, rig: Rig, servers: Servers) -> dict[str, Deployed]:
    """Deploy one of each type at once, for all tests of this file; whether they are finished is for these to see."""
    server = await servers.usable("root")
    return await deploy(client, rig, server, NAMES)


def test_every_type_runs_or_has_a_stand_in() -> None:
    assert sorted([*REAL, *STAND_INS]) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
async def test_it_is_deployed_and_has_a_history(client: Client, nine: dict[str, Deployed], name: str) -> None:
    database = nine[name]

    assert database.deployment.status == "finished", database.deployment.text
    history = await client.history("database", database.place.uuid)
    assert database.deployment.uuid in [row["deployment_uuid"] for row in history]
    assert {row["database_type"] for row in history} == {f"standalone-{name}"}
    assert only_container_of(database.place.uuid).details["State"]["Health"]["Status"] == "healthy"


@pytest.mark.parametrize("name", NAMES)
async def test_its_secrets_are_in_no_log_no_argument_and_no_environment(
    client: Client, nine: dict[str, Deployed], name: str
) -> None:
    database = nine[name]
    assert database.secrets.keys() == {*DEFINITIONS[f"standalone-{name}"].secret_columns} - _unset(database)
    container = only_container_of(database.place.uuid)
    seen = {
        "log": json.dumps(await client.history("database", database.place.uuid)),
        "docker inspect": json.dumps(container.details),
        "ps": _everything_that_runs(),
    }
    assert container.id in seen["docker inspect"]
    assert "sshd" in seen["ps"]

    for place, text in seen.items():
        found = [column for column, secret in database.secrets.items() if secret in text or quote(secret) in text]
        assert found == [], place


def _unset(database: Deployed) -> set[str]:
    return {column for column, value in database.answer.items() if value is None}


def _everything_that_runs() -> str:
    """Return the arguments of every process of this machine, which is the server, too."""
    texts = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            texts.append((process / "cmdline").read_bytes().decode(errors="replace"))
    return "\n".join(texts)


@pytest.mark.parametrize("name", NAMES)
async def test_its_health_check_logs_in(nine: dict[str, Deployed], name: str) -> None:
    database = nine[name]
    container = only_container_of(database.place.uuid)
    kind, *words = container.details["Config"]["Healthcheck"]["Test"]
    command = words if kind == "CMD" else ["/bin/sh", "-c", *words]

    docker("exec", container.id, *command)
    wrong = [re.sub("/run/secrets/", "/tmp/wrong-", word) for word in command]
    paths = {path for word in command for path in re.findall(r"/run/secrets/[\w.-]+", word)}
    variables = [text for text in container.environment if "/run/secrets/" in text]
    paths |= {text.partition("=")[2] for text in variables}
    changed = [word for text in variables for word in ("--env", text.replace("/run/secrets/", "/tmp/wrong-"))]
    for path in paths:
        right = docker("exec", container.id, "cat", path)
        where = path.replace("/run/secrets/", "/tmp/wrong-")
        write = ["exec", "--interactive", container.id, "sh", "-c", 'cat >"$0"', where]
        docker(*write, stdin=right.replace(database.password, "wrong").encode())
    assert wrong != command or changed
    with pytest.raises(RigError, match=r"(?i)denied|auth|password"):
        docker("exec", *changed, container.id, *wrong)


@pytest.mark.parametrize("name", REAL)
async def test_data_outlive_a_restart_and_a_wrong_password_is_refused(
    client: Client, nine: dict[str, Deployed], name: str
) -> None:
    database, kind = nine[name], REAL[name]
    assert database.deployment.status == "finished", database.deployment.text
    await kind.ask(database.place, database.password, kind.write)
    before = only_container_of(database.place.uuid)

    answer = await client.ask("POST", f"/databases/{database.place.uuid}/restart")
    restarted = await client.settled(answer["deployment_uuid"])

    assert restarted.status == "finished", restarted.text
    after = only_container_of(database.place.uuid)
    assert (after.id, after.details["State"]["StartedAt"]) != (before.id, before.details["State"]["StartedAt"])
    assert await kind.ask(database.place, database.password, kind.read) == "Vasa"
    with pytest.raises(RefusedError):
        await kind.ask(database.place, "wrong", kind.read)


@pytest.mark.parametrize(
    ("name", "question", "answer"),
    [
        ("redis", "CONFIG GET maxmemory", "67108864"),
        ("valkey", "CONFIG GET maxmemory", "67108864"),
        ("mariadb", "SELECT CONCAT(name, ' ', @@max_connections) FROM harbours", "Karlskrona 77"),
        ("clickhouse", "SELECT name FROM harbours", "Karlskrona"),
    ],
    ids=["redis", "valkey", "mariadb", "clickhouse"],
)
async def test_own_configuration_and_scripts_count(
    nine: dict[str, Deployed], name: str, question: str, answer: str
) -> None:
    assert answer in await REAL[name].ask(nine[name].place, nine[name].password, question)
