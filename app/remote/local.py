"""A command in this machine's `/bin/sh`, run as sshd would run it: in a session of its own, its streams as callbacks."""

import asyncio
import os
import pwd
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import cast

from app.remote.host import Channel

HANDED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "SHELL",
    "XDG_RUNTIME_DIR",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
)
"""All that a command gets of our own environment: the rest may hold secrets."""


def environment_for_commands(ours: Mapping[str, str]) -> dict[str, str]:
    """Return what of our environment a command may see, with a user, a home and a search path in any case."""
    handed_on = {name: ours[name] for name in HANDED_ON if ours.get(name)}
    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:  # a container may run under a number that has no name
        user, home = handed_on.get("USER", str(os.getuid())), "/"
    else:
        user, home = entry.pw_name, entry.pw_dir  # `su` and `sudo` may leave another name in USER
    defaults = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8"}
    return defaults | handed_on | {"USER": user, "LOGNAME": user}


class LocalCommand(asyncio.SubprocessProtocol):
    """One command; `on_data` gets its output, `on_stdin_full` and `on_stdin_free` are told when to write."""

    def __init__(self) -> None:
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.SubprocessTransport | None = None
        self._early: list[bytes | None] = []
        self._is_paused = False
        self._is_hung_up = False
        self.on_data: Callable[[Channel, bytes], None] = lambda *_: None
        self.on_stdin_full: Callable[[], None] = lambda: None
        self.on_stdin_free: Callable[[], None] = lambda: None

    async def start(self, command: str, *, folder: Path | str, environment: Mapping[str, str]) -> None:
        """Start it. Raises OSError for a folder that is not there, ValueError for a command with a NUL."""
        await asyncio.get_running_loop().subprocess_exec(
            lambda: self,
            *("/bin/sh", "-c", command),
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )

    async def ended(self) -> int:
        """Wait until it has ended and both streams are at EOF; return its exit code, 128 + n for a signal."""
        return await asyncio.shield(self._end)

    def write(self, data: bytes) -> None:
        """Write to its stdin, at the latest when it has started."""
        if self._transport is None:
            self._early.append(data)
        elif (pipe := self._stdin()) is not None:
            pipe.write(data)

    def write_eof(self) -> None:
        """End its stdin."""
        if self._transport is None:
            self._early.append(None)
        elif (pipe := self._stdin()) is not None:
            pipe.close()

    def pause(self) -> None:
        """Take no more output for now: the command waits when its pipe is full."""
        self._is_paused = True
        for pipe in self._outputs():
            pipe.pause_reading()

    def resume(self) -> None:
        """Take output again."""
        self._is_paused = False
        for pipe in self._outputs():
            pipe.resume_reading()

    def hang_up(self, number: signal.Signals = signal.SIGHUP) -> None:
        """Close its streams and signal its process group; what it put into another session lives on."""
        self._is_hung_up = True
        if self._transport is None or self._end.done():
            return
        if self._transport.get_returncode() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._transport.get_pid(), number)
        if (stdin := self._stdin()) is not None:
            stdin.abort()
        for pipe in self._outputs():
            pipe.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand over what was written before it had started."""
        self._transport = cast("asyncio.SubprocessTransport", transport)
        for data in self._early:
            self.write_eof() if data is None else self.write(data)
        self._early.clear()
        if self._is_hung_up:
            self.hang_up()
        elif self._is_paused:
            self.pause()

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        """Hand output on."""
        if not self._is_hung_up and isinstance(data, bytes):
            self.on_data("stdout" if fd == 1 else "stderr", data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the exit code says how it ended
        """It has ended and its pipes are at EOF."""
        code = 0
        if self._transport is not None:
            code = self._transport.get_returncode() or 0
            self._transport.close()
        if not self._end.done():
            self._end.set_result(code if code >= 0 else 128 - code)

    def pause_writing(self) -> None:
        """Its stdin is full."""
        self.on_stdin_full()

    def resume_writing(self) -> None:
        """Its stdin takes more."""
        # Later: asyncio closes a pipe that is written to and ended in this very callback with the rest unwritten.
        asyncio.get_running_loop().call_soon(self.on_stdin_free)

    # uvloop's transports are no subclasses of asyncio's.
    def _stdin(self) -> asyncio.WriteTransport | None:
        """Return its stdin while it is open."""
        pipe = self._transport and self._transport.get_pipe_transport(0)
        return None if pipe is None or pipe.is_closing() else cast("asyncio.WriteTransport", pipe)

    def _outputs(self) -> Iterator[asyncio.ReadTransport]:
        """Yield its output streams that are open."""
        for fd in (1, 2):
            pipe = self._transport and self._transport.get_pipe_transport(fd)
            if pipe is not None and not pipe.is_closing():
                yield cast("asyncio.ReadTransport", pipe)
