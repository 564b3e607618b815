"""PgBouncer in transaction mode, with its own configuration in a folder that goes with it."""

import asyncio
import os
import pwd
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from sqlalchemy import URL, make_url

from app.embedded.part import free_port
from app.kit import child, private_file

_READY_SECONDS = 20

CONFIGURATION = """\
[databases]
* = host={server.host} port={server.port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {backends}
max_client_conn = {clients}
log_connections = 0
log_disconnections = 0
"""


@dataclass(frozen=True)
class Pooler:
    """A running one: `url` leads through it to the same database."""

    url: str
    log: Path


@asynccontextmanager
async def pooler(program: str, url: str, *, backends: int, clients: int = 500) -> AsyncIterator[Pooler]:
    """Serve the database of a SQLAlchemy URL over at most so many connections of its own."""
    server, port = make_url(url), free_port()
    with _folder() as (folder, owner):
        configuration = CONFIGURATION.format(
            server=server, port=port, folder=folder, backends=backends, clients=clients
        )
        # In plain: it logs in to the server itself.
        for name, text in (("users", f'"{server.username}" "{server.password}"\n'), ("ini", configuration)):
            private_file.write(folder / name, text)
            if owner is not None:
                os.chown(folder / name, *owner)
        with child.open_log(folder / "log") as log:
            process = await child.start([program, folder / "ini"], output=log, owner=owner, folder=Path("/"))
        try:
            await asyncio.wait_for(_ready(process, port, folder / "log"), _READY_SECONDS)
            through: URL = server.set(host="127.0.0.1", port=port)
            yield Pooler(through.render_as_string(hide_password=False), folder / "log")
        finally:
            await child.stop(process, signal.SIGQUIT, grace_seconds=5)


@contextmanager
def _folder() -> Iterator[tuple[Path, tuple[int, int] | None]]:
    """Yield a folder of whoever it runs as: it refuses to run as root."""
    folder, owner = Path(mkdtemp(prefix="pooler-")), None
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        owner = (nobody.pw_uid, nobody.pw_gid)
        os.chown(folder, *owner)
    try:
        yield folder, owner
    finally:
        shutil.rmtree(folder)


async def _ready(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    while process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return
    raise ChildProcessError(f"PgBouncer ended with {process.returncode}: {child.tail(log, 0)}")
