"""Processes that are started again whenever they end by themselves."""

import asyncio
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from app.kit import child

_PAUSES = (0.5, 1, 2, 5, 10, 30)
_STEADY_SECONDS = 60
"""Who lived this long begins again with the shortest pause."""

_STOP_SECONDS = 10


class KeptRunning:
    """One child process, restarted with growing pauses; each end is told to `report` in one line."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        report: Callable[[str], None],
        stdin: int = asyncio.subprocess.DEVNULL,
    ) -> None:
        self.name = name
        self.ended = asyncio.Event()
        """Set once the process has ended by itself."""
        self._command = command
        self._environment = environment
        self._folder = folder
        self._log = log
        self._report = report
        self._stdin = stdin
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it, and keep it running until `stop`."""
        with child.open_log(self._log) as log:
            self._log_offset = log.tell()
        process = self._process = await self._launch()
        self._watcher = asyncio.create_task(self._watch(process))

    async def stop(self) -> None:
        """Let it end in order, for ten seconds at most."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        if self._process is not None:
            await child.stop(self._process, signal.SIGTERM, grace_seconds=_STOP_SECONDS)

    def last_words(self) -> str:
        """Return the last line it has logged since `start`."""
        return child.tail(self._log, self._log_offset, lines=1)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        ends = 0
        while True:
            started = time.monotonic()
            code = await process.wait()
            self.ended.set()
            ends = 1 if time.monotonic() - started > _STEADY_SECONDS else ends + 1
            pause = _PAUSES[min(ends, len(_PAUSES)) - 1]
            self._report(f"The {self.name} ended with {code} and is started again in {pause:g} s; see {self._log}")
            await asyncio.sleep(pause)
            process = self._process = await self._launch()

    async def _launch(self) -> asyncio.subprocess.Process:
        with child.open_log(self._log) as log:
            return await child.start(
                self._command, output=log, environment=self._environment, folder=self._folder, stdin=self._stdin
            )
