"""A run that survives both ends: a script in a folder of its own on the server, launched once, read by byte offsets.

The programs in `sh/` do it with a POSIX shell and coreutils or busybox; this is our side of them. Each is sent on stdin
of `sh`, behind the variables it needs, and its answer is framed by a nonce, since a login shell may print anything.
"""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from app.remote.command import quote
from app.remote.errors import DiskFull, NotPermitted, Refused, RemoteError
from app.remote.host import Channel, Completed, Host

DEADLINE_EXIT_CODE = 256
"""What the supervisor records when it ended a script at its deadline: no program can exit with it."""

DEADLINE_GRACE_SECONDS = 10.0
"""How long a script may take to end by itself at its deadline before it is killed."""

ANSWER_SECONDS = 45.0
"""A launch waits up to 10 s for its supervisor, a cancel up to 5 s twice and for 20 rounds of KILL."""

Kind = Literal["running", "exited", "rebooted", "lost", "missing", "stillborn", "cancelled"]

_KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)} | {"starting": "running"}
_SPOOLS: dict[Channel, str] = {"stdout": "out", "stderr": "err"}


@dataclass(frozen=True)
class Chunk:
    """A piece of a spool; `offset` is that of its first byte."""

    channel: Channel
    offset: int
    data: bytes


@dataclass(frozen=True)
class RunState:
    """How a run stands.

    running     it goes on, or is about to begin
    exited      it ended; the sizes are those of the spools at that moment, whoever still writes to them
    cancelled   it was cancelled and nothing of it is alive; an exit code is there when its end was recorded
    rebooted    the server was rebooted in between
    lost        its supervisor is gone; the script may be alive, `cancel` ends it
    stillborn   its folder is there but it never began, and never will
    missing     it has no folder, or was sealed
    """

    kind: Kind
    exit_code: int | None = None
    stdout_size: int | None = None
    stderr_size: int | None = None


@dataclass(frozen=True)
class Launched:
    """A run that began: `pid` leads the script's session and group, `uptime` is the server's in seconds now."""

    pid: int
    uptime: float


class DetachedRun:
    """One run; `folder` is absolute and belongs to it alone, `uuid` marks its processes. Raises `remote.errors`."""

    def __init__(self, host: Host, folder: str, uuid: str) -> None:
        self._host = host
        self._folder = folder
        self._uuid = uuid

    async def launch(self, script: str, *, deadline_seconds: int, resource: str | None = None) -> Launched:
        """Start `script`, POSIX sh, at most once; asked again, answer the run that is there.

        Raises Refused when the run was sealed or cancelled or while another run of the same resource is alive on the
        server; DiskFull, and nothing is left behind.
        """
        supervisor = self._variables(
            deadline=deadline_seconds, deadline_code=DEADLINE_EXIT_CODE, grace=round(DEADLINE_GRACE_SECONDS * 100)
        ) + _programs("run", "processes", "sup")
        texts = _as_function("script_text", script.encode(errors="surrogateescape"))
        texts += _as_function("supervisor_text", supervisor)
        # Says nothing of what the server printed: a shell that stumbles may quote the script.
        answer = await self._ask("launch", texts, resource=resource or "")
        match answer.split(maxsplit=1):
            case ["started", rest]:
                pid, uptime = rest.split()
                return Launched(int(pid), float(uptime))
            case ["sealed"]:
                raise Refused("This run has already ended on the server and was cleaned up; it is never run twice.")
            case ["cancelled"]:
                raise Refused("This run was cancelled on the server.")
            case ["busy", other]:
                raise Refused(
                    f"Another run of this resource ({other}) is still alive on the server: wait for it or cancel it, "
                    "then deploy again."
                )
            case ["lacks", tool]:
                raise RemoteError(f"The server has no {tool!r}: install util-linux or busybox there.")
            case ["stillborn", *reason]:
                raise RemoteError(": ".join(["The script could not be started on the server", *reason]))
        raise _failure(answer)

    @asynccontextmanager
    async def follow(self, stdout_offset: int, stderr_offset: int) -> AsyncIterator[AsyncIterator[Chunk]]:
        """Yield what both spools hold from these bytes on, as it comes; ends soon after the run has ended.

        What is yielded has no gaps but need not reach the end: then `state` says how it ended, `read` gives the rest.
        """
        nonce = secrets.token_hex(16)
        program = self._variables(nonce=nonce, out_offset=stdout_offset, err_offset=stderr_offset)
        program += _programs("run", "follow")
        async with (
            self._host.stream("sh", stdin=program) as pieces,
            aclosing(_chunks(pieces, nonce, {"stdout": stdout_offset, "stderr": stderr_offset})) as chunks,
        ):
            yield chunks

    async def read(self, channel: Channel, offset: int, limit: int) -> bytes:
        """Return up to `limit` bytes of a spool; none at its end, or when the run is not there."""
        return await self._call("read", spool=_SPOOLS[channel], offset=offset, limit=limit)

    async def state(self) -> RunState:
        """Return how the run stands."""
        return _run_state(await self._ask("state"))

    async def cancel(self, *, grace_seconds: float = 10) -> RunState:
        """End the run with everything it started, TERM first and KILL after the grace, and return how it stands then.

        A run that had ended before stays `exited`. One that is not there is kept from ever being launched.
        """
        answer = await self._ask("cancel", grace=round(grace_seconds * 100), timeout=grace_seconds + ANSWER_SECONDS)
        match answer.split():
            case ["survivors", *pids]:
                raise NotPermitted(
                    f"Processes of the run could not be killed on the server, they may belong to another user: "
                    f"{', '.join(pids)}."
                )
        return _run_state(answer)

    async def seal(self) -> None:
        """Remove everything the run left behind, its uploads too, but its empty folder: no launch succeeds any more.

        Raises Refused while the run is alive. Tombstones older than a day go as well.
        """
        match await self._ask("seal"):
            case "sealed":
                return
            case "alive":
                raise Refused("The run is still alive on the server: cancel it before its folder is emptied.")
            case answer:
                raise _failure(answer)

    async def _ask(
        self, program: str, texts: bytes = b"", *, timeout: float = ANSWER_SECONDS, **values: str | int
    ) -> str:
        return (await self._call(program, texts, timeout=timeout, **values)).decode(errors="replace").strip()

    async def _call(
        self, program: str, texts: bytes = b"", *, timeout: float = ANSWER_SECONDS, **values: str | int
    ) -> bytes:
        nonce = secrets.token_hex(16)
        stdin = self._variables(nonce=nonce, **values) + texts + _programs("run", "processes", program)
        return _unframed(await self._host.run("sh", stdin=stdin, timeout=timeout), nonce)

    def _variables(self, **values: str | int) -> bytes:
        values = {"folder": self._folder, "uuid": self._uuid, **values}
        return "".join(f"{name}={quote(str(value))}\n" for name, value in values.items()).encode()


@cache
def _programs(*names: str) -> bytes:
    return b"".join((files("app.remote") / "sh" / f"{name}.sh").read_bytes() for name in names)


def _as_function(name: str, text: bytes) -> bytes:
    """Return a shell function that prints `text`, ended by a line that nobody can guess."""
    if b"\0" in text:
        raise ValueError("A script cannot hold a NUL character.")
    end = f"end_{secrets.token_hex(16)}".encode()
    newline = b"" if text.endswith(b"\n") else b"\n"
    return b"%s() {\ncat <<'%s'\n%s%s%s\n}\n" % (name.encode(), end, text, newline, end)


def _unframed(completed: Completed, nonce: str) -> bytes:
    _, begin, rest = completed.stdout.partition(f"{nonce}:".encode())
    answer, end, _ = rest.rpartition(f":{nonce}".encode())
    if not begin or not end:
        raise _no_answer(f" (exit code {completed.exit_code})")
    return answer


async def _chunks(
    pieces: AsyncIterator[tuple[Channel, bytes]], nonce: str, offsets: dict[Channel, int]
) -> AsyncGenerator[Chunk, None]:
    frame = f"{nonce}:".encode()
    before: dict[Channel, bytes] = {"stdout": b"", "stderr": b""}
    async for channel, piece in pieces:
        data = piece
        if channel in before:
            _, begin, data = (before[channel] + piece).partition(frame)
            if not begin:
                before[channel] = (before[channel] + piece)[-len(frame) :]
                continue
            del before[channel]
        if data:
            yield Chunk(channel, offsets[channel], data)
            offsets[channel] += len(data)
    if "stdout" in before:
        raise _no_answer("")


def _run_state(answer: str) -> RunState:
    word, *figures = answer.split() or [""]
    if word not in _KINDS or len(figures) != 3:
        raise _failure(answer)
    code, out_size, err_size = (int(figure) if figure.isdecimal() else None for figure in figures)
    return RunState(_KINDS[word], code, out_size, err_size)


def _failure(answer: str) -> RemoteError:
    """Return the error for `failed WHAT THE SYSTEM SAID`, in its C locale."""
    said = answer.removeprefix("failed").strip().rpartition("\n")[2]
    if "No space left" in said or "quota exceeded" in said:
        return DiskFull(f"The server's disk is full: make room, then deploy again ({said}).")
    if any(words in said for words in ("Permission denied", "Read-only file system", "not permitted")):
        return NotPermitted(f"The server's user may not write to the run's folder ({said}).")
    return RemoteError(f"The run's folder on the server could not be used ({said}).")


def _no_answer(how: str) -> RemoteError:
    return RemoteError(
        f"The server did not run what it was sent{how}: check that its user may log in and that 'sh' starts a POSIX shell."
    )
