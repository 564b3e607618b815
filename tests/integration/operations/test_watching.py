"""Looks at the servers: a status is what the containers are, also when nobody told us."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import func, select, text, update

from app.deployments.kinds import DATABASE, KINDS, SERVICE, Kind
from app.kit.clock import utcnow
from app.models import OutboxEvent, Server, ServerSetting
from app.models.service import Service
from app.models.standalone.columns import StandaloneMixin
from app.operations.repository import RESOURCE_MODELS
from app.operations.watching import watch_once
from app.postgres import Sessions
from app.remote.errors import Unreachable
from app.remote.host import Completed
from app.remote.testing import ScriptedHostPool
from app.servers.repository import load_access, take_servers_to_look_at
from tests.deploying import Place, create_deployment, create_place, create_resource
from tests.desk import Desk, error_of
from tests.fixtures.api import MakeToken

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
HOUR_AGO = timedelta(hours=1)


class Quay:
    """A validated server whose containers a test makes up."""

    def __init__(self, sessions: Sessions, place: Place, folder: Path) -> None:
        self.sessions = sessions
        self.place = place
        self.hosts = ScriptedHostPool(folder)

    async def resource(self, kind: Kind, **columns: Any) -> Service | StandaloneMixin:
        """Make a resource that ran an hour ago."""
        values = {"status": "running:healthy", "status_at": utcnow() - HOUR_AGO, **columns}
        async with self.sessions.begin() as session:
            return await create_resource(session, self.place, kind, **values)

    async def show(self, *lines: str, end: str = "end") -> None:
        """Let the next look at the server print these lines."""
        async with self.sessions() as session:
            access = await load_access(session, self.place.server.id)
        assert access is not None
        output = "".join(f"{line}\n" for line in (*lines, end)).encode()
        self.hosts.host(access.address).answer("docker inspect", Completed(0, output, b""), times=1)

    async def look(self) -> int:
        """Do one round."""
        return await watch_once(self.sessions, self.hosts, older_than=0)

    async def status(self, resource: Service | StandaloneMixin) -> str:
        """Return the resource's status as it is stored."""
        async with self.sessions() as session:
            table = RESOURCE_MODELS[resource.resource_type].__tablename__
            statement = text(f"SELECT status FROM {table} WHERE id = :id")
            return str((await session.execute(statement, {"id": resource.id})).scalar_one())


@pytest_asyncio.fixture
async def quay(sessions: Sessions, tmp_path: Path) -> Quay:
    async with sessions.begin() as session:
        place = await create_place(session)
        place.server.host_key, place.server.data_folder = "ssh-ed25519 AAAA", str(tmp_path / "data")
    return Quay(sessions, place, tmp_path)


@by_kind
async def test_what_has_crashed_is_seen_within_a_round(quay: Quay, kind: Kind) -> None:
    crashed, well, gone = [await quay.resource(kind) for _ in range(3)]
    await quay.show(f"{crashed.uuid} exited none 137 unless-stopped", f"{well.uuid} running healthy 0 unless-stopped")
    assert await quay.look() == 1
    assert [await quay.status(one) for one in (crashed, well, gone)] == ["exited", "running:healthy", "exited"]
    async with quay.sessions() as session:
        # That the server answers is an event too.
        about_resources = select(OutboxEvent).where(OutboxEvent.name != "ServerReachable")
        events = (await session.execute(about_resources.order_by(OutboxEvent.id))).scalars().all()
    assert {event.payload["resource_uuid"] for event in events} == {crashed.uuid, gone.uuid}
    assert {event.name for event in events} == {kind.status_event}


async def test_one_look_serves_every_resource_of_the_server(quay: Quay) -> None:
    service, database = await quay.resource(SERVICE, status="exited"), await quay.resource(DATABASE)
    await quay.show(
        f"{service.uuid} running none 0 no",
        f"{service.uuid} exited none 0 no",
        f"{database.uuid} restarting none 1 always",
        "somebody-elses running none 0 no",
    )
    await quay.look()
    assert [await quay.status(service), await quay.status(database)] == ["running:unknown", "degraded:unhealthy"]


@by_kind
async def test_what_is_being_deployed_or_was_never_started_is_left_alone(quay: Quay, kind: Kind) -> None:
    busy, new = await quay.resource(kind), await quay.resource(kind, status_at=None, status="exited")
    async with quay.sessions.begin() as session:
        await create_deployment(session, quay.place, busy, status="in_progress", started_at=utcnow())
    await quay.show(f"{new.uuid} running none 0 no")
    await quay.look()
    assert [await quay.status(busy), await quay.status(new)] == ["running:healthy", "exited"]


async def test_a_status_of_after_the_look_stays(quay: Quay) -> None:
    settled = await quay.resource(SERVICE, status_at=utcnow() + HOUR_AGO)
    await quay.show()
    await quay.look()
    assert await quay.status(settled) == "running:healthy"


@pytest.mark.parametrize("cut", [{"end": "x"}, {"end": "a running"}])
async def test_an_answer_that_broke_off_changes_nothing(quay: Quay, cut: dict[str, str]) -> None:
    resource = await quay.resource(SERVICE)
    await quay.show(**cut)
    await quay.look()
    assert await quay.status(resource) == "running:healthy"


async def test_a_server_that_does_not_answer_is_noted_and_looked_at_again(quay: Quay) -> None:
    resource = await quay.resource(SERVICE)

    async def is_reachable() -> bool:
        async with quay.sessions() as session:
            return bool((await session.execute(select(ServerSetting.is_reachable))).scalar_one())

    await quay.show(f"{resource.uuid} running healthy 0 no")
    await quay.look()
    assert await is_reachable()
    quay.hosts.refuse(Unreachable("Nobody there."))
    await quay.look()
    assert not await is_reachable()
    assert await quay.status(resource) == "running:healthy"
    quay.hosts.refuse(None)
    await quay.show()
    await quay.look()
    assert await is_reachable()
    assert await quay.status(resource) == "exited"


async def test_each_server_goes_to_one_worker_and_waits_its_time(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        for _ in range(20):
            await create_place(session)
        await session.execute(update(Server).values(host_key="ssh-ed25519 AAAA", data_folder="/data/shiplog"))

    async def take() -> list[int]:
        async with sessions.begin() as session:
            return list(await take_servers_to_look_at(session, older_than=60))

    taken = await asyncio.gather(*(take() for _ in range(8)))
    assert sorted(server_id for batch in taken for server_id in batch) == sorted(
        {server_id for batch in taken for server_id in batch}
    )
    assert sum(map(len, taken)) == 20
    assert await take() == []


async def test_a_server_that_was_never_validated_is_not_looked_at(sessions: Sessions, tmp_path: Path) -> None:
    async with sessions.begin() as session:
        await create_place(session)
    assert await watch_once(sessions, ScriptedHostPool(tmp_path), older_than=0) == 0


async def test_a_validation_whose_nudge_was_lost_is_done(quay: Quay) -> None:
    asked_at = utcnow() - timedelta(minutes=1)
    async with quay.sessions.begin() as session:
        await session.execute(update(ServerSetting).values(validation_requested_at=asked_at, looked_at=func.now()))
    quay.hosts.refuse(Unreachable("Nobody there."))
    await watch_once(quay.sessions, quay.hosts, older_than=60)
    async with quay.sessions() as session:
        server = await session.get_one(Server, quay.place.server.id)
        assert server.validated_at is not None
        assert server.validation_logs == "Nobody there."
        assert (await session.execute(select(ServerSetting.validation_requested_at))).scalar_one() is None


@pytest_asyncio.fixture
async def desk_at_quay(quay: Quay, api: httpx.AsyncClient, make_token: MakeToken) -> Desk:
    application: Any = api._transport.app  # type: ignore[attr-defined]
    application.state.hosts = quay.hosts
    return Desk(api, quay.sessions, quay.place, {"root": await make_token(["root"], team_id=quay.place.team.id)})


@by_kind
async def test_what_has_crashed_can_be_started_at_once(quay: Quay, desk_at_quay: Desk, kind: Kind) -> None:
    resource = await quay.resource(kind)
    async with quay.sessions() as session:
        access = await load_access(session, quay.place.server.id)
    assert access is not None
    host = quay.hosts.host(access.address)
    path = f"/{kind.name}s/{resource.uuid}/start"
    host.answer("docker inspect", Completed(0, b"running healthy 0 no\n", b""), times=1)
    refused = await desk_at_quay.ask("POST", path)
    noun = kind.name.capitalize()
    assert (refused.status_code, error_of(refused)) == (400, {"message": f"{noun} is already running."})
    host.answer("docker inspect", Completed(0, b"exited none 1 unless-stopped\n", b""), times=1)
    assert (await desk_at_quay.ask("POST", path)).status_code == 200
    assert await quay.status(resource) == "exited"


@by_kind
async def test_what_runs_again_can_be_stopped_at_once(quay: Quay, desk_at_quay: Desk, kind: Kind) -> None:
    resource = await quay.resource(kind, status="exited")
    async with quay.sessions() as session:
        access = await load_access(session, quay.place.server.id)
    assert access is not None
    quay.hosts.host(access.address).answer("docker inspect", Completed(0, b"running none 0 always\n", b""), times=1)
    answer = await desk_at_quay.ask("POST", f"/{kind.name}s/{resource.uuid}/stop")
    assert (answer.status_code, answer.json()["message"]) == (200, f"{kind.name.capitalize()} stopping request queued.")
    assert await quay.status(resource) == "running:unknown"
