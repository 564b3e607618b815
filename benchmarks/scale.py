"""Many worker and API processes on one PostgreSQL: claim, sweep, append, connections; directly and behind PgBouncer.

Sizes from the environment: WORKERS, such as 1,4,16, QUEUED rows, SECONDS of each phase, API processes.
"""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx
from pydantic import SecretStr
from sqlalchemy import insert, text

from app.logs import configure_logging
from app.models import Service
from app.postgres import Sessions, create_engine, create_sessions
from app.settings import Settings
from benchmarks.measuring import configured, environment_of, make_token, serving, size
from benchmarks.scale_worker import Done, Fleet, fleet
from tests.deploying import COMPOSE, create_place
from tests.pooler import pooler

WORKERS = tuple(map(int, os.environ.get("WORKERS", "1,4,16").split(",")))
QUEUED, SECONDS, APIS = size("QUEUED", 10_000), size("SECONDS", 3), size("API", 4)
SERVERS, BACKENDS, CLIENTS = 50, 20, 8

_QUEUE = text(
    """
    INSERT INTO service_deployment_queues
        (team_id, resource_uuid, deployment_uuid, server_id, server_uuid, server_name, service_id, service_name)
    SELECT server.team_id, service.uuid, service.uuid, server.id, server.uuid, server.name, service.id, service.name
    FROM services AS service JOIN servers AS server ON server.id = service.server_id
    """
)
_CONNECTIONS = text("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")


@dataclass
class Figures:
    """What a number of workers did, and how many connections PostgreSQL had at most."""

    claim: Done = field(default_factory=Done)
    sweep: Done = field(default_factory=Done)
    append: Done = field(default_factory=Done)
    requests: int = 0
    connections: int = 0

    def text(self, seconds: float) -> str:
        """Return them as part of a line."""
        return (
            f"{self.claim.count / seconds:,.0f} claims/s, p50 {self.claim.milliseconds(0.5):.1f} p99 "
            f"{self.claim.milliseconds(0.99):.0f} ms; sweep p50 {self.sweep.milliseconds(0.5):.0f} ms; "
            f"{self.append.count / seconds:,.0f} lines/s, append p50 {self.append.milliseconds(0.5):.1f} ms, beside "
            f"{self.requests / seconds:,.0f} requests/s; {self.connections} connections"
        )


async def prepare(sessions: Sessions, queued: int, servers: int = SERVERS) -> str:
    """Make the services and their servers, with room for everything; return a token that may read one team's."""
    async with sessions.begin() as session:
        places = [await create_place(session, concurrent_deployments=queued) for _ in range(servers)]
        values = [
            {"name": f"s{number}", "docker_compose_raw": COMPOSE, **places[number % servers].of_resource()}
            for number in range(queued)
        ]
        await session.execute(insert(Service), values)
    return await make_token(sessions, places[0].team.id, "read")


async def queue(sessions: Sessions) -> str:
    """Queue a deployment of every service and nothing else; return the first one's uuid."""
    async with sessions.begin() as session:
        await session.execute(text("TRUNCATE service_deployment_queues CASCADE"))
        await session.execute(_QUEUE)
    async with sessions.begin() as session:
        await session.execute(text("ANALYZE service_deployment_queues"))  # what autovacuum does within a minute
        first = text("SELECT deployment_uuid FROM service_deployment_queues ORDER BY id LIMIT 1")
        uuid: str = (await session.execute(first)).scalar_one()
    return uuid


@dataclass(frozen=True)
class Asking:
    """Clients that read one deployment, from one API after the other."""

    ports: Sequence[int]
    token: str
    uuid: str

    async def for_seconds(self, seconds: float) -> int:
        """Return how many requests were answered."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=60) as client:
            until = time.monotonic() + seconds

            async def ask(number: int) -> int:
                url = f"http://127.0.0.1:{self.ports[number % len(self.ports)]}/api/v1/deployments/{self.uuid}"
                answered = 0
                while time.monotonic() < until:
                    (await client.get(url)).raise_for_status()
                    answered += 1
                return answered

            return sum(await asyncio.gather(*map(ask, range(CLIENTS if self.ports else 0))))


async def run_phases(workers: Fleet, sessions: Sessions, seconds: float, ask: Asking) -> Figures:
    """Let the workers claim, then sweep with every server full, then append while the APIs are asked."""
    found = Figures()
    watching = asyncio.create_task(_watch_connections(sessions, found))
    found.claim = await workers.do("claim", seconds)
    async with sessions.begin() as session:
        await session.execute(text("UPDATE server_settings SET concurrent_deployments = 1"))
    found.sweep = await workers.do("sweep", seconds)
    asking = asyncio.create_task(ask.for_seconds(seconds))
    found.append = await workers.do("append", seconds)
    found.requests = await asking
    watching.cancel()
    async with sessions.begin() as session:
        await session.execute(text("UPDATE server_settings SET concurrent_deployments = 1000000"))
    return found


async def _watch_connections(sessions: Sessions, found: Figures) -> None:
    async with sessions() as session:
        while True:
            found.connections = max(found.connections, (await session.execute(_CONNECTIONS)).scalar_one() - 1)
            await session.commit()
            await asyncio.sleep(0.1)


@asynccontextmanager
async def serving_apis(settings: Settings, count: int) -> AsyncIterator[list[int]]:
    """Run so many API processes and yield their ports."""
    env = environment_of(settings, SHIPLOG_POOLER=str(settings.pooler), SHIPLOG_LOG_LEVEL="ERROR")
    async with AsyncExitStack() as stack:
        found = [
            await stack.enter_async_context(serving("-m", "app", "api", "--fd", "0", env=env)) for _ in range(count)
        ]
        yield [port for port, _ in found]


async def measure_all(settings: Settings, sessions: Sessions, token: str, how: str) -> list[str]:
    """Print a line for each number of workers; return them."""
    lines = []
    async with serving_apis(settings, APIS) as ports:
        for count in WORKERS:
            uuid = await queue(sessions)
            async with fleet(settings, count) as workers:
                found = await run_phases(workers, sessions, SECONDS, Asking(ports, token, uuid))
            lines.append(f"{how} {count} workers: {found.text(SECONDS)}")
            print(lines[-1], flush=True)
    return lines


async def measure(settings: Settings) -> None:
    """Print the figures, then the row."""
    configure_logging("ERROR")  # what takes long on a busy machine is the figure, not news
    engine = create_engine(settings)
    sessions = create_sessions(engine)
    token = await prepare(sessions, QUEUED)
    lines = await measure_all(settings, sessions, token, "direct,")
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        lines.append("no PgBouncer on this machine")
    else:
        async with pooler(program, settings.database(), backends=BACKENDS) as through:
            behind = settings.model_copy(update={"database_url": SecretStr(through.url), "pooler": True})
            lines += await measure_all(behind, sessions, token, "PgBouncer,")
    await engine.dispose()
    print(f"scale: {QUEUED:,} queued, {APIS} APIs; {lines[len(WORKERS) - 1]}; {lines[-1]}")


if __name__ == "__main__":
    with configured() as found_settings:
        asyncio.run(measure(found_settings))
