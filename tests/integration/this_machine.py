"""This machine as the desk's server, over real SSH, with a Docker that says what a test wants; and a worker."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import update

from app.models import PrivateKey, Server
from app.remote.keys import generate_private_key, read_private_key
from app.remote.loopback import loopback_endpoint
from app.settings import Settings
from app.worker import WorkerProcess
from tests.desk import Desk
from tests.programs import write_program

WILLING = """\
case "$*" in
--version) echo 'Docker version 27.1.1, build 1' ;;
'version --format '*) echo 27.1.1 ;;
'compose version '*) echo 2.40.3 ;;
'ps --all --quiet --no-trunc --filter label=com.docker.compose.project='*) echo id ;;
'inspect --format {{.ID}}|'*) echo 'id|/web|web|running|0|0|no|healthy|t1|false|' ;;
esac
"""
"""Every project has one container, which is healthy; everything that is asked for works and prints nothing."""

SILENT = "exit 1\n"
"""Does not answer: statuses stay as they are."""


@dataclass(frozen=True)
class ThisMachine:
    """`data` is the server's data folder, `home` where its commands begin; both are empty at first."""

    data: Path
    home: Path


@asynccontextmanager
async def worker_on_this_machine(
    desk: Desk, settings: Settings, folder: Path, *, docker: str = WILLING
) -> AsyncIterator[ThisMachine]:
    """Let the desk's server be this machine, with its files below `folder`, while a worker runs.

    `docker` is what its program of that name does, in sh.
    """
    machine = ThisMachine(folder / "data", folder / "home")
    machine.data.mkdir()
    machine.home.mkdir()
    write_program(folder / "bin" / "docker", docker)
    private_key = generate_private_key()
    public_key = read_private_key(private_key).public_key
    env = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(machine.home)}
    async with loopback_endpoint(host_key=generate_private_key(), authorized_key=public_key, env=env) as endpoint:
        async with desk.sessions.begin() as session:
            await session.execute(update(PrivateKey).values(private_key=private_key))
            server = await session.get_one(Server, desk.place.server.id)
            server.ip, server.port, server.user = endpoint.host, endpoint.port, endpoint.user
            server.host_key, server.data_folder = endpoint.host_key, str(machine.data)
        worker = WorkerProcess(settings.model_copy(update={"sweep_seconds": 0.05}))
        running = asyncio.create_task(worker.run())
        try:
            yield machine
        finally:
            worker.stop()
            await running
