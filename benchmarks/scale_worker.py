"""What a worker process does to PostgreSQL and nothing else, as often as it can, and how long each time took.

`python -m benchmarks.scale_worker` reads lines such as `claim 3` and answers each with a line of JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field

from sqlalchemy import text

from app.deployments.claim import Claimed, claim_next
from app.deployments.dispatcher import Dispatcher
from app.deployments.log import LogWriter, Position, Stretch
from app.kit.clock import utcnow
from app.kit.ids import new_uuid
from app.logs import configure_logging
from app.models.log_entry import AlikeEntries
from app.postgres import create_autocommit_sessions, create_engine, create_sessions
from app.settings import Settings, get_settings
from benchmarks.measuring import environment_of, percentile, program

AT_ONCE, BATCH, LEASE = 4, 100, 3600
MOST = 1_000
"""Times that a process tells of, evenly chosen: its answer is one line."""

LINE = "x" * 93  # an entry of about 220 bytes


@dataclass
class Done:
    """How much was done, and how long each piece took, in milliseconds."""

    count: int = 0
    took: list[float] = field(default_factory=list)

    def milliseconds(self, share: float) -> float:
        """Return the time that so many, from 0 to 1, do not exceed."""
        return percentile(self.took, share) if self.took else float("nan")


class Worker:
    """Several tasks of one process, over its connections."""

    def __init__(self, settings: Settings) -> None:
        self._engine = create_engine(settings)
        self._sessions = create_sessions(self._engine)
        self._readers = create_autocommit_sessions(self._engine, settings)
        self._settings = settings
        self._owner = new_uuid()
        self._servers: list[int] = []
        self._claimed: list[Claimed] = []

    async def connect(self) -> None:
        """Learn which servers there are, over as many connections as will be used."""
        async with AsyncExitStack() as stack:
            held = [await stack.enter_async_context(self._sessions()) for _ in range(AT_ONCE)]
            for session in held:
                await session.execute(text("SELECT 1"))
            self._servers = list((await session.execute(text("SELECT id FROM servers ORDER BY random()"))).scalars())

    async def claim(self, seconds: float) -> Done:
        """Claim on one server after the other."""
        number = 0

        async def once() -> int:
            nonlocal number
            number += 1
            server = self._servers[number % len(self._servers)]
            claimed = await claim_next(self._sessions, server, self._owner, LEASE)
            if claimed is not None:
                self._claimed.append(claimed)
            return int(claimed is not None)

        return await _repeat([once] * AT_ONCE, seconds)

    async def sweep(self, seconds: float) -> Done:
        """Sweep as a worker does every ten seconds."""

        async def nothing(*_: object) -> None:
            pass

        settings = self._settings.model_copy(update={"lease_seconds": LEASE})
        dispatcher = Dispatcher(self._sessions, settings, self._owner, nothing, nothing)

        async def once() -> int:
            await dispatcher.sweep_once()
            return 1

        return await _repeat([once], seconds)

    async def append(self, seconds: float) -> Done:
        """Append to several logs at once."""
        return await _repeat([self._appending(claimed) for claimed in self._claimed[:AT_ONCE]], seconds)

    def _appending(self, claimed: Claimed) -> Callable[[], Awaitable[int]]:
        start = Position(claimed.lease_epoch, 0, 0, 0)
        writer = LogWriter(self._readers, claimed.kind, claimed.deployment_id, start, lease_seconds=LEASE)

        async def once() -> int:
            entries = AlikeEntries("\n".join([LINE] * BATCH), BATCH, "stdout", utcnow(), batch=1, hidden=False)
            await writer.append(Stretch([entries], writer.position.stdout_offset + BATCH, 0, 0, []))
            return BATCH

        return once


async def _repeat(works: list[Callable[[], Awaitable[int]]], seconds: float) -> Done:
    done, until = Done(), time.monotonic() + seconds

    async def repeat(work: Callable[[], Awaitable[int]]) -> None:
        while (began := time.monotonic()) < until:
            count = await work()
            done.count += count
            if count:
                done.took.append((time.monotonic() - began) * 1000)

    await asyncio.gather(*map(repeat, works))
    done.took = [round(one, 2) for one in sorted(done.took)[:: 1 + len(done.took) // MOST]]
    return done


@dataclass(frozen=True)
class Fleet:
    """So many worker processes, which all do the same."""

    processes: list[asyncio.subprocess.Process]

    async def do(self, what: str, seconds: float) -> Done:
        """Let all of them do it; return what they did together."""
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(f"{what} {seconds}\n".encode())
        each = [Done(**json.loads(await _line(process))) for process in self.processes]
        return Done(sum(one.count for one in each), [took for one in each for took in one.took])


@asynccontextmanager
async def fleet(settings: Settings, count: int) -> AsyncIterator[Fleet]:
    """Run so many worker processes."""
    env = environment_of(settings, SHIPLOG_POOLER=str(settings.pooler))
    async with AsyncExitStack() as stack:
        start = [program("-m", "benchmarks.scale_worker", env=env, stdin=asyncio.subprocess.PIPE) for _ in range(count)]
        processes = [await stack.enter_async_context(one) for one in start]
        for process in processes:
            await _line(process)
        yield Fleet(processes)


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise ChildProcessError(f"A worker process ended with {await process.wait()}.")
    return line


async def main() -> None:
    """Do what the lines say."""
    configure_logging("ERROR")
    worker = Worker(get_settings())
    await worker.connect()
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        what, seconds = line.split()
        print(json.dumps(asdict(await getattr(worker, what)(float(seconds)))), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
