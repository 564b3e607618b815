"""A worker as it is run in production, but that every deployment runs SCRIPT; at its end it says how it fared.

For the rows that look at one process: `python -m benchmarks.worker` prints JSON with its lag and its memory.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

import app.worker
from app.deployments.claim import Claimed
from app.deployments.runner import Runner
from app.kit.clock import utcnow
from app.logs import configure_logging
from app.models import PrivateKey, Server
from app.postgres import Sessions
from app.remote.keys import generate_private_key, read_private_key
from app.remote.loopback import loopback_endpoint
from app.settings import Settings, get_settings
from benchmarks.measuring import environment_of, mebibytes, percentile, program
from tests.deploying import Place, create_place
from tests.integration.deployments.running import with_scripts

TICK = 0.01


class ScriptedRunner(Runner):
    """Runs the script in place of each deployment's plan."""

    async def run(self, claimed: Claimed, cancel: asyncio.Event) -> None:
        """Run one deployment."""
        await super().run(with_scripts(claimed, [os.environ["SCRIPT"]]), cancel)


async def watch_lag(lags: list[float]) -> None:
    """Note for ever how late the event loop comes back to who sleeps, in milliseconds."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TICK)
        lags.append((time.perf_counter() - began - TICK) * 1000)


async def main() -> None:
    """Work until SIGTERM."""
    configure_logging("WARNING")
    vars(app.worker)["Runner"] = ScriptedRunner
    process = app.worker.WorkerProcess(get_settings())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, process.stop)
    lags: list[float] = []
    watching = asyncio.create_task(watch_lag(lags))
    running = asyncio.create_task(process.run())
    await asyncio.sleep(2)  # it has connected
    idle = mebibytes(os.getpid())
    print("ready", flush=True)
    await running
    watching.cancel()
    facts = {"idle": idle, "peak": mebibytes(os.getpid(), peak=True), "lag": percentile(lags, 0.99), "worst": max(lags)}
    print(json.dumps(facts), flush=True)


@dataclass
class Working:
    """A server that is this machine, and the worker process that deploys to it."""

    place: Place
    end: Callable[[], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def working(
    sessions: Sessions, settings: Settings, folder: Path, script: str, **limits: int
) -> AsyncIterator[Working]:
    """Yield a worker whose deployments run `script`; `limits` are of its server's row."""
    private_key = generate_private_key()
    public_key = read_private_key(private_key).public_key
    async with loopback_endpoint(host_key=generate_private_key(), authorized_key=public_key) as endpoint:
        async with sessions.begin() as session:
            place = await create_place(session, **limits)
            (await session.get_one(PrivateKey, place.server.private_key_id)).private_key = private_key
            point(place.server, endpoint.host, endpoint.port, endpoint.user, endpoint.host_key, folder)
        async with started(settings, script) as end:
            yield Working(place, end)


def point(server: Server, host: str, port: int, user: str, host_key: str, folder: Path) -> None:
    """Let a server's row be about a real one, which nobody needs to validate any more."""
    server.ip, server.port, server.user, server.host_key = host, port, user, host_key
    server.data_folder, server.validated_at = str(folder), utcnow()


@asynccontextmanager
async def started(settings: Settings, script: str) -> AsyncIterator[Callable[[], Awaitable[dict[str, Any]]]]:
    """Run a worker; what is yielded ends it and returns what it says."""
    async with program("-m", "benchmarks.worker", env=environment_of(settings, SCRIPT=script)) as process:
        stdout = process.stdout
        assert stdout is not None
        assert await stdout.readline() == b"ready\n"

        async def end() -> dict[str, Any]:
            process.terminate()
            facts: dict[str, Any] = json.loads(await stdout.readline())
            return facts

        yield end


if __name__ == "__main__":
    uvloop.run(main())
