"""Where an uploaded file goes and what stands in it, and the same upload into a folder of this machine."""

import errno
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from app.remote.command import Secret
from app.remote.errors import DiskFull, NotPermitted, RemoteError
from app.remote.host import RemoteFile

FOLDER_MODE = 0o700


def target_path(folder: str, file: RemoteFile) -> str:
    """Return where a file goes. Raises ValueError for a folder that is not absolute and a path that leaves it."""
    parts = file.path.split("/")
    if not folder.startswith("/") or not all(parts) or {".", ".."}.intersection(parts):
        raise ValueError(f"not a file inside an absolute folder: {file.path} in {folder}")
    return f"{folder.rstrip('/')}/{file.path}"


def content_of(file: RemoteFile) -> bytes:
    """Return what is to stand in a file: the one place where an upload reveals a secret."""
    return file.content.reveal().encode() if isinstance(file.content, Secret) else file.content


def write_locally(folder: str, files: Sequence[RemoteFile]) -> None:
    """Do to this machine what `upload` does to a server. Raises NotPermitted, DiskFull and RemoteError."""
    try:
        _make_folder(Path(folder))
        Path(folder).chmod(FOLDER_MODE)
        for file in files:
            path = Path(target_path(folder, file))
            _make_folder(path.parent)
            _write(path, file)
    except PermissionError as error:
        raise NotPermitted(f"The server's user may not write below {folder}.") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise disk_full(folder) from error
        raise RemoteError(f"{folder} could not be written on the server: {error.strerror}.") from error


def disk_full(path: str) -> DiskFull:
    """Return the error for a disk without room for `path`."""
    return DiskFull(f"The server's disk is full, {path} could not be written: make room, then deploy again.")


def _make_folder(path: Path) -> None:
    if not path.is_dir():
        _make_folder(path.parent)
        path.mkdir(mode=FOLDER_MODE)


def _write(path: Path, file: RemoteFile) -> None:
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(6)}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            os.fchmod(handle.fileno(), file.mode)
            handle.write(content_of(file))
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
