"""Where the secrets of what was deployed can be read: on their server, by their owner, and nowhere else."""

import base64
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg
import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from tests.acceptance.client import Client, Deployment, eventually
from tests.acceptance.compose import compose, service
from tests.acceptance.engine import only_container_of
from tests.acceptance.product import Product
from tests.acceptance.servers import Servers
from tests.acceptance.traces import DATA
from tests.rig.parts import Rig

pytestmark = pytest.mark.docker

LOCKED = 'S3cret of the shop: "quoted" & 100 %'


@dataclass(frozen=True)
class Deployed:
    """A service that prints its locked variable and a database, both deployed; and what nobody may read."""

    service: str
    database: str
    deployments: tuple[Deployment, Deployment]
    password: str

    @property
    def forbidden(self) -> list[str]:
        """The secrets as they are and as they may be written."""
        written = []
        for secret in (LOCKED, self.password):
            written += [secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()]
        return written


@pytest_asyncio.fixture(scope="module")
async def deployed(client: Client, rig: Rig, servers: Servers) -> Deployed:
    """Deploy both, once for the tests of this file."""
    server = await servers.usable("root")
    talk = ["sh", "-c", 'echo "plain $$SECRET"; echo "$$SECRET" | base64; exec sleep 600']
    probe = {"test": ["CMD", "false"], "interval": "1s", "retries": 1}
    text = compose(
        shop=service(
            rig.images["web-1"], entrypoint=talk, environment={"SECRET": "${SECRET}"}, healthcheck=probe, init=True
        )
    )
    service_uuid = await client.add_service(server, text)
    await client.set_variable(service_uuid, "SECRET", LOCKED, is_shown_once=True, is_literal=True)
    database_uuid = await client.add_database(server, image=rig.images["postgres"])
    # The first fails on purpose: then its log shows what its container has printed.
    deployments = (await client.deploy(service_uuid), await client.deploy(database_uuid))
    password = (await client.ask("GET", f"/databases/{database_uuid}"))["postgres_password"]
    return Deployed(service_uuid, database_uuid, deployments, password)


def found_in(text: str | bytes, deployed: Deployed) -> list[str]:
    """Return the secrets that stand in a text."""
    haystack = text.encode() if isinstance(text, str) else text
    return [secret for secret in deployed.forbidden if secret.encode() in haystack]


async def test_the_log_has_the_container_s_lines_without_the_secret(deployed: Deployed) -> None:
    service_log, database_log = deployed.deployments
    assert service_log.status == "failed"
    assert database_log.status == "finished"
    lines = service_log.text.splitlines()
    assert "plain <REDACTED>" in lines
    assert found_in(service_log.text + database_log.text, deployed) == []


async def test_postgresql_holds_no_secret_in_clear(deployed: Deployed, product_database: str) -> None:
    connection = await asyncpg.connect(product_database.replace("+asyncpg", ""), ssl=False)
    try:
        tables = [
            row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]
        assert {"environment_variables", "standalone_postgresql", "service_deployment_queues"} <= set(tables)
        leaks = {}
        for table in tables:
            rows = "\n".join(str(row[0]) for row in await connection.fetch(f'SELECT t::text FROM "{table}" AS t'))
            if secrets := found_in(rows, deployed):
                leaks[table] = secrets
            if table == "environment_variables":
                assert "SECRET" in rows  # what would leak is there
    finally:
        await connection.close()
    assert leaks == {}


async def test_valkey_holds_no_secret(deployed: Deployed, product_valkey: str) -> None:
    redis = Redis.from_url(product_valkey)
    leaks = []
    try:
        async for key in redis.scan_iter():
            dumped = await redis.dump(key)
            leaks += found_in(key + (dumped or b""), deployed)
    finally:
        await redis.aclose()
    assert leaks == []


async def test_the_processes_print_no_secret(deployed: Deployed, product: Product) -> None:
    printed = product.printed()
    assert deployed.deployments[0].uuid in printed
    assert found_in(printed, deployed) == []


@pytest_asyncio.fixture
async def reader(product: Product) -> AsyncIterator[httpx.AsyncClient]:
    """The API as a token of the same team sees it that may read, but nothing sensitive."""
    headers = {"Authorization": f"Bearer {await product.make_token('read')}"}
    async with httpx.AsyncClient(base_url=f"{product.url}/api/v1", headers=headers) as http:
        yield http


async def test_a_reader_is_answered_without_secrets(
    deployed: Deployed, client: Client, reader: httpx.AsyncClient
) -> None:
    paths = [
        "/services", f"/services/{deployed.service}", f"/services/{deployed.service}/envs",
        "/databases", f"/databases/{deployed.database}", f"/databases/{deployed.database}/envs",
        f"/deployments/services/{deployed.service}", f"/deployments/databases/{deployed.database}?include=logs",
        *(f"/deployments/{deployment.uuid}" for deployment in deployed.deployments),
        "/security/keys", "/servers", "/projects", "/teams/current", "/deployments",
    ]  # fmt: skip
    for path in paths:
        answer = await reader.get(path)
        assert answer.status_code == 200, (path, answer.text)
        assert found_in(answer.text, deployed) == [], path
        assert "PRIVATE KEY" not in answer.text, path
        if path.startswith("/deployments"):
            assert '"logs":"' not in answer.text.replace(" ", ""), path
    assert found_in((await client.http.get(f"/databases/{deployed.database}")).text, deployed)  # with root it is there
    assert (await reader.get(f"/deployments/{deployed.deployments[0].uuid}/logs")).status_code == 403


async def test_the_log_has_no_secret_however_it_is_read(deployed: Deployed, client: Client) -> None:
    for deployment in deployed.deployments:
        logs = f"/deployments/{deployment.uuid}/logs"
        ticket = await client.http.post(f"{logs}/ticket")
        assert ticket.status_code == 201
        pages = {
            "page": await client.http.get(logs, params={"include_hidden": True}),
            "tail": await client.http.get(logs, params={"tail": 10_000, "include_hidden": True}),
            "text": await client.http.get(logs, headers={"Accept": "text/plain"}),
            "bare text": await client.http.get(logs, params={"ansi": "strip"}, headers={"Accept": "text/plain"}),
            "stream": await client.http.get(f"{logs}/stream", params={"include_hidden": True}),
            "row": await client.http.get(f"/deployments/{deployment.uuid}"),
            "ticket": ticket,
        }
        assert "event: end" in pages["stream"].text
        for name, answer in pages.items():
            assert answer.is_success, name
            assert answer.text, name
            assert found_in(answer.text, deployed) == [], name


async def test_the_password_is_in_no_command_line_and_no_environment_of_the_container(deployed: Deployed) -> None:
    container = only_container_of(deployed.database)
    assert found_in(" ".join([*container.environment, str(container.details["Config"]["Cmd"])]), deployed) == []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command_line = process.read_bytes()
        except OSError:
            continue  # it ended meanwhile
        assert found_in(command_line, deployed) == [], command_line


async def test_files_on_the_server_are_for_their_owner_alone(deployed: Deployed) -> None:
    shared = {"postgres-password"}  # read by the container's own user, below a folder that nobody else can enter
    for folder in (DATA / "services" / deployed.service, DATA / "databases" / deployed.database):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert {name: mode for name, mode in modes.items() if name not in shared and mode != 0o600} == {}
        assert ".env" in modes
    for folder in (DATA, *(DATA / name for name in ("services", "databases", "runs"))):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


async def test_the_spools_are_gone_once_the_log_is_stored(deployed: Deployed) -> None:
    for deployment in deployed.deployments:
        run = DATA / "runs" / deployment.uuid

        async def is_empty(run: Path = run) -> bool | None:
            filled = [path for path in run.rglob("*") if path.is_file() and path.stat().st_size > 0]
            return None if filled else True

        await eventually(is_empty, f"{run} is emptied")
        assert run.is_dir()  # a tombstone: this run never starts again
