"""Many deployments at once in one worker process: that all finish, its memory, and how late its event loop is.

Sizes from the environment: DEPLOYMENTS, and LINES that each prints, one a second.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app.deployments.queue import queue_service_deployment
from app.models import Service, ServiceDeploymentQueue
from app.postgres import Sessions, create_engine, create_sessions
from app.redis import Waker
from app.settings import Settings
from benchmarks.measuring import configured, size
from benchmarks.worker import Working, working
from tests.deploying import create_service

DEPLOYMENTS, LINES = size("DEPLOYMENTS", 200), size("LINES", 30)
SECONDS = 240
SCRIPT = f"i=0; while [ $i -lt {LINES} ]; do echo line $i; sleep 1; i=$((i + 1)); done"


async def queue(sessions: Sessions, at: Working) -> None:
    """Ask for all of them."""
    for number in range(DEPLOYMENTS):
        async with sessions.begin() as session:
            service = await create_service(session, at.place, name=f"s{number}")
        async with sessions.begin() as session:
            asked = await queue_service_deployment(session, await session.get_one(Service, service.id))
        assert asked.deployment is not None


async def count(sessions: Sessions, *which: Any) -> int:
    """Return how many deployments are like that."""
    async with sessions() as session:
        return (
            await session.execute(select(func.count()).select_from(ServiceDeploymentQueue).where(*which))
        ).scalar_one()


async def measure(settings: Settings, folder: Path) -> None:
    """Print the figures as the row."""
    engine = create_engine(settings)
    sessions = create_sessions(engine)
    limits = {"concurrent_deployments": DEPLOYMENTS, "deployment_queue_limit": DEPLOYMENTS * 2}
    async with working(sessions, settings, folder, SCRIPT, **limits) as at:
        await queue(sessions, at)
        waker = Waker(settings.redis())
        began = time.perf_counter()
        await waker.look(at.place.server.id)
        together = 0
        while await count(sessions, ServiceDeploymentQueue.finished_at.is_(None)):
            together = max(together, await count(sessions, ServiceDeploymentQueue.phase == "launched"))
            assert time.perf_counter() - began < SECONDS, "they do not finish"
            await asyncio.sleep(0.5)
        took = time.perf_counter() - began
        finished = await count(sessions, ServiceDeploymentQueue.status == "finished")
        async with sessions() as session:
            rows = (await session.execute(select(ServiceDeploymentQueue))).scalars().all()
            logs = [[entry["output"] for entry in await row.log_entries()] for row in rows]
        await waker.close()
        facts = await at.end()
    await engine.dispose()
    printed = [f"line {number}" for number in range(LINES)]
    whole = sum([line for line in log if line.startswith("line ")] == printed for log in logs)
    print(
        f"many: {finished} of {DEPLOYMENTS} finished, {whole} whole logs, {together} ran at once, {took:.0f} s, "
        f"{facts['peak']:.0f} MiB ({facts['idle']:.0f} idle), "
        f"loop lag p99 {facts['lag']:.0f} ms, worst {facts['worst']:.0f} ms"
    )


if __name__ == "__main__":
    with configured() as found_settings, tempfile.TemporaryDirectory() as server:
        asyncio.run(measure(found_settings, Path(server)))
