"""Nine types of databases: five that really run and four stand-ins, all deployed, asked, restarted and looked at."""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from app.databases.registry import DEFINITIONS
from tests.acceptance.client import Client, Deployment
from tests.acceptance.engine import only_container_of
from tests.acceptance.logins import REAL, Place, RefusedError
from tests.acceptance.servers import Servers
from tests.rig.engine import docker
from tests.rig.parts import Rig
from tests.rig.processes import RigError, free_port
from tests.rig.standins import STAND_INS

pytestmark = pytest.mark.docker

NAMES = [definition.slug for definition in DEFINITIONS.values()]
IMAGES = {"postgresql": "postgres"}
"""Images that the rig calls otherwise than the API calls the type."""

# Limits that these types ask to be raised, which not every machine that tests run on may do.
LIMITS = {"clickhouse": "--ulimit nofile=1024:1024", "dragonfly": "--ulimit memlock=65536:65536"}


@dataclass(frozen=True)
class Deployed:
    """A database that was deployed once, and where its clients find it."""

    name: str
    place: Place
    deployment: Deployment
    answer: dict[str, Any]

    @property
    def secrets(self) -> dict[str, str]:
        """The values of all its secret columns."""
        columns = DEFINITIONS[f"standalone-{self.name}"].secret_columns
        return {column: self.answer[column] for column in columns if self.answer[column]}

    @property
    def password(self) -> str:
        """What its client logs in with: the user's own where root has another."""
        passwords = {column: text for column, text in self.secrets.items() if column.endswith("_password")}
        own = [text for column, text in passwords.items() if not column.endswith("_root_password")]
        (password,) = own or passwords.values()
        return password


@pytest_asyncio.fixture(scope="module")
async def nine(client: Client, rig: Rig, servers: Servers) -> dict[str, Deployed]:
    """Deploy one of each type at once, for all tests of this file; whether they are finished is for these to see."""
    server = await servers.usable("root")
    return await _deploy(client, rig, server, NAMES)


async def _deploy(client: Client, rig: Rig, server: str, names: Sequence[str], **fields: Any) -> dict[str, Deployed]:
    places = {}
    for name in names:
        port = free_port()
        inside = REAL[name].port if name in REAL else DEFINITIONS[f"standalone-{name}"].port
        image = rig.images[IMAGES.get(name, name)]
        limits = {"custom_docker_run_options": LIMITS[name]} if name in LIMITS else {}
        uuid = await client.add_database(
            server, name, image=image, ports_mappings=f"127.0.0.1:{port}:{inside}", **limits, **fields
        )
        places[name] = Place(uuid, port)
    begun = {name: await client.begin(place.uuid) for name, place in places.items()}
    return {
        name: Deployed(
            name,
            places[name],
            await client.settled(deployment, seconds=180),
            await client.ask("GET", f"/databases/{places[name].uuid}"),
        )
        for name, deployment in begun.items()
    }


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


SECURED = ("postgresql", "redis", "mariadb")
"""The stand-ins look at the certificate alone, and the Valkey that is at hand was built without TLS."""


@pytest_asyncio.fixture(scope="module")
async def secured(client: Client, rig: Rig, servers: Servers) -> dict[str, Deployed]:
    """Deploy those that have a TLS of their own with it."""
    server = await servers.usable("root")
    return await _deploy(client, rig, server, SECURED, enable_ssl=True)


@pytest.mark.parametrize("name", SECURED)
async def test_with_ssl_nobody_gets_in_without_it_and_the_certificate_can_be_checked(
    client: Client, servers: Servers, secured: dict[str, Deployed], name: str
) -> None:
    database, kind = secured[name], REAL[name]
    assert database.deployment.status == "finished", database.deployment.text
    server = await servers.usable("root")
    authority = await client.ask("GET", f"/servers/{server}/ca-certificate")
    trusting = replace(database.place, authority=authority)

    await kind.ask(trusting, database.password, kind.write)
    assert await kind.ask(trusting, database.password, kind.read) == "Vasa"
    for place, password in ((trusting, "wrong"), (database.place, database.password)):
        with pytest.raises(RefusedError):
            await kind.ask(place, password, kind.read)
