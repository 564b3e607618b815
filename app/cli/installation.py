"""A whole installation from one data folder: PostgreSQL, Valkey, API, worker and a way to log in to this machine."""

import asyncio
import importlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from app.cli import listening
from app.cli.children import KeptRunning
from app.cli.data_folder import DataFolder
from app.cli.migrating import migrate_embedded
from app.cli.probe import status_of
from app.cli.problem import Problem
from app.embedded import part
from app.embedded.postgres import embedded_postgres
from app.embedded.valkey import embedded_valkey
from app.kit import private_file

_READY_SECONDS = 60
_OURS = ("DATABASE_URL", "DATABASE_URL_FILE", "REDIS_URL", "REDIS_URL_FILE", "ENCRYPTION_KEYS_FILE", "POOLER")
"""Settings that are those of the data folder, whatever the environment says."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class ThisMachine:
    """How the worker logs in to the machine that it runs on."""

    host: str
    port: int
    user: str
    private_key: Path
    public_key: str


@dataclass(frozen=True)
class Installation:
    """One that serves; `url` has no path, `data_dir` is absolute."""

    url: str
    token: str
    data_dir: Path
    this_machine: ThisMachine

    @property
    def docs_url(self) -> str:
        """The interactive documentation."""
        return f"{self.url}/docs"


@asynccontextmanager
async def installation(data_dir: Path, *, port: int | None, report: Report) -> AsyncIterator[Installation]:
    """Start everything and yield once the API answers; at the end everything is stopped in order.

    `port` None means the one of the last run, 0 any free one. `report` is told in one line what a person should know.
    Raise AlreadyRunning, EmbeddedError or Problem when it does not start.
    """
    async with AsyncExitStack() as stack:
        folder = _take(data_dir, stack)
        await part.end_leftovers(folder.running, Path(sys.executable).name[:15])  # as long as the kernel keeps a name
        listener = _listener(folder, port)
        if not (folder.path / "postgres").exists():
            report(f"First start: PostgreSQL is set up in {folder.path}, which takes some seconds.")
        stack.callback(listener.close)
        files = _forget_urls(folder)
        api, worker = _processes(folder, files, listener.fileno(), report)
        stack.push_async_callback(api.stop)
        await api.start()  # it loads its modules, a second of work, and then waits for the URLs
        database_url, redis_url, _ = await _all_of(
            stack.enter_async_context(embedded_postgres(folder.path)),
            stack.enter_async_context(embedded_valkey(folder.path)),
            asyncio.to_thread(importlib.import_module, "app.remote.loopback"),
        )
        if await migrate_embedded(database_url):
            report("The database has the newest schema now.")
        token = await _kept_token(folder, database_url)
        this_machine = await _open_this_machine(stack, folder)
        private_file.write(files["REDIS_URL"], redis_url)
        private_file.write(files["DATABASE_URL"], database_url)
        stack.push_async_callback(_stop, api, worker)  # before what they work with
        port = listening.port_of(listener)
        token = await _checked_token(api, port, token, folder, database_url)
        await worker.start()  # not earlier: on a small machine the two would only slow each other down
        yield Installation(f"http://127.0.0.1:{port}", token, folder.path, this_machine)


def _take(data_dir: Path, stack: AsyncExitStack) -> DataFolder:
    try:
        folder = DataFolder(stack.enter_context(part.owned(data_dir, "shiplog")))
        folder.prepare()
    except OSError as error:
        raise Problem(
            f"{error.filename or data_dir}: {error.strerror}. Choose another data folder with --data-dir."
        ) from None
    return folder


def _listener(folder: DataFolder, port: int | None) -> socket.socket:
    # Bound here and handed down: no one else gets the port, and while the API is started again its callers wait.
    chosen = None if port is None else listening.listen("127.0.0.1", port)
    listener = chosen or listening.listen_on_loopback(folder.port("api"))
    folder.keep_port("api", listening.port_of(listener))
    return listener


async def _open_this_machine(stack: AsyncExitStack, folder: DataFolder) -> ThisMachine:
    from app.remote.keys import generate_private_key, read_private_key
    from app.remote.loopback import loopback_endpoint

    host_key = private_file.read_or_write(folder.host_key, generate_private_key)
    login_key = read_private_key(private_file.read_or_write(folder.login_key, generate_private_key))
    endpoint = partial(loopback_endpoint, host_key=host_key, authorized_key=login_key.public_key)
    try:
        opened = await stack.enter_async_context(endpoint(port=folder.port("ssh") or 0))
    except OSError:  # somebody else listens on the port of the last run
        opened = await stack.enter_async_context(endpoint(port=0))
    folder.keep_port("ssh", opened.port)
    return ThisMachine(opened.host, opened.port, opened.user, folder.login_key, login_key.public_key)


def _forget_urls(folder: DataFolder) -> dict[str, Path]:
    files = {"DATABASE_URL": folder.running / "database.url", "REDIS_URL": folder.running / "redis.url"}
    for path in files.values():  # of the run before
        path.unlink(missing_ok=True)
    return files


def _processes(
    folder: DataFolder, files: Mapping[str, Path], listener: int, report: Report
) -> tuple[KeptRunning, KeptRunning]:
    environment = {name: value for name, value in os.environ.items() if name not in {f"SHIPLOG_{our}" for our in _OURS}}
    environment |= {f"SHIPLOG_{name}_FILE": str(path) for name, path in files.items()}
    environment["SHIPLOG_ENCRYPTION_KEYS_FILE"] = str(folder.encryption_keys)

    def process(name: str, *arguments: str, stdin: int = asyncio.subprocess.DEVNULL) -> KeptRunning:
        return KeptRunning(
            name,
            [sys.executable, "-P", "-m", "app", name, *arguments],
            environment=environment,
            folder=folder.running,
            log=folder.log(name),
            report=report,
            stdin=stdin,
        )

    return process("api", "--fd", "0", stdin=listener), process("worker")


async def _kept_token(folder: DataFolder, database_url: str) -> str:
    if not folder.token.exists():
        from app.cli.people import new_root_token

        private_file.write(folder.token, await new_root_token(database_url))
    return folder.token.read_text().strip()


async def _checked_token(api: KeptRunning, port: int, token: str, folder: DataFolder, database_url: str) -> str:
    """Wait until the API answers, and replace a kept token that it does not know (revoked, or of other data)."""
    answer = asyncio.create_task(status_of(port, "/api/v1/health"))
    ended = asyncio.create_task(api.ended.wait())
    await asyncio.wait({answer, ended}, timeout=_READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    answers = answer.done() and answer.result() == 200
    await _cancel(answer, ended)
    if not answers:
        raise Problem(f"The API does not start, see {folder.log('api')}: {api.last_words() or 'it does not answer'}")
    if await status_of(port, "/api/v1/teams/current", token) == 401:
        folder.token.unlink()
        return await _kept_token(folder, database_url)
    return token


async def _stop(*processes: KeptRunning) -> None:
    await asyncio.gather(*(process.stop() for process in processes))


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _all_of(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """Do several things at once; when one fails, the others come to their end first, so that each can be undone."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
