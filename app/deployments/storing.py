"""The way of a run's stretches into its log: one is on its way while the next is made."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from app.deployments.log import LogWriter, Stretch, WrittenStretch, write
from app.kit.backoff import pause_after
from app.postgres import is_away

log = structlog.get_logger(__name__)

Publish = Callable[[str, int], Awaitable[None]]


class Storing:
    """Stores the stretches of one deployment in order; each is sent when the one before has arrived."""

    def __init__(self, writer: LogWriter, publish: Publish, deployment_uuid: str) -> None:
        self._writer = writer
        self._publish = publish
        self._uuid = deployment_uuid
        self._underway: asyncio.Task[None] | None = None
        self.ahead = writer.position
        """Where the log will stand once what is on its way has arrived."""

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """What is on its way, for who waits for something else as well."""
        return set() if self._underway is None else {self._underway}

    @property
    def is_over(self) -> bool:
        """Whether what was on its way has arrived, or never will."""
        return self._underway is not None and self._underway.done()

    async def send(self, stretch: Stretch) -> None:
        """Send a stretch on its way; raises what kept the one before from arriving, LeaseLost above all."""
        written = write(stretch, self.ahead)
        await self.arrive()
        self.ahead = written.after
        self._underway = asyncio.create_task(self._store(written))

    async def arrive(self) -> None:
        """Wait until nothing is on its way; raises what kept it from arriving."""
        if self._underway is not None:
            underway, self._underway = self._underway, None
            await underway

    async def stop(self) -> None:
        """Let go of what is on its way: it may or may not arrive, and whoever goes on will see."""
        for task in self.tasks:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._underway = None

    async def _store(self, written: WrittenStretch) -> None:
        """Append; while PostgreSQL is away wait for it: the spool on the server keeps what we do not read."""
        attempt = 0
        while True:
            try:
                await self._writer.append(written)
                break
            except Exception as error:
                if not is_away(error):
                    raise
                attempt += 1
                log.warning("PostgreSQL is away, the log waits", error=type(error).__name__)
                await asyncio.sleep(pause_after(attempt, most=5.0, first=0.1))
        if written.count:
            await self._publish(self._uuid, written.after.log_count)
