"""Everything that runs need, real and of their own: a server, PostgreSQL, Valkey, two workers, an API on demand."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.deployments.queue import queue_service_deployment
from app.kit import encryption
from app.kit.clock import utcnow
from app.models import (
    EnvironmentVariable,
    Server,
    ServerSetting,
    Service,
    ServiceDeploymentQueue,
)
from app.postgres import Sessions
from app.redis import Waker
from tests.deploying import Place
from tests.faults.parts import Program, SshServer, processes_in
from tests.rig.processes import free_port
from tests.wire import Wire

WORKERS = ("a", "b")
READY_SECONDS = 60.0


class Cell:
    """A place for one run at a time; opened by `open_cell`, which fills in the attributes."""

    folder: Path
    database_url: str
    sessions: Sessions
    engine: AsyncEngine
    postgres: Wire
    redis: Wire
    ssh: Wire
    server: SshServer
    place: Place
    waker: Waker
    token: str

    def __init__(self, mutant: str | None) -> None:
        self.mutant = mutant
        self.key = encryption.new_key()
        self.workers: dict[str, Program] = {}
        self._api: Program | None = None
        self._api_port = free_port()
        self.environment: dict[str, str] = {}

    @property
    def data_folder(self) -> Path:
        """Where the server keeps its runs."""
        return self.folder / "data"

    # Workers

    async def start_worker(self, name: str) -> None:
        """Start a worker and wait until it works."""
        owner = self.folder / f"{name}.owner"
        owner.unlink(missing_ok=True)
        arguments: list[str | Path] = [
            "-m",
            "tests.faults.worker_main",
            self.folder,
            name,
            *([self.mutant] if self.mutant else []),
        ]
        program = Program(arguments, self.environment, self.folder / f"worker-{name}.log")
        self.workers[name] = program
        await program.start()
        await self.until(lambda: owner.exists() and bool(owner.read_text()), f"worker {name}", program)

    async def keep_workers(self) -> None:
        """Start those workers that are not there."""
        missing = [name for name in WORKERS if name not in self.workers or not self.workers[name].is_alive]
        await asyncio.gather(*map(self.start_worker, missing))

    async def holder(self, deployment_id: int) -> str:
        """Return the name of the worker that holds a deployment's lease."""
        while True:
            row = await self.row(deployment_id)
            for name, program in self.workers.items():
                owner = self.folder / f"{name}.owner"
                if program.is_alive and owner.exists() and row.lease_owner == owner.read_text():
                    return name
            if row.status != "in_progress":
                raise Missed
            await asyncio.sleep(0.02)

    # API

    async def api(self) -> httpx.AsyncClient:
        """Return a client of the API, which is started when it does not run."""
        if self._api is None or not self._api.is_alive:
            arguments = ["-m", "app", "api", "--port", str(self._api_port)]
            self._api = Program(arguments, self.environment, self.folder / "api.log")
            await self._api.start()
            await self.until(self._api_listens, "the API", self._api)
        return self.client()

    def client(self) -> httpx.AsyncClient:
        """Return a client of the API, whether it runs or not."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"http://127.0.0.1:{self._api_port}/api/v1"
        return httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False)

    async def kill_api(self) -> None:
        """End the API as a power cut would."""
        if self._api is not None:
            await self._api.kill()

    def _api_listens(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._api_port}/api/v1/health", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    # PostgreSQL and Valkey

    def postgres_pids(self) -> list[int]:
        """Return PostgreSQL's processes."""
        return processes_in((self.folder / "postgres").resolve(), "postgres")

    def valkey_pids(self) -> list[int]:
        """Return Valkey's process."""
        return processes_in(self.folder / "valkey", "valkey-server")

    async def until_postgres_answers(self) -> None:
        """Wait until PostgreSQL is back."""
        async with asyncio.timeout(READY_SECONDS):
            while True:
                try:
                    async with self.sessions() as session:
                        await session.execute(text("SELECT 1"))
                except Exception:
                    await asyncio.sleep(0.1)
                else:
                    return

    # Rows

    async def other_server(self, server: SshServer, data_folder: Path) -> Server:
        """Return another server of the team, reached straight; one at the same address gets the new data folder."""
        async with self.sessions.begin() as session:
            first = self.place.server
            statement = select(Server).where(Server.ip == server.host, Server.port == server.port)
            row = (await session.execute(statement)).scalar_one_or_none()
            if row is None:
                row = Server(
                    team_id=first.team_id, private_key_id=first.private_key_id, name="server", ip="", user="root"
                )
                point_server(row, server, None, data_folder)
                session.add(row)
                await session.flush()
                session.add(ServerSetting(server_id=row.id, concurrent_deployments=1, deployment_timeout=300))
            row.data_folder = str(data_folder)
        return row

    async def make_service(self, compose: str, secrets: tuple[str, ...], server: Server | None = None) -> Service:
        """Make a service whose deployments run what `compose` says."""
        async with self.sessions.begin() as session:
            values = {**self.place.of_resource(), "name": "shop", "docker_compose_raw": compose}
            service = Service(**(values if server is None else {**values, "server_id": server.id}))
            session.add(service)
            await session.flush()
            for number, secret in enumerate(secrets):
                session.add(
                    EnvironmentVariable(
                        team_id=self.place.team.id,
                        resource_type=service.resource_type,
                        resource_id=service.id,
                        key=f"SECRET_{number}",
                        value=secret,
                        is_shown_once=True,
                        is_multiline="\n" in secret,
                    )
                )
        return service

    async def ask(self, service: Service, *, wake: bool = True) -> ServiceDeploymentQueue:
        """Queue a deployment and wake a worker, as the API does."""
        async with self.sessions.begin() as session:
            queued = await queue_service_deployment(session, await session.get_one(Service, service.id))
        assert isinstance(queued.deployment, ServiceDeploymentQueue)
        if wake:
            await self.waker.look(service.server_id)
        return queued.deployment

    async def row(self, deployment_id: int) -> ServiceDeploymentQueue:
        """Return a deployment as it is now; PostgreSQL away is waited out."""
        while True:
            try:
                async with self.sessions() as session:
                    return await session.get_one(ServiceDeploymentQueue, deployment_id)
            except (DBAPIError, OSError):
                await self.until_postgres_answers()

    async def nonce(self, deployment_id: int) -> str:
        """Return what the markers of a deployment's steps are made of."""
        async with self.sessions() as session:
            column = ServiceDeploymentQueue.configuration_snapshot
            snapshot = (
                await session.execute(select(column).where(ServiceDeploymentQueue.id == deployment_id))
            ).scalar_one()
        nonce: str = (snapshot or {})["nonce"]
        return nonce

    async def rows_of(self, service: Service) -> list[ServiceDeploymentQueue]:
        """Return a service's deployments."""
        async with self.sessions() as session:
            statement = select(ServiceDeploymentQueue).where(ServiceDeploymentQueue.service_id == service.id)
            return list((await session.execute(statement)).scalars())

    async def entries(self, deployment_id: int) -> list[dict[str, Any]]:
        """Return a deployment's log."""
        async with self.sessions() as session:
            return await (await session.get_one(ServiceDeploymentQueue, deployment_id)).log_entries()

    def journal(self, deployment_id: int) -> list[dict[str, Any]]:
        """Return what the workers noted of a deployment."""
        lines = (self.folder / "journal").read_text().splitlines()
        return [note for note in map(json.loads, lines) if note.get("id") == deployment_id]

    def forget_journal(self) -> None:
        """Begin the journal anew: its writers append."""
        (self.folder / "journal").open("w").close()

    async def until(self, ready: Any, what: str, program: Program) -> None:
        """Wait for a program of Shiplog."""
        for _ in range(int(READY_SECONDS / 0.02)):
            if ready():
                return
            if not program.is_alive:
                break
            await asyncio.sleep(0.02)
        raise RuntimeError(f"{what} did not start:\n{program.last_words()}")

    async def close_programs(self) -> None:
        """End Shiplog's processes."""
        programs = [*self.workers.values(), *([self._api] if self._api else [])]
        await asyncio.gather(*(program.kill() for program in programs))


class Missed(Exception):
    """The deployment was over before the fault could hit it."""


def point_server(row: Server, server: SshServer, wire: Wire | None, data_folder: Path) -> None:
    """Have a server's row lead to a real one, over a wire or straight to it."""
    row.ip, row.port = ("127.0.0.1", wire.port) if wire is not None else (server.host, server.port)
    row.user, row.host_key, row.data_folder, row.validated_at = server.user, server.host_key, str(data_folder), utcnow()
