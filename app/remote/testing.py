"""The shipped fake: a host whose commands really run in this machine's `sh`, with a script of what is to go wrong.

Held to the real one by tests/contract/remote: the same behaviours are asked of both.
"""

import asyncio
import os
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.remote.chunks import ChunkQueue
from app.remote.command import Command
from app.remote.errors import Lost, NotPermitted, RemoteError, TimedOut
from app.remote.files import target_path, write_locally
from app.remote.host import Address, Channel, Completed, RemoteFile
from app.remote.local import LocalCommand, environment_for_commands

Method = Literal["run", "write_files", "stream"]


class ScriptedHost:
    """A host with the folder `root` as its home, the only one that files are written below.

    `commands` are the commands asked for, masked; `files` what was written, by absolute path.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self.commands: list[str] = []
        self.files: dict[str, RemoteFile] = {}
        self._answers: list[_Answer] = []
        self._failures: dict[Method, list[RemoteError]] = defaultdict(list)
        self._cut_after: int | None = None
        self._links: set[_Link] = set()
        self._environment = environment_for_commands(os.environ) | {"HOME": str(root)}

    def answer(self, pattern: str, outcome: Completed | RemoteError, *, times: int | None = None) -> None:
        """Answer commands in which `pattern` is found, in the masked command or in its stdin, instead of running them.

        The first answer given that fits is taken, `times` times, None for ever.
        """
        self._answers.append(_Answer(re.compile(pattern), outcome, float("inf") if times is None else times))

    def fail_next(self, method: Method, error: RemoteError) -> None:
        """Let the next call of a method fail; several wait for several calls."""
        self._failures[method].append(error)

    def cut_stream_after(self, n_bytes: int) -> None:
        """Break the link of the next stream after so many bytes of its output."""
        self._cut_after = n_bytes

    def cut(self) -> None:
        """Break the link now: whatever runs over it is Lost."""
        for link in list(self._links):
            link.cut()

    async def run(self, command: Command | str, *, stdin: bytes = b"", timeout: float = 30) -> Completed:
        """Run a command to its end. Raises what was scripted, Lost and TimedOut."""
        scripted = self._asked("run", command, stdin)
        if scripted is not None:
            return scripted
        output: dict[Channel, list[bytes]] = {"stdout": [], "stderr": []}
        try:
            with self._linked() as link:
                link.command.on_data = lambda channel, data: output[channel].append(data)
                async with asyncio.timeout(timeout):
                    await link.start(_text(command), stdin, self.root, self._environment)
                    link.command.write_eof()
                    code = await link.ended()
        except TimeoutError:
            raise TimedOut(f"A command did not end within {timeout:g} s; it may still run there.") from None
        return Completed(code, b"".join(output["stdout"]), b"".join(output["stderr"]))

    async def write_files(self, folder: str, files: Sequence[RemoteFile]) -> None:
        """Write files, really, below `root`. Raises what was scripted, NotPermitted and DiskFull."""
        if error := self._failure("write_files"):
            raise error
        written = {target_path(folder, file): file for file in files}
        if not Path(folder).is_relative_to(self.root):
            raise NotPermitted(f"{folder} may not be written: this host writes below {self.root} alone.")
        write_locally(folder, files)
        self.files |= written

    @asynccontextmanager
    async def stream(
        self, command: Command | str, *, stdin: bytes = b""
    ) -> AsyncIterator[AsyncIterator[tuple[Channel, bytes]]]:
        """Run a command and yield what it prints as it comes. Raises what was scripted; the iterator raises Lost."""
        scripted = self._asked("stream", command, stdin)
        cut_after, self._cut_after = self._cut_after, None
        with self._linked() as link:
            chunks = ChunkQueue(link.command.pause, link.command.resume)
            link.command.on_data = chunks.put
            if scripted is None:
                await link.start(_text(command), stdin, self.root, self._environment)
                ending = asyncio.ensure_future(_end(link, chunks))
            else:
                ending = asyncio.ensure_future(_say(scripted, chunks))
            try:
                yield chunks if cut_after is None else _CutChunks(chunks, cut_after)
            finally:
                ending.cancel()

    async def close(self) -> None:
        """Break the link; what was put into another session runs on."""
        self.cut()

    def _asked(self, method: Method, command: Command | str, stdin: bytes) -> Completed | None:
        """Record the command and return what was scripted for it."""
        self.commands.append(str(command))
        if error := self._failure(method):
            raise error
        said = f"{command}\n{stdin.decode(errors='replace')}"
        for answer in self._answers:
            if answer.times > 0 and answer.pattern.search(said):
                answer.times -= 1
                if isinstance(answer.outcome, RemoteError):
                    raise answer.outcome
                return answer.outcome
        return None

    def _failure(self, method: Method) -> RemoteError | None:
        failures = self._failures[method]
        return failures.pop(0) if failures else None

    @contextmanager
    def _linked(self) -> "Iterator[_Link]":
        link = _Link()
        self._links.add(link)
        try:
            yield link
        finally:
            self._links.discard(link)
            link.command.hang_up()


class ScriptedHostPool:
    """Scripted hosts by address, made as they are asked for, each with a folder of its own below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._hosts: dict[Address, ScriptedHost] = {}
        self._refusal: RemoteError | None = None
        self.asked: list[Address] = []

    def host(self, address: Address) -> ScriptedHost:
        """Return the host of an address, for scripting it."""
        if address not in self._hosts:
            self._hosts[address] = ScriptedHost(self._root / f"host-{len(self._hosts) + 1}")
        return self._hosts[address]

    def refuse(self, error: RemoteError | None) -> None:
        """Refuse every connection from now on; None accepts them again."""
        self._refusal = error

    async def get(self, address: Address) -> ScriptedHost:
        """Return the host of an address. Raises what `refuse` was told."""
        self.asked.append(address)
        if self._refusal is not None:
            raise self._refusal
        return self.host(address)

    async def close(self) -> None:
        """Break every link."""
        for host in self._hosts.values():
            await host.close()


@dataclass
class _Answer:
    pattern: re.Pattern[str]
    outcome: Completed | RemoteError
    times: float


class _Link:
    """A running command and the connection that it is reached over."""

    def __init__(self) -> None:
        self.command = LocalCommand()
        self._cut: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def cut(self) -> None:
        if not self._cut.done():
            self._cut.set_result(0)

    async def start(self, text: str, stdin: bytes, folder: Path, environment: Mapping[str, str]) -> None:
        self.command.write(stdin)
        await self.command.start(text, folder=folder, environment=environment)

    async def ended(self) -> int:
        """Return the exit code. Raises Lost when the link is cut first."""
        ending = asyncio.ensure_future(self.command.ended())
        try:
            await asyncio.wait({ending, self._cut}, return_when=asyncio.FIRST_COMPLETED)
            if self._cut.done():
                raise _lost()
            return ending.result()
        finally:
            ending.cancel()


async def _end(link: _Link, chunks: ChunkQueue) -> None:
    try:
        await link.ended()
    except Lost as error:
        chunks.end(error)
    else:
        chunks.end()


async def _say(completed: Completed, chunks: ChunkQueue) -> None:
    if completed.stdout:
        chunks.put("stdout", completed.stdout)
    if completed.stderr:
        chunks.put("stderr", completed.stderr)
    chunks.end()


class _CutChunks:
    """Chunks up to a number of bytes, then a broken link."""

    def __init__(self, chunks: ChunkQueue, n_bytes: int) -> None:
        self._chunks = chunks
        self._left = n_bytes

    def __aiter__(self) -> "_CutChunks":
        return self

    async def __anext__(self) -> tuple[Channel, bytes]:
        if not self._left:
            raise _lost()
        channel, data = await anext(self._chunks)
        data = data[: self._left]
        self._left -= len(data)
        return channel, data


def _lost() -> Lost:
    return Lost("The connection was lost in the middle of a command; whether it ran to its end is unknown.")


def _text(command: Command | str) -> str:
    return command.reveal() if isinstance(command, Command) else command
