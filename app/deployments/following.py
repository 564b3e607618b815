"""Follows one run: bytes from the acknowledged offsets → redacted lines → entries → the log, until the run is over."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import structlog

from app.deployments.batches import Channel
from app.deployments.lines import SpoolReader
from app.deployments.log import LogWriter
from app.deployments.recording import Recorder
from app.deployments.storing import Publish, Storing
from app.deployments.timeline import Timeline
from app.kit.backoff import pause_after
from app.kit.redaction import Redactor
from app.remote.detached import Chunk, DetachedRun, IndexEntry, RunState
from app.remote.errors import GivenBack, HostKeyChanged, HostKeyUnknown, InvalidKey, KeyRefused, RemoteError

log = structlog.get_logger(__name__)

BATCH_ENTRIES = 2500
"""So many are stored at once."""
FLUSH_SECONDS = 0.1
"""Fewer are stored so often; the first after a silence of this length after GATHER_SECONDS, in which others may come."""
GATHER_SECONDS = 0.005
READ_BYTES = 1024 * 1024
BARRIER_SECONDS = 5.0
FINAL_ERRORS = (HostKeyChanged, HostKeyUnknown, KeyRefused, InvalidKey, GivenBack)
"""What no waiting mends; anything else may be a server that is starting, full or short of memory just now."""

GIVE_BACK_BYTES = 64 * 1024 * 1024
IDLE_SECONDS = 0.2
"""Between a follower that ended by itself and the next one, while the run goes on: no busy loop over SSH."""

OpenRun = Callable[[], Awaitable[DetachedRun]]


class _Held(NamedTuple):
    """Since when a stream has waited at a marker while the other one stood at `position`."""

    since: float
    position: int


class Gone(Exception):
    """The run cannot be followed to its end any more; the text is the reason."""


class Follower:
    """Brings the output of one run into its log, from wherever the log stands."""

    def __init__(
        self,
        *,
        open_run: OpenRun,
        nonce: str,
        redactor: Redactor,
        writer: LogWriter,
        recorder: Recorder,
        deadline: float,
        run_clock: datetime | None,
        publish: Publish,
        deployment_uuid: str,
    ) -> None:
        self._open_run = open_run
        self._writer = writer
        self._deadline = deadline
        self._recorder = recorder
        self._run_clock = run_clock
        self._run: DetachedRun | None = None
        self._storing = Storing(writer, publish, deployment_uuid)
        position = writer.position
        self._reader = SpoolReader(redactor, nonce, position.stdout_offset, position.stderr_offset, recorder.step)
        self._given_back: dict[Channel, int] = {"stdout": position.stdout_offset, "stderr": position.stderr_offset}

    async def until_over(self) -> RunState:
        """Follow until the run is over and every byte of it is stored; return how it ended.

        Survives the link: reconnects with back-off until the deadline, then raises Gone; also for what no waiting mends,
        such as a changed host key. Raises LeaseLost when another worker has taken over.
        """
        try:
            return await self._until_over()
        finally:
            await self._storing.stop()

    async def _until_over(self) -> RunState:
        attempt, stored = 0, self._writer.position
        while True:
            try:
                run = await self._open_run()
                state = await self._follow(run)
                if state.kind != "running":
                    return state
                attempt = 0
                await asyncio.sleep(IDLE_SECONDS)
            except RemoteError as error:
                if isinstance(error, FINAL_ERRORS):
                    raise Gone(f"The run goes on unseen: {error}") from error
                if time.monotonic() >= self._deadline:
                    raise Gone(f"The deadline passed while the server could not be reached: {error}") from error
                await self._storing.arrive()
                # A link that brings something each time is no server to be left alone.
                attempt = attempt + 1 if self._writer.position == stored else 1
                stored = self._writer.position
                pause = pause_after(attempt, most=30.0) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
                log.info("the link is lost, going on soon", error=str(error), seconds=pause)
                await asyncio.sleep(pause)

    async def _follow(self, run: DetachedRun) -> RunState:
        self._recorder.timeline = await self._noted_times(run)
        self._run = run
        is_silent = False
        if not self._reader.overfull:
            async with run.follow(self._reader.position("stdout"), self._reader.position("stderr")) as chunks:
                is_silent = await self._pump(chunks)
        if self._reader.overfull or is_silent:
            await self._catch_up_lagging(run)
        state = await run.state()
        if state.kind == "lost":
            # A script whose supervisor was killed may live on and write; nobody else would ever end it.
            state = replace(await run.cancel(), kind="lost")
        if state.kind != "running":
            await self._read_rest(run, state)
        return state

    async def _noted_times(self, run: DetachedRun) -> Timeline:
        """Return when what nobody has read yet was printed; what comes from now on is dated as it comes."""
        position = self._writer.position
        offsets = (position.stdout_offset, position.stderr_offset)
        noted: list[IndexEntry] = []
        while more := [entry for entry in await run.index(*offsets) if not noted or entry.uptime > noted[-1].uptime]:
            noted += more
            offsets = (more[-1].stdout_size, more[-1].stderr_size)
        return Timeline(self._run_clock, noted)

    async def _give_back(self) -> None:
        """Give the disk back what is stored, so that a flood of output does not fill it."""
        position = self._writer.position
        offsets: dict[Channel, int] = {"stdout": position.stdout_offset, "stderr": position.stderr_offset}
        for channel, offset in offsets.items():
            if self._run is not None and offset - self._given_back[channel] >= GIVE_BACK_BYTES:
                self._given_back[channel] = offset
                await self._run.punch(channel, offset)

    async def _pump(self, chunks: AsyncIterator[Chunk]) -> bool:
        """Feed what comes; store a whole batch at once, and less every 100 ms.

        Return whether it ended because a stream waits at a marker for the other one, which is silent.
        """
        following = asyncio.ensure_future(anext(chunks, None))
        clock = asyncio.get_running_loop().time
        flush_at: float | None = None
        flushed_at = 0.0
        held: _Held | None = None
        is_silent = False
        try:
            while True:
                timeout = None if flush_at is None else max(0.0, flush_at - clock())
                if held is not None:
                    timeout = BARRIER_SECONDS if timeout is None else min(timeout, BARRIER_SECONDS)
                # What has come already is here after one round of the loop: no need to wait for it, which takes three.
                await asyncio.sleep(0)
                if not following.done():
                    awaited = {following, *self._storing.tasks}
                    await asyncio.wait(awaited, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                if self._storing.is_over:
                    await self._storing.arrive()
                if following.done():
                    chunk = following.result()
                    if chunk is None:
                        break
                    self._reader.feed(chunk.channel, chunk.offset, chunk.data)
                    following = asyncio.ensure_future(anext(chunks, None))
                    flush_at = flush_at or max(clock() + GATHER_SECONDS, flushed_at + FLUSH_SECONDS)
                is_due = flush_at is not None and clock() >= flush_at
                if is_due or self._reader.pending >= BATCH_ENTRIES:
                    # A flood comes in pieces: storing each rest alone would double the statements.
                    await self._store(at_least=0 if is_due else BATCH_ENTRIES)
                    if is_due:
                        flush_at, flushed_at = None, clock()
                held = self._held(held, clock())
                is_silent = held is not None and clock() - held.since >= BARRIER_SECONDS
                if self._reader.overfull or is_silent:
                    break
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        await self._store_all()
        return is_silent

    def _held(self, held: _Held | None, now: float) -> _Held | None:
        """Return since when a stream waits at a marker while the other one has not come nearer to it."""
        lagging = self._reader.lagging
        if lagging is None:
            return None
        position = self._reader.position(lagging)
        return held if held is not None and held.position == position else _Held(now, position)

    async def _catch_up_lagging(self, run: DetachedRun) -> None:
        """Read only the stream that is behind, in bounded pieces, until the other one may go on.

        It goes on alone when the server says that there is no more: that nothing came may as well be the link's fault, or
        PostgreSQL's, which kept us from reading.
        """
        while (lagging := self._reader.lagging) is not None:
            offset = self._reader.position(lagging)
            data = await run.read(lagging, offset, READ_BYTES)
            self._reader.feed(lagging, offset, data)
            if self._reader.position(lagging) == offset:
                self._reader.drop_barrier()
            await self._store_all()

    async def _read_rest(self, run: DetachedRun, state: RunState) -> None:
        """Read both spools up to the sizes that were recorded with the exit code, then the unfinished last lines."""
        sizes = {"stdout": state.stdout_size or 0, "stderr": state.stderr_size or 0}
        while True:
            advanced = False
            for channel in ("stdout", "stderr"):
                offset = self._reader.position(channel)
                limit = min(READ_BYTES, sizes[channel] - offset)
                if limit > 0 and (data := await run.read(channel, offset, limit)):
                    self._reader.feed(channel, offset, data)
                    advanced = advanced or self._reader.position(channel) > offset
                    await self._store()
            if not advanced and self._reader.overfull:
                self._reader.drop_barrier()
            elif not advanced:
                break
        self._reader.finish()
        await self._store_all()

    async def _store(self, *, at_least: int = 0) -> None:
        """Store what the reader has, in stretches, while it is so much; the last is then on its way."""
        while self._reader.pending >= at_least:
            batch = self._reader.take(BATCH_ENTRIES)
            position = self._storing.ahead
            moved = (batch.stdout_offset, batch.stderr_offset) != (position.stdout_offset, position.stderr_offset)
            if not batch.lines and not batch.step_changes and not moved:
                return
            await self._storing.send(self._recorder.stretch(batch, position))
            await self._give_back()

    async def _store_all(self) -> None:
        """Return when all that the reader has is stored."""
        await self._store()
        await self._storing.arrive()
