"""What the rows share: sizes from the environment, figures with their spread, memory, tokens, processes of Shiplog."""

import asyncio
import os
import re
import socket
import statistics
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from app.auth.tokens import create_token
from app.kit import encryption
from app.models import TeamMember, TeamRole, User
from app.postgres import Sessions
from app.settings import Settings, get_settings

ROOT = Path(__file__).parents[1]


def size(name: str, default: int) -> int:
    """Return how large a row is to be: a variable of the environment, or what the target is about."""
    return int(os.environ.get(name, default))


def spread(values: Sequence[float], unit: str = "", digits: int = 0) -> str:
    """Return median, least and greatest as text."""
    median, least, most = (f"{one:,.{digits}f}" for one in (statistics.median(values), min(values), max(values)))
    return f"{median}{unit} ({least} to {most})"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all, from 0 to 1, do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@contextmanager
def configured(**values: object) -> Iterator[Settings]:
    """Yield this process's settings with an encryption key of their own."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        keys = Path(folder) / "keys"
        keys.write_text(encryption.new_key())
        encryption.install(encryption.Keyring([keys.read_text()]))
        yield get_settings().model_copy(update={"encryption_keys_file": keys, "rate_limit": 0, **values})


def environment_of(settings: Settings, **more: str) -> dict[str, str]:
    """Return the environment of a process with these settings."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "SHIPLOG_DATABASE_URL": settings.database(),
        "SHIPLOG_REDIS_URL": settings.redis(),
        "SHIPLOG_ENCRYPTION_KEYS_FILE": str(settings.encryption_keys_file),
        "SHIPLOG_LOG_LEVEL": "WARNING",
        "SHIPLOG_LOG_CAP_BYTES": str(settings.log_cap_bytes),
        "SHIPLOG_RATE_LIMIT": str(settings.rate_limit),
        **more,
    }


@asynccontextmanager
async def program(
    *arguments: str, env: dict[str, str], stdin: int = asyncio.subprocess.DEVNULL
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a Python program of this checkout until the block is left; its stdout is a pipe."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments), cwd=ROOT, env=env, stdin=stdin, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def serving(*arguments: str, env: dict[str, str]) -> AsyncIterator[tuple[int, int]]:
    """Run a program that serves HTTP on the listening socket which is its stdin; yield the port and its pid."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Who is handed a socket takes it for one without Nagle's algorithm: an answer in two parts would wait 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with program(*arguments, env=env, stdin=listener.fileno()) as process:
            yield listener.getsockname()[1], process.pid


@asynccontextmanager
async def serving_api(settings: Settings) -> AsyncIterator[tuple[int, int]]:
    """Run the API as it is run in production, in one process; yield the port and its pid."""
    async with serving("-m", "app", "api", "--fd", "0", env=environment_of(settings)) as found:
        yield found


async def make_token(sessions: Sessions, team_id: int, *abilities: str) -> str:
    """Return a new token of a team's owner."""
    async with sessions.begin() as session:
        user = User(name="benchmark", email=f"benchmark-{team_id}@example.com")
        session.add(user)
        await session.flush()
        session.add(TeamMember(team_id=team_id, user_id=user.id, role=TeamRole.OWNER))
        _, plain = await create_token(session, team_id=team_id, user_id=user.id, name="benchmark", abilities=abilities)
    return plain


def mebibytes(pid: int, *, peak: bool = False) -> float:
    """Return the memory that a process has resident, now or at most so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{'VmHWM' if peak else 'VmRSS'}:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024
