"""A worker that starts where a thousand deployments have lost theirs: each gets its own end, at a bounded rate."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from app.deployments.claim import Claimed, claim_next
from app.deployments.dispatcher import Dispatcher
from app.deployments.queue import queue_service_deployment
from app.deployments.runner import Runner
from app.kit.clock import utcnow
from app.models import Service, ServiceDeploymentQueue
from app.postgres import Sessions
from app.remote.command import Command
from app.remote.host import Address, Channel, Completed
from app.remote.testing import ScriptedHost
from app.settings import Settings
from tests.deploying import create_place, create_service

ROWS = 1000
CAPACITY = 30
LEASE = 30.0

# As many as wanted of a row, each with an id and a uuid of its own.
_COPY_SERVICES = text(
    """
    INSERT INTO services SELECT (jsonb_populate_record(s, jsonb_build_object(
        'id', s.id + number, 'uuid', substr(md5(number::text), 1, 24)))).*
    FROM services s, generate_series(1, :count) AS number
    """
)
_COPY_DEPLOYMENTS = text(
    """
    INSERT INTO service_deployment_queues SELECT (jsonb_populate_record(q, jsonb_build_object(
        'id', q.id + number, 'service_id', q.service_id + number, 'resource_uuid', substr(md5(number::text), 1, 24),
        'deployment_uuid', substr(md5('d' || number), 1, 24)))).*
    FROM service_deployment_queues q, generate_series(1, :count) AS number
    """
)


class EmptyServer(ScriptedHost):
    """A server that has no run any more, and says so without a shell: a thousand of those would take a minute."""

    async def run(self, command: Command | str, *, stdin: bytes = b"", timeout: float = 30) -> Completed:
        """Answer what the programs on a real server answer there."""
        nonce = _nonce(stdin)
        word = "missing - - -"
        if b"answer sealed" in stdin:
            word = "sealed"
        elif b"out_offset=" in stdin:
            word = ""  # no index
        return Completed(0, f"{nonce}:{word}:{nonce}\n".encode(), b"") if nonce else Completed(1, b"", b"")

    @asynccontextmanager
    async def stream(
        self, command: Command | str, *, stdin: bytes = b""
    ) -> AsyncIterator[AsyncIterator[tuple[Channel, bytes]]]:
        """Follow nothing."""

        async def pieces() -> AsyncIterator[tuple[Channel, bytes]]:
            for channel in ("stdout", "stderr"):
                yield channel, f"{_nonce(stdin)}:".encode()

        yield pieces()


class OneHost:
    """A pool with one host at every address."""

    def __init__(self, host: ScriptedHost) -> None:
        self._host = host

    async def get(self, address: Address) -> ScriptedHost:
        """Return the host."""
        del address
        return self._host

    async def close(self) -> None:
        """Break its links."""
        await self._host.close()


@pytest.mark.timeout(240)
async def test_a_thousand_deployments_in_progress_at_the_start_each_get_their_own_end(
    sessions: Sessions, tmp_path: Path
) -> None:
    hosts = OneHost(EmptyServer(tmp_path))
    await _lose(sessions, ROWS, str(tmp_path / "data"))
    settings = Settings(worker_capacity=CAPACITY, sweep_seconds=0.01)
    runner = Runner(sessions, hosts, settings, _publish)
    most = 0

    async def run(claimed: Claimed, cancel: asyncio.Event) -> None:
        nonlocal most
        most = max(most, dispatcher.running)
        await runner.run(claimed, cancel)

    dispatcher = Dispatcher(sessions, settings, "new", run, _no_operations)
    sweeping = asyncio.create_task(dispatcher.sweep())
    try:
        while await _left(sessions):
            assert not sweeping.done()
            await asyncio.sleep(0.2)
    finally:
        sweeping.cancel()
        await dispatcher.stop()
    async with sessions() as session:
        column = ServiceDeploymentQueue
        outcomes = (
            await session.execute(
                select(column.status, column.failure_reason, func.count()).group_by(
                    column.status, column.failure_reason
                )
            )
        ).all()
        logged = (
            await session.execute(select(func.count()).where(column.logs.contains("folder is gone")))
        ).scalar_one()
    reason = "The worker was lost and the run's folder is gone from server."
    assert [tuple(outcome) for outcome in outcomes] == [("failed", reason, ROWS)]
    assert logged == ROWS
    assert 1 < most <= CAPACITY


async def _lose(sessions: Sessions, count: int, data_folder: str) -> None:
    """Make deployments that ran under a worker that is gone."""
    async with sessions.begin() as session:
        place = await create_place(session, concurrent_deployments=count)
        place.server.validated_at, place.server.data_folder = utcnow(), data_folder
        place.server.host_key = "ssh-ed25519 A"
        service = await create_service(session, place)
        await queue_service_deployment(session, await session.get_one(Service, service.id))
    assert await claim_next(sessions, place.server.id, "gone", LEASE) is not None
    async with sessions.begin() as session:
        await session.execute(
            text(
                "UPDATE service_deployment_queues SET phase = 'launched', run_clock = now() - interval '1 day', "
                "lease_until = now() - interval '1 minute'"
            )
        )
        await session.execute(_COPY_SERVICES, {"count": count - 1})
        await session.execute(_COPY_DEPLOYMENTS, {"count": count - 1})


async def _left(sessions: Sessions) -> int:
    async with sessions() as session:
        in_progress = ServiceDeploymentQueue.status == "in_progress"
        return (await session.execute(select(func.count()).where(in_progress))).scalar_one()


async def _publish(uuid: str, count: int) -> None:
    del uuid, count


async def _no_operations(server_id: int) -> None:
    del server_id


def _nonce(stdin: bytes) -> str:
    found = re.search(rb"^nonce='?([0-9a-f]+)", stdin, re.MULTILINE)
    return found[1].decode() if found else ""
