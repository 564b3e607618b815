"""`shiplog backup` and `restore`: all of a data folder that is worth keeping, as one file, while it serves."""

import asyncio
import os
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url

from app.cli.data_folder import DataFolder
from app.cli.problem import Problem
from app.embedded.postgres import embedded_postgres, program
from app.kit import private_file

_DUMP = "database.dump"
_FILES = ("encryption.keys", "token", "api.port", "ssh.port", "ssh/login.key", "ssh/host.key")
"""What belongs to the database: without the keys its secrets are lost, without the logins this machine is another one."""


def back_up(data_dir: Path, target: Path) -> str:
    """Write a backup of the installation that serves from `data_dir` to `target` and return what to print."""
    folder = DataFolder(data_dir.resolve())
    url_file = folder.running / "database.url"
    if not url_file.exists():
        raise Problem(f"No Shiplog serves from {folder.path}: start it with `shiplog up`, or name another --data-dir.")
    url = make_url(url_file.read_text().strip())
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".shiplog-") as work:
            archive = Path(work) / "backup.tar"
            dump = Path(work) / _DUMP
            asyncio.run(_run(url, "pg_dump", ["--format=custom", f"--file={dump}"]))
            with tarfile.open(archive, "w") as tar:
                tar.add(dump, _DUMP)
                for name in _FILES:
                    if (folder.path / name).exists():
                        tar.add(folder.path / name, name)
            archive.chmod(0o600)
            archive.replace(target)
    except OSError as error:
        raise Problem(f"{error.filename or target}: {error.strerror}.") from None
    size = target.stat().st_size / 1_048_576
    return f"{target} has everything, {size:.1f} MiB. The encryption keys are in it: keep it as safe as {folder.path}."


def restore(source: Path, data_dir: Path) -> str:
    """Make a data folder of a backup and return what to print; nothing is there that was not before, if it fails."""
    folder = data_dir.resolve()
    if (folder / "postgres").exists() or (folder / "encryption.keys").exists():
        raise Problem(f"{folder} holds an installation already: choose a new folder with --data-dir.")
    with _opened(source) as tar:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".restore-") as work:
            tar.extractall(work, filter="data")
            asyncio.run(_restore(folder, Path(work)))
            for name in _FILES:
                if (Path(work) / name).exists():
                    (folder / name).parent.mkdir(mode=0o700, exist_ok=True)
                    private_file.write(folder / name, (Path(work) / name).read_text())
    return f"Restored to {folder}. Start it: shiplog up --data-dir {folder}"


async def _restore(folder: Path, work: Path) -> None:
    async with embedded_postgres(folder) as url:
        await _run(
            make_url(url), "pg_restore", ["--single-transaction", "--exit-on-error", "--no-owner", str(work / _DUMP)]
        )


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source) as tar:
            names = set(tar.getnames())
            if not {_DUMP, "encryption.keys"} <= names <= {_DUMP, *_FILES}:
                raise Problem(f"{source} is no backup of Shiplog.")
            yield tar
    except tarfile.TarError:
        raise Problem(f"{source} is no backup of Shiplog, or damaged.") from None
    except OSError as error:
        raise Problem(f"{error.filename or source}: {error.strerror}.") from None


async def _run(url: URL, name: str, arguments: Sequence[str]) -> None:
    """Run one of PostgreSQL's programs on a database; its password is in a file, not in its words or environment."""
    with tempfile.TemporaryDirectory() as work:
        login = Path(work) / "login"
        private_file.write(login, f"*:*:*:*:{url.password}\n")  # of URL-safe characters: nothing to escape
        process = await asyncio.create_subprocess_exec(
            program(name),
            *(f"--host={url.host}", f"--port={url.port}", f"--username={url.username}", f"--dbname={url.database}"),
            *("--no-password", *arguments),
            env={"PATH": os.defpath, "LC_ALL": "C", "PGPASSFILE": str(login)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, complaint = await process.communicate()
    if process.returncode != 0:
        lines = complaint.decode(errors="replace").strip().splitlines()
        raise Problem(f"{name} failed: {lines[-1] if lines else f'exit code {process.returncode}'}.")
