"""A log of a million lines: what the worker that writes it and the API that hands it out need over being idle.

Sizes from the environment: LINES.
"""

import asyncio
import tempfile
import time
from pathlib import Path

import httpx

from app.deployments.queue import queue_service_deployment
from app.models import Service, ServiceDeploymentQueue
from app.postgres import create_engine, create_sessions
from app.redis import Waker
from app.settings import Settings
from benchmarks.measuring import configured, make_token, mebibytes, serving_api, size
from benchmarks.worker import working
from tests.deploying import create_service

LINES = size("LINES", 1_000_000)
SECONDS = 300
SCRIPT = f"seq -f 'line %.0f of a log that is as long as logs get, and then some more words' {LINES}"


async def downloaded(settings: Settings, token: str, uuid: str) -> tuple[int, float, float, float]:
    """Return how many of the lines came, how long that took, and the API's memory, idle and at most."""
    async with serving_api(settings) as (port, pid):
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/plain"}
        url = f"http://127.0.0.1:{port}/api/v1"
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120) as client:
            await client.get(f"/deployments/{uuid}/logs?limit=1")
            idle, lines, began = mebibytes(pid), 0, time.perf_counter()
            async with client.stream("GET", f"/deployments/{uuid}/logs") as answer:
                assert answer.status_code == 200
                async for piece in answer.aiter_bytes():
                    lines += piece.count(b" of a log ")
            return lines, time.perf_counter() - began, idle, mebibytes(pid, peak=True)


async def measure(settings: Settings, folder: Path) -> None:
    """Print the figures as the row."""
    engine = create_engine(settings)
    sessions = create_sessions(engine)
    async with working(sessions, settings, folder, SCRIPT) as at:
        token = await make_token(sessions, at.place.team.id, "read:sensitive")
        async with sessions.begin() as session:
            service = await create_service(session, at.place)
        async with sessions.begin() as session:
            asked = await queue_service_deployment(session, await session.get_one(Service, service.id))
        assert asked.deployment is not None
        waker = Waker(settings.redis())
        began = time.perf_counter()
        await waker.look(at.place.server.id)
        status = ""
        while status not in {"finished", "failed"}:
            assert time.perf_counter() - began < SECONDS, "it does not finish"
            await asyncio.sleep(0.5)
            async with sessions() as session:
                status = (await session.get_one(ServiceDeploymentQueue, asked.deployment.id)).status
        wrote = time.perf_counter() - began
        await waker.close()
        facts = await at.end()
    await engine.dispose()
    lines, read, idle, peak = await downloaded(settings, token, asked.deployment.deployment_uuid)
    assert (status, lines) == ("finished", LINES), (status, lines)
    print(
        f"long_log: {LINES:,} lines, all there; worker {facts['peak'] - facts['idle']:.0f} MiB over idle, "
        f"{LINES / wrote:,.0f} lines/s; API {peak - idle:.0f} MiB over idle, {LINES / read:,.0f} lines/s"
    )


if __name__ == "__main__":
    with configured(log_cap_bytes=10**12) as found_settings, tempfile.TemporaryDirectory() as server:
        asyncio.run(measure(found_settings, Path(server)))
