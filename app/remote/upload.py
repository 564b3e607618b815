"""Writes files over SFTP: each at its mode from the first byte on, under a name of its own until it is whole."""

import asyncio
import posixpath
import secrets
import stat
from collections.abc import Sequence

import asyncssh

from app.remote.errors import Lost, NotPermitted, RemoteError
from app.remote.files import FOLDER_MODE, content_of, disk_full, target_path
from app.remote.host import RemoteFile

_PRIVATE = asyncssh.SFTPAttrs(permissions=FOLDER_MODE)
_NEW_FILE = asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | asyncssh.FXF_EXCL


async def upload(sftp: asyncssh.SFTPClient, folder: str, files: Sequence[RemoteFile]) -> None:
    """Write the files into `folder` and set it to 0700. Raises RemoteError; ValueError for paths that lead elsewhere."""
    targets = [(target_path(folder, file), file) for file in files]
    await _make_folder(sftp, folder, mode=FOLDER_MODE)
    for parent in sorted({posixpath.dirname(path) for path, _ in targets} - {folder}):
        await _make_folder(sftp, parent)
    written = await asyncio.gather(*(_write(sftp, path, file) for path, file in targets), return_exceptions=True)
    for outcome in written:
        if outcome is not None:
            raise outcome


async def _make_folder(sftp: asyncssh.SFTPClient, path: str, *, mode: int | None = None) -> None:
    """Make a folder and its parents, new ones 0700; a `mode` is set on one that is there already, too."""
    try:
        try:
            await sftp.mkdir(path, _PRIVATE)
        except asyncssh.SFTPNoSuchFile:
            if path != "/":
                await _make_folder(sftp, posixpath.dirname(path))
            await sftp.mkdir(path, _PRIVATE)
    except (asyncssh.Error, OSError) as error:
        found = await _mode_of(sftp, path)
        if found is None:
            raise await _reason(sftp, error, path, 0) from error
        if not stat.S_ISDIR(found):
            raise RemoteError(f"{path} on the server is in the way: it is no folder.") from error
        if mode is not None and stat.S_IMODE(found) != mode:
            await _set_mode(sftp, path, mode)


async def _mode_of(sftp: asyncssh.SFTPClient, path: str) -> int | None:
    try:
        return (await sftp.stat(path)).permissions
    except (asyncssh.Error, OSError):
        return None


async def _set_mode(sftp: asyncssh.SFTPClient, path: str, mode: int) -> None:
    try:
        await sftp.chmod(path, mode)
    except (asyncssh.Error, OSError) as error:
        raise await _reason(sftp, error, path, 0) from error


async def _write(sftp: asyncssh.SFTPClient, path: str, file: RemoteFile) -> None:
    content = content_of(file)
    unfinished = f"{path}.{secrets.token_hex(6)}.new"
    attributes = asyncssh.SFTPAttrs(permissions=file.mode)
    try:
        async with await sftp.open(unfinished, _NEW_FILE, attributes, encoding=None) as handle:
            await handle.setstat(attributes)  # the server's umask may have taken bits away
            await handle.write(content)
        await sftp.posix_rename(unfinished, path)
    except (asyncssh.Error, OSError) as error:
        reason = await _reason(sftp, error, path, len(content))
        await _remove(sftp, unfinished)
        raise reason from error


async def _remove(sftp: asyncssh.SFTPClient, path: str) -> None:
    try:
        await sftp.remove(path)
    except (asyncssh.Error, OSError):
        return  # it was not made, or the link is gone: the folder is removed later anyway


async def _reason(sftp: asyncssh.SFTPClient, error: Exception, path: str, size: int) -> RemoteError:
    """Return what went wrong; OpenSSH has no code for a full disk, so after a plain failure the disk is asked."""
    plain = _plain(error, path)
    if type(plain) is RemoteError and isinstance(error, asyncssh.SFTPFailure):
        try:
            disk = await sftp.statvfs(posixpath.dirname(path))
        except (asyncssh.Error, OSError):
            return plain
        is_full = disk.blocks and disk.bavail * disk.frsize < size + disk.frsize
        if is_full or (disk.files and not disk.favail):
            return disk_full(path)
    return plain


def _plain(error: Exception, path: str) -> RemoteError:
    match error:
        case asyncssh.SFTPPermissionDenied() | asyncssh.SFTPWriteProtect():
            return _not_permitted(path)
        case asyncssh.SFTPNoSpaceOnFilesystem() | asyncssh.SFTPQuotaExceeded():
            return disk_full(path)
        case asyncssh.SFTPFailure() if "not permitted" in error.reason.lower():
            return _not_permitted(path)
        case asyncssh.SFTPNoConnection() | asyncssh.SFTPConnectionLost() | asyncssh.DisconnectError() | OSError():
            return Lost(f"The connection to the server was lost while {path} was written.")
        case asyncssh.Error():
            return RemoteError(f"{path} could not be written on the server: {error.reason[:200] or 'no reason given'}.")
        case _:
            return RemoteError(f"{path} could not be written on the server.")


def _not_permitted(path: str) -> NotPermitted:
    return NotPermitted(f"The server's user may not write {path}: check the owner and the mode of its folders.")
