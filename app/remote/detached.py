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
from app.remote.errors import NotPermitted, Refused, RemoteError
from app.remote.framing import as_function, failure, no_answer, unframed
from app.remote.host import Channel, Host

DEADLINE_EXIT_CODE = 256
"""What the supervisor records when it ended a script at its deadline: no program can exit with it."""

NO_OUTPUT_EXIT_CODE = 257
"""What it records when it ended a script that was silent for too long."""

FLOOD_EXIT_CODE = 258
"""What it records when it ended a script whose unread output held too much of the disk."""

DEADLINE_GRACE_SECONDS = 10.0
"""How long a script may take to end by itself at its deadline, or when it was silent, before it is killed."""

FLOOD_GRACE_SECONDS = 1.0
"""The same for a flood, which goes on meanwhile."""

UNREAD_LIMIT_BYTES = 1024**3
"""How much of the disk the output of a run may hold that was not given back."""

INDEX_ENTRIES = 10_000
"""The most entries of an answer to `index`: those of 33 minutes of output without a pause, 300 KB."""

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
class IndexEntry:
    """How long the spools were when the server's uptime was `uptime` seconds."""

    uptime: float
    stdout_size: int
    stderr_size: int


@dataclass(frozen=True)
class Leftover:
    """What a run left on a server: `age_seconds` since its end, as a rule; `alive` when it goes on or may begin."""

    uuid: str
    age_seconds: int
    alive: bool


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

    async def launch(
        self,
        script: str,
        *,
        deadline_seconds: int,
        resource: str | None = None,
        no_output_seconds: int | None = None,
        unread_limit_bytes: int = UNREAD_LIMIT_BYTES,
    ) -> Launched:
        """Start `script`, POSIX sh, at most once; asked again, answer the run that is there.

        The server itself ends it at its deadline, when it has printed nothing for `no_output_seconds`, and when what it
        printed holds more of the disk than `unread_limit_bytes`; the exit code tells (`DEADLINE_EXIT_CODE` and so on).

        Raises Refused when the run was sealed or cancelled or while another run of the same resource is alive on the
        server; DiskFull, and nothing is left behind.
        """
        supervisor = self._variables(
            deadline=deadline_seconds,
            deadline_code=DEADLINE_EXIT_CODE,
            no_output=no_output_seconds or 0,
            no_output_code=NO_OUTPUT_EXIT_CODE,
            unread_limit=unread_limit_bytes,
            flood_code=FLOOD_EXIT_CODE,
            grace=round(DEADLINE_GRACE_SECONDS * 100),
            flood_grace=round(FLOOD_GRACE_SECONDS * 100),
        ) + _programs("run", "processes", "sup")
        texts = as_function("script_text", script.encode(errors="surrogateescape"))
        texts += as_function("supervisor_text", supervisor)
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
        raise failure(answer)

    @asynccontextmanager
    async def follow(self, stdout_offset: int, stderr_offset: int) -> AsyncIterator[AsyncIterator[Chunk]]:
        """Yield what both spools hold from these bytes on, as it comes; ends soon after the run has ended.

        What is yielded has no gaps but need not reach the end: then `state` says how it ended, `read` gives the rest.
        The iterator raises GivenBack for bytes that `punch` was told of.
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
        """Return up to `limit` bytes of a spool; none at its end, or when the run is not there.

        Raises GivenBack for bytes that `punch` was told of.
        """
        return await self._call("read", spool=_SPOOLS[channel], offset=offset, limit=limit)

    async def index(self, stdout_offset: int = 0, stderr_offset: int = 0) -> list[IndexEntry]:
        """Return how long the spools were at which uptime, in steps of 0.2 s, while they grew; [] when there is no run.

        It begins with the last entry that holds nothing beyond these offsets, and has `INDEX_ENTRIES` at most: beyond
        the sizes of the last one ask again from there.
        """
        answer = await self._call("index", out_offset=stdout_offset, err_offset=stderr_offset, limit=INDEX_ENTRIES)
        figures = (line.split() for line in answer.splitlines())
        return [IndexEntry(int(clock) / 100, int(out), int(err)) for clock, out, err in figures]

    async def punch(self, channel: Channel, up_to: int) -> bool:
        """Give the bytes of a spool below `up_to` back to the server's disk, which nobody needs to read any more.

        Rounded down to a block, and never the byte right before `up_to`. Sizes and offsets stay. False where it cannot
        be done: that takes util-linux's fallocate, and a file system such as ext4, XFS, Btrfs, overlay or tmpfs.
        """
        return await self._ask("punch", spool=_SPOOLS[channel], up_to=up_to) == "yes"

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
                raise failure(answer)

    async def _ask(
        self, program: str, texts: bytes = b"", *, timeout: float = ANSWER_SECONDS, **values: str | int
    ) -> str:
        return (await self._call(program, texts, timeout=timeout, **values)).decode(errors="replace").strip()

    async def _call(
        self, program: str, texts: bytes = b"", *, timeout: float = ANSWER_SECONDS, **values: str | int
    ) -> bytes:
        named = {"folder": self._folder, "uuid": self._uuid, **values}
        return await _send(self._host, program, texts, timeout=timeout, **named)

    def _variables(self, **values: str | int) -> bytes:
        return _variables(folder=self._folder, uuid=self._uuid, **values)


async def leftovers(host: Host, folder: str) -> list[Leftover]:
    """Return the runs in `folder`, that of the run folders, which were not sealed, and those whose uploads are left."""
    answer = (await _send(host, "leftovers", runs=folder)).decode()
    figures = (line.split() for line in answer.splitlines())
    return [Leftover(uuid, int(age), life == "alive") for uuid, age, life in figures]


async def _send(
    host: Host, program: str, texts: bytes = b"", *, timeout: float = ANSWER_SECONDS, **values: str | int
) -> bytes:
    nonce = secrets.token_hex(16)
    stdin = _variables(nonce=nonce, **values) + texts + _programs("run", "processes", program)
    return unframed(await host.run("sh", stdin=stdin, timeout=timeout), nonce)


def _variables(**values: str | int) -> bytes:
    return "".join(f"{name}={quote(str(value))}\n" for name, value in values.items()).encode()


@cache
def _programs(*names: str) -> bytes:
    return b"".join((files("app.remote") / "sh" / f"{name}.sh").read_bytes() for name in names)


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
        raise no_answer(before["stdout"], nonce)


def _run_state(answer: str) -> RunState:
    word, *figures = answer.split() or [""]
    if word not in _KINDS or len(figures) != 3:
        raise failure(answer)
    code, out_size, err_size = (int(figure) if figure.isdecimal() else None for figure in figures)
    return RunState(_KINDS[word], code, out_size, err_size)
