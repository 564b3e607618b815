"""This machine as a host whose login shell and tools are the given ones, as sshd would start them."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from app.remote.command import Command
from app.remote.errors import TimedOut
from app.remote.host import Channel, Completed, RemoteFile

SHELLS = ("dash", "bash", "busybox")
_TOOLS = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def search_path(shell: str, folder: Path) -> str:
    """Make a folder where `sh` is `shell` and return a PATH that begins with it; busybox has no other tool than its own."""
    folder.mkdir()
    program = f"/bin/{shell}"
    if shell != "busybox":
        (folder / "sh").symlink_to(program)
        return f"{folder}:{_TOOLS}"
    applets = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in applets:
        (folder / name).symlink_to(program)
    return str(folder)


class Gate:
    """Holds up a tool on a search path of `search_path`, when it is called with what `pattern` fits, until `open`."""

    def __init__(self, tools: Path, name: str, pattern: str) -> None:
        self._waiting, self._open = tools / f"{name}.waiting", tools / f"{name}.open"
        tool = tools / name
        tool.write_text(
            f"#!/bin/sh\n"
            f'case "$*" in {pattern}) >{self._waiting}; until [ -e {self._open} ]; do sleep 0.02; done ;; esac\n'
            f'exec /usr/bin/{name} "$@"\n'
        )
        tool.chmod(0o755)

    async def reached(self) -> None:
        """Wait until the tool is held up."""
        while not self._waiting.exists():
            await asyncio.sleep(0.01)

    def open(self) -> None:
        """Let it go on."""
        self._open.touch()


class LocalHost:
    """Implements Host. `greeting` is what the login shell prints before anything else, on both streams."""

    def __init__(self, path: str, *, greeting: str = "", user: int | None = None) -> None:
        self._environment = {"PATH": path, "HOME": "/", "LANG": "C.UTF-8"}
        self._greeting = f"echo '{greeting}'; echo '{greeting}' >&2; " if greeting else ""
        self._user = user

    async def run(self, command: Command | str, *, stdin: bytes = b"", timeout: float = 30) -> Completed:
        process = await self.start(command)
        try:
            async with asyncio.timeout(timeout):
                stdout, stderr = await process.communicate(stdin)
        except TimeoutError:
            raise TimedOut("The server did not answer in time.") from None
        assert process.returncode is not None
        return Completed(process.returncode, stdout, stderr)

    async def write_files(self, folder: str, files: Sequence[RemoteFile]) -> None:
        raise NotImplementedError

    @asynccontextmanager
    async def stream(
        self, command: Command | str, *, stdin: bytes = b""
    ) -> AsyncIterator[AsyncIterator[tuple[Channel, bytes]]]:
        process = await self.start(command)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(stdin)
        pieces: asyncio.Queue[tuple[Channel, bytes]] = asyncio.Queue(maxsize=16)
        readers = [
            asyncio.create_task(_pump("stdout", process.stdout, pieces)),
            asyncio.create_task(_pump("stderr", process.stderr, pieces)),
        ]
        try:
            yield _until_both_end(pieces)
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
            process.stdin.close()
            for number in (1, 2):
                process._transport.get_pipe_transport(number).close()  # type: ignore[attr-defined]
            await process.wait()

    async def close(self) -> None:
        """Nothing is kept open."""

    async def start(self, command: Command | str) -> asyncio.subprocess.Process:
        """Start a command in a session of its own."""
        text = command.reveal() if isinstance(command, Command) else command
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *(self._environment["PATH"].split(":")[0] + "/sh", "-c", self._greeting + text),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            cwd="/",
            env=self._environment,
            start_new_session=True,
            user=self._user,
        )


async def _pump(channel: Channel, reader: asyncio.StreamReader, pieces: asyncio.Queue[tuple[Channel, bytes]]) -> None:
    piece = b"first"
    while piece:
        piece = await reader.read(65536)
        await pieces.put((channel, piece))


async def _until_both_end(pieces: asyncio.Queue[tuple[Channel, bytes]]) -> AsyncIterator[tuple[Channel, bytes]]:
    ended = 0
    while ended < 2:
        channel, piece = await pieces.get()
        if piece:
            yield channel, piece
        else:
            ended += 1


def marked(uuid: str) -> list[int]:
    """Return the living processes whose environment carries the mark of a run."""
    wanted = f"SHIPLOG_RUN={uuid}".encode()
    return [pid for pid in _processes() if wanted in _environment_of(pid) and lives(pid)]


def lives(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(pid: int) -> None:
    """Kill a process that may be gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def fill(path: Path) -> None:
    """Write a file that takes all the room its disk has left."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _environment_of(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
