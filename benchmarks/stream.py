"""From a line printed on the server to its event at a client: everything of Shiplog in between, all in this process.

.venv/bin/python -m app.embedded sh -c '.venv/bin/python -m alembic upgrade head && .venv/bin/python -m benchmarks.stream'

Sizes are read from the environment: DEPLOYMENTS at once, LINES of each at RATE a second, WATCHERS of each.
"""

import asyncio
import os
import socket
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import uvicorn

from app.auth.tokens import create_token
from app.cli.client import Api
from app.deployments.claim import claim_next
from app.deployments.queue import queue_service_deployment
from app.deployments.runner import Runner
from app.kit import encryption
from app.main import create_app
from app.models import Service, TeamMember, TeamRole, User
from app.postgres import Sessions, create_engine, create_sessions
from app.redis import Waker
from app.settings import Settings, get_settings
from tests.deploying import create_service
from tests.integration.deployments.running import LEASE, Bench, running_bench, with_scripts

DEPLOYMENTS, LINES, RATE, WATCHERS = (
    int(os.environ.get(name, default))
    for name, default in (("DEPLOYMENTS", 10), ("LINES", 100), ("RATE", 20), ("WATCHERS", 1))
)
SCRIPT = f"i=0; while [ $i -lt {LINES} ]; do date +%s%N; sleep {1 / RATE}; i=$((i + 1)); done"


async def make_token(sessions: Sessions, team_id: int) -> str:
    async with sessions.begin() as session:
        user = User(name="benchmark", email="benchmark@example.com")
        session.add(user)
        await session.flush()
        session.add(TeamMember(team_id=team_id, user_id=user.id, role=TeamRole.OWNER))
        _, plain = await create_token(
            session, team_id=team_id, user_id=user.id, name="benchmark", abilities=["read:sensitive"]
        )
    return plain


async def deploy(bench: Bench, runner: Runner) -> list[tuple[str, asyncio.Task[None]]]:
    """Start all deployments and return their uuids with their runs."""
    async with bench.sessions.begin() as session:
        services = [await create_service(session, bench.place, name=f"s{n}") for n in range(DEPLOYMENTS)]
    started = []
    for each in services:
        async with bench.sessions.begin() as session:
            service = await session.get_one(Service, each.id)
            queued = await queue_service_deployment(session, service)
        assert queued.deployment is not None
        claimed = await claim_next(bench.sessions, bench.place.server.id, "benchmark", LEASE * 20)
        assert claimed is not None
        run = runner.run(with_scripts(claimed, [SCRIPT]), asyncio.Event())
        started.append((queued.deployment.deployment_uuid, asyncio.create_task(run)))
    return started


async def watch(url: str, token: str, uuid: str) -> list[float]:
    """Return how long each line took, in milliseconds."""
    took = []
    async with Api(url, token) as api:
        async for name, data in api.follow(uuid):
            if name == "message" and data["output"].isdigit():
                took.append((time.time_ns() - int(data["output"])) / 1e6)
    return took


async def measure(settings: Settings, folder: Path) -> None:
    sessions = create_sessions(create_engine(settings.model_copy(update={"database_pool_size": 30})))
    waker = Waker(settings.redis())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(create_app(settings), log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            await client.get("/api/v1/health")  # it serves
        async with running_bench(
            sessions, folder, concurrent_deployments=DEPLOYMENTS, deployment_queue_limit=500
        ) as bench:
            token = await make_token(sessions, bench.place.team.id)
            started = await deploy(bench, Runner(sessions, bench.hosts, settings, waker.publish_count))
            watching = [watch(url, token, uuid) for uuid, _ in started for _ in range(WATCHERS)]
            found = await asyncio.gather(*watching)
            await asyncio.gather(*(run for _, run in started))
        server.should_exit = True
        await serving
    await waker.close()
    await sessions.kw["bind"].dispose()
    assert [len(took) for took in found] == [LINES] * DEPLOYMENTS * WATCHERS, "lines are lost"
    took = sorted(each for every in found for each in every)
    p99 = took[len(took) * 99 // 100]
    print(
        f"stream: p50 {statistics.median(took):.0f} ms, p99 {p99:.0f} ms, worst {took[-1]:.0f} ms; "
        f"{DEPLOYMENTS} deployments, {RATE} lines/s each, {WATCHERS} watching each, nothing lost"
    )


def main() -> None:
    """Print the row."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        keys.write_text(encryption.new_key())
        encryption.install(encryption.Keyring([keys.read_text()]))
        settings = get_settings().model_copy(update={"encryption_keys_file": keys})
        asyncio.run(measure(settings, Path(folder) / "server"))


if __name__ == "__main__":
    main()
