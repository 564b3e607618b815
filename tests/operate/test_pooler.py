"""Behind PgBouncer in transaction mode: everything works, and no connection of PostgreSQL keeps anything of anybody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

import app.worker
from app.cli.client import Api
from app.deployments.claim import Claimed
from app.deployments.kinds import SERVICE, AnyQueue
from app.deployments.queue import queue_service_deployment
from app.deployments.runner import Runner
from app.models import Service
from app.models.deployment_status import DeploymentStatus
from app.postgres import Sessions, create_engine
from app.settings import Settings
from tests.fixtures.api import MadeToken, MakeToken
from tests.integration.cli.conftest import files
from tests.integration.cli.running import environment, shiplog
from tests.integration.deployments.running import Bench, running_bench, with_scripts
from tests.pooler import Pooler, pooler
from tests.programs import program
from tests.serving import serving

BACKENDS = 4
"""Fewer than one process has connections: every transaction gets whichever is free."""

SCRIPT = 'i=0; while [ $i -lt 40 ]; do echo "line $i"; i=$((i + 1)); done; while ! [ -e GO ]; do sleep 0.05; done'
LINES = [f"line {number}" for number in range(40)]


@pytest_asyncio.fixture
async def pooled(postgres_url: str) -> AsyncIterator[Pooler]:
    """PgBouncer in front of the test's database."""
    async with pooler(program("pgbouncer", "/usr/sbin"), postgres_url, backends=BACKENDS) as found:
        yield found


@pytest.fixture
def api_settings(api_settings: Settings, pooled: Pooler) -> Settings:
    """The settings of API and worker: their database is behind it."""
    return Settings(
        database_url=pooled.url,
        redis_url=api_settings.redis(),
        encryption_keys_file=api_settings.encryption_keys_file,
        rate_limit=0,
        pooler=True,
        sweep_seconds=0.2,
    )


CHANGED = text(
    "SELECT name || ' = ' || setting FROM pg_settings WHERE source = 'session' AND setting IS DISTINCT FROM reset_val "
    # The first is of the transaction that looks, the others are what the pooler keeps in step with each client.
    "AND name NOT IN ('idle_in_transaction_session_timeout', 'application_name', 'client_encoding', 'TimeZone')"
)

LEFT: dict[str, Any] = {
    "status": DeploymentStatus.IN_PROGRESS,
    "phase": "claimed",
    "lease_owner": "gone",
    "lease_epoch": 1,
    "deadline_at": datetime(2099, 1, 1, tzinfo=UTC),
}
"""Claimed by a worker that went before it began."""


@dataclass
class Running:
    """The API on a socket, a worker, and the server that they deploy to."""

    bench: Bench
    client: httpx.AsyncClient
    token: MadeToken
    url: str
    go: Path

    async def deploy(self) -> str:
        """Ask for a deployment of the service and return its uuid."""
        answer = await self.client.post("/deploy", params={"uuid": self.bench.service.uuid})
        assert answer.status_code == 200, answer.text
        uuid: str = answer.json()["deployments"][0]["deployment_uuid"]
        return uuid

    async def follow(self, uuid: str) -> tuple[list[str], str]:
        """Read a log live; let the run end once its lines have come, and return them with the last status."""
        lines, status = [], ""
        async with Api(self.url, self.token.plain) as api:
            async for name, data in api.follow(uuid):
                if name == "message" and str(data["output"]).startswith("line "):
                    lines.append(data["output"])
                    if lines == LINES:
                        self.go.touch()
                status = data.get("status", status)
        return lines, status


@pytest_asyncio.fixture
async def running(
    api: httpx.AsyncClient,
    _application: FastAPI,
    api_settings: Settings,
    sessions: Sessions,
    make_token: MakeToken,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> AsyncIterator[Running]:
    """API and worker behind the pooler; a deployment runs SCRIPT in place of its plan."""
    del api
    go = tmp_path / "go"

    class ScriptedRunner(Runner):
        async def run(self, claimed: Claimed, cancel: asyncio.Event) -> None:
            await super().run(with_scripts(claimed, [SCRIPT.replace("GO", str(go))]), cancel)

    monkeypatch.setattr(app.worker, "Runner", ScriptedRunner)
    async with AsyncExitStack() as stack:
        bench = await stack.enter_async_context(running_bench(sessions, tmp_path / "server"))
        url = await stack.enter_async_context(serving(_application))
        await stack.enter_async_context(working(api_settings))
        token = await make_token(["root"], team_id=bench.place.team.id)
        client = httpx.AsyncClient(base_url=f"{url}/api/v1", headers=token.headers, trust_env=False, timeout=30)
        await stack.enter_async_context(client)
        yield Running(bench, client, token, url, go)


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[None]:
    """Run a worker until the block is left."""
    process = app.worker.WorkerProcess(settings)
    work = asyncio.create_task(process.run())
    try:
        yield
    finally:
        process.stop()
        await work


@asynccontextmanager
async def every_backend(settings: Settings) -> AsyncIterator[list[AsyncConnection]]:
    """Hold each of the pooler's connections in a transaction of its own."""
    engine = create_engine(settings)
    async with AsyncExitStack() as stack:
        held = [await stack.enter_async_context(engine.begin()) for _ in range(BACKENDS)]
        yield held
    await engine.dispose()


async def of_each(connections: list[AsyncConnection], statement: str) -> list[Any]:
    """Return what each connection answers."""
    return [(await connection.execute(text(statement))).scalar_one() for connection in connections]


async def test_a_deployment_is_claimed_followed_live_and_ended(running: Running, api_settings: Settings) -> None:
    uuid = await running.deploy()
    lines, _ = await running.follow(uuid)
    answer = (await running.client.get(f"/deployments/{uuid}")).json()

    assert lines == LINES
    assert answer["status"] == "finished"
    await nothing_is_left_behind(api_settings, running.bench.sessions)


async def test_a_deployment_is_cancelled(running: Running) -> None:
    uuid = await running.deploy()
    (row,) = [row for row in await rows(running) if row.deployment_uuid == uuid]
    await running.bench.until_logged(row, LINES[-1])
    assert (await running.client.post(f"/deployments/{uuid}/cancel")).is_success
    assert await settled(running, row) == DeploymentStatus.CANCELLED_BY_USER


async def test_the_sweep_finds_what_nobody_woke_anyone_for_and_takes_over_what_a_worker_left(running: Running) -> None:
    queued = await running.bench.ask()  # of which Redis is told nothing
    running.go.touch()
    assert await settled(running, queued) == DeploymentStatus.FINISHED

    async with running.bench.sessions.begin() as session:
        service = await session.get_one(Service, running.bench.service.id)
        left = (await queue_service_deployment(session, service)).deployment
        assert left is not None
        await session.flush()
        for column, value in LEFT.items():
            setattr(left, column, value)
    assert await settled(running, left) == DeploymentStatus.FINISHED
    assert (await running.bench.row(left)).lease_epoch == 3  # taken over once, and settled


async def test_the_commands_of_an_administrator_work_again_and_again(pooled: Pooler, tmp_path: Path) -> None:
    env = environment(**files(tmp_path, DATABASE_URL=pooled.url), SHIPLOG_POOLER="true")
    commands = (["migrate"], ["migrate"], ["init", "--email", "ada@example.com"], ["member", "add", "bob@example.com"])
    for command in commands:
        code, _, err = await shiplog(*command, env=env)
        assert (code, err) == (0, ""), command


async def nothing_is_left_behind(settings: Settings, direct: Sessions) -> None:
    """Look at every connection that the pooler has to PostgreSQL."""
    async with every_backend(settings) as held:
        assert len(set(await of_each(held, "SELECT pg_backend_pid()"))) == BACKENDS
        assert await of_each(held, "SELECT count(*) FROM pg_prepared_statements") == [0] * BACKENDS
        assert await of_each(held, "SELECT count(*) FROM pg_cursors WHERE is_holdable") == [0] * BACKENDS
        assert await of_each(held, "SELECT count(*) FROM pg_listening_channels()") == [0] * BACKENDS
        for connection in held:
            assert (await connection.execute(CHANGED)).scalars().all() == []
    async with direct() as session:
        locks = await session.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
        assert locks.scalar_one() == 0
        temporary = await session.execute(text("SELECT count(*) FROM pg_class WHERE relpersistence = 't'"))
        assert temporary.scalar_one() == 0


async def rows(running: Running) -> list[AnyQueue]:
    """Return every deployment of the service."""
    async with running.bench.sessions() as session:
        found = await session.execute(text("SELECT id FROM service_deployment_queues"))
        return [await session.get_one(SERVICE.queue, id_) for id_ in found.scalars()]


async def settled(running: Running, row: AnyQueue) -> DeploymentStatus:
    """Return the final status of a deployment once it has one."""
    async with asyncio.timeout(30):
        while not (now := await running.bench.row(row)).finished_at:
            await asyncio.sleep(0.02)
    return DeploymentStatus(now.status)
