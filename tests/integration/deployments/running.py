"""A worker's way through a deployment with any script: real SSH to this machine, real sh, real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import update

from app.compose.plan import DeploymentPlan, Step
from app.deployments.claim import Claimed, claim_next, release_leases, take_over_expired
from app.deployments.kinds import SERVICE, AnyQueue
from app.deployments.queue import queue_service_deployment
from app.deployments.runner import Runner
from app.kit.clock import utcnow
from app.models import PrivateKey, Service
from app.postgres import Sessions
from app.remote.host import HostPool
from app.remote.keys import generate_private_key, read_private_key
from app.remote.loopback import LoopbackEndpoint, loopback_endpoint
from app.remote.ssh import SshHostPool
from app.settings import Settings
from tests.deploying import Place, create_place, create_service, lock_variable, row_of

LEASE = 30.0
SECRET = "correct-horse-battery"


@dataclass
class Bench:
    """A team's server that is this machine, a service on it, and what a worker process holds."""

    sessions: Sessions
    endpoint: LoopbackEndpoint
    hosts: SshHostPool
    folder: Path
    place: Place
    service: Service
    settings: Settings

    async def ask(self, **limits: int) -> AnyQueue:
        """Queue a deployment of the service."""
        async with self.sessions.begin() as session:
            service = await session.get_one(Service, self.service.id)
            queued = await queue_service_deployment(
                session,
                service,
                deployment_timeout=limits.get("deployment_timeout"),
                no_output_timeout=limits.get("no_output_timeout"),
            )
        assert queued.deployment is not None
        return queued.deployment

    async def claim(self, *scripts: str, owner: str = "worker") -> Claimed:
        """Claim the next deployment, which will run `scripts`, one a step."""
        claimed = await claim_next(self.sessions, self.place.server.id, owner, LEASE)
        assert claimed is not None
        return with_scripts(claimed, scripts)

    async def take_over(self, *scripts: str, owner: str = "other") -> Claimed:
        """Let the first worker's lease expire and claim its deployment for another one."""
        await release_leases(self.sessions, "worker")
        (claimed,) = await take_over_expired(self.sessions, owner, LEASE)
        return with_scripts(claimed, scripts)

    def runner(self, hosts: HostPool | None = None, **settings: Any) -> Runner:
        """Return a runner as a worker process has one."""
        return Runner(self.sessions, hosts or self.hosts, self.settings.model_copy(update=settings), _publish)

    async def run(self, claimed: Claimed, cancel: asyncio.Event | None = None, **settings: Any) -> None:
        """Run a claimed deployment to its end."""
        await self.runner(**settings).run(claimed, cancel or asyncio.Event())

    async def deploy(self, *scripts: str, **settings: Any) -> AnyQueue:
        """Queue, claim and run a deployment; return its row as it then is."""
        row = await self.ask()
        await self.run(await self.claim(*scripts), **settings)
        return await self.row(row)

    async def abandon(self, script: str, *, after: str) -> AnyQueue:
        """Let a worker run a deployment and vanish once a text is logged; return the row, whose run goes on."""
        row = await self.ask()
        running = asyncio.create_task(self.run(await self.claim(script)))
        await self.until_logged(row, after)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return row

    async def row(self, row: AnyQueue) -> AnyQueue:
        """Return the row as it is now."""
        async with self.sessions() as session:
            return await row_of(session, SERVICE, row.id)

    async def log(self, row: AnyQueue) -> list[dict[str, Any]]:
        """Return the entries of a deployment; their numbers have no gap."""
        async with self.sessions() as session:
            entries = await (await row_of(session, SERVICE, row.id)).log_entries()
        assert [entry["order"] for entry in entries] == list(range(1, len(entries) + 1))
        return entries

    async def outputs(self, row: AnyQueue, type: str | None = None) -> list[str]:
        """Return the texts of the log, of one stream if `type` says so."""
        return [entry["output"] for entry in await self.log(row) if type in {None, entry["type"]}]

    async def until_logged(self, row: AnyQueue, text: str) -> None:
        """Wait until an entry with this text is stored."""
        async with asyncio.timeout(20):
            while text not in await self.outputs(row):
                await asyncio.sleep(0.02)

    def run_folder(self, row: AnyQueue) -> Path:
        """The run's folder on the server."""
        return self.folder / "runs" / row.deployment_uuid


def with_scripts(claimed: Claimed, scripts: Sequence[str]) -> Claimed:
    """Return the claim of a deployment whose plan is these scripts."""

    def plan(snapshot: dict[str, Any], facts: object) -> DeploymentPlan:
        del facts
        steps = tuple(Step(f"Step {number}", f"sh step{number}", text) for number, text in enumerate(scripts, start=1))
        secrets = frozenset(snapshot["secrets"])
        return DeploymentPlan("services/test", (), steps, secrets, snapshot["deadline_seconds"])

    return replace(claimed, kind=replace(SERVICE, plan=plan))


async def _publish(uuid: str, count: int) -> None:
    del uuid, count


@asynccontextmanager
async def running_bench(
    sessions: Sessions, folder: Path, *, env: Mapping[str, str] | None = None, **settings: Any
) -> AsyncIterator[Bench]:
    """Yield a bench whose server keeps its files in `folder`; `env` is what its commands see, `settings` are its row's."""
    private_key = generate_private_key()
    async with loopback_endpoint(
        host_key=generate_private_key(), authorized_key=read_private_key(private_key).public_key, env=env
    ) as endpoint:
        async with sessions.begin() as session:
            place = await create_place(session, **settings)
            await session.execute(update(PrivateKey).values(private_key=private_key))
            server = place.server
            server.ip, server.port, server.user = endpoint.host, endpoint.port, endpoint.user
            server.host_key, server.data_folder, server.validated_at = endpoint.host_key, str(folder), utcnow()
            service = await create_service(session, place)
            await lock_variable(session, place, service, SECRET)
        hosts = SshHostPool()
        try:
            yield Bench(sessions, endpoint, hosts, folder, place, service, Settings(lease_seconds=round(LEASE)))
        finally:
            await hosts.close()
