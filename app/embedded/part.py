"""What both embedded servers need: one owner of a data folder, an end to what a killed run left, starting again."""

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from app.kit import child

_log = structlog.get_logger(__name__)
_STOP_SECONDS = 30


class EmbeddedError(Exception):
    """An embedded PostgreSQL or Valkey cannot start; the message says which one, why, and what to do."""


class AlreadyRunning(EmbeddedError):
    """Another process, `pid`, serves from the same data folder."""

    def __init__(self, data_dir: Path, pid: str) -> None:
        super().__init__(
            f"Another Shiplog (process {pid}) serves from {data_dir}: stop it, or choose another folder with --data-dir."
        )
        self.pid = pid


@contextmanager
def owned(data_dir: Path, name: str) -> Iterator[Path]:
    """Hold the lock `{data_dir}/{name}.lock`, which the kernel lets go of however this process ends.

    Yield the absolute path of the folder, which is made when it is missing.
    Raise AlreadyRunning, which names the process, when another one holds it.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(data_dir / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(data_dir, os.read(descriptor, 20).decode().strip() or "unknown") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield data_dir
    finally:
        os.close(descriptor)


async def end_leftovers(folder: Path, program: str) -> None:
    """Kill every process called `program` that works in `folder`, and return when all are gone.

    Only for the owner of the folder: what then still runs there has lost its parent. Killing loses no committed data,
    it is the crash that both servers are made for. Without /proc (macOS) this does nothing.
    """
    for _ in range(500):
        left = _processes(folder, program)
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.02)
    raise EmbeddedError(f"The process {left[0]} ({program}) of an earlier run in {folder} cannot be ended.")


def _processes(folder: Path, program: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "comm").read_text().strip() == program and (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
    return found


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Part:
    """A server process that is started again, on the same port, whenever it ends by itself."""

    def __init__(self, name: str, launch: Callable[[int], Awaitable[asyncio.subprocess.Process]]) -> None:
        """`launch(port)` returns a process that serves already, or raises EmbeddedError."""
        self._name = name
        self._launch = launch

    async def start(self) -> int:
        """Start on a free port and return that; raise EmbeddedError when three attempts fail."""
        for attempt in (1, 2, 3):
            self.port = free_port()  # another program may take it before the server does: hence the attempts
            try:
                self._process = await self._launch(self.port)
                break
            except EmbeddedError:
                if attempt == 3:
                    raise
        self._watcher = asyncio.create_task(self._watch())
        return self.port

    async def stop(self) -> None:
        """Let the server shut down in order, for half a minute at most."""
        self._watcher.cancel()
        await asyncio.gather(self._watcher, return_exceptions=True)
        await child.stop(self._process, signal.SIGINT, grace_seconds=_STOP_SECONDS)

    async def _watch(self) -> None:
        while True:
            code = await self._process.wait()
            _log.warning("embedded part ended and is started again", part=self._name, exit_code=code)
            while True:
                await asyncio.sleep(1)
                try:
                    self._process = await self._launch(self.port)
                    break
                except EmbeddedError as error:
                    _log.warning("embedded part does not start", part=self._name, reason=str(error))
