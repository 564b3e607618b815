"""Operations run: the scripts in a real sh against a stub engine, what they leave behind, and what fails how."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app.deployments.claim import Claimed
from app.deployments.dispatcher import Dispatcher
from app.deployments.kinds import KINDS, SERVICE, Kind
from app.kit.clock import utcnow
from app.models import EnvironmentVariable, OutboxEvent, ResourceOperation, Server
from app.models.service import Service
from app.models.standalone.columns import StandaloneMixin
from app.operations.claim import claim_operation
from app.operations.planning import NO_CONTAINER, DeleteOptions
from app.operations.repository import RESOURCE_MODELS
from app.operations.runner import WAITS, WORKER_LOST, run_operations, settle_lost_operations
from app.postgres import Sessions
from app.remote.errors import HostKeyChanged, Unreachable
from app.remote.testing import ScriptedHostPool
from app.settings import Settings
from tests.deploying import Place, create_deployment, create_place, create_resource, lock_variable
from tests.integration.operations.engine import StubEngine

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
EVERYTHING = {
    "containers": ["web", "worker"],
    "running": ["web", "worker"],
    "volumes": ["data"],
    "networks": ["default"],
}


class Yard:
    """A server with a stub engine, and what runs on it."""

    def __init__(self, sessions: Sessions, place: Place, engine: StubEngine, folder: Path) -> None:
        self.sessions = sessions
        self.place = place
        self.engine = engine
        self.data_folder = folder / "data"
        self.hosts = ScriptedHostPool(folder)

    async def resource(self, kind: Kind, **columns: Any) -> Service | StandaloneMixin:
        """Make a resource that runs, with a folder, a locked variable and a history."""
        async with self.sessions.begin() as session:
            resource = await create_resource(session, self.place, kind, status="running:healthy", **columns)
            await create_deployment(session, self.place, resource, status="finished")
            await lock_variable(session, self.place, resource, "hidden-in-the-hold")
            table = RESOURCE_MODELS[resource.resource_type].__tablename__
            await session.execute(text(f"UPDATE {table} SET status_at = now() WHERE id = :id"), {"id": resource.id})
        self.engine.start(resource.uuid)
        folder = self.folder_of(kind, resource)
        folder.mkdir(parents=True)
        (folder / ".env").write_text("A=b")
        return resource

    def folder_of(self, kind: Kind, resource: Service | StandaloneMixin) -> Path:
        """Return the resource's folder on the server."""
        return self.data_folder / f"{kind.name}s" / resource.uuid

    async def ask(self, resource: Service | StandaloneMixin, kind: str, **options: bool | str) -> int:
        """Queue an operation and return its id."""
        async with self.sessions.begin() as session:
            operation = ResourceOperation(
                team_id=self.place.team.id,
                server_id=self.place.server.id,
                kind=kind,
                resource_type=resource.resource_type,
                resource_id=resource.id,
                resource_uuid=resource.uuid,
                resource_name=resource.name,
                options=options,
            )
            session.add(operation)
            if kind == "delete":
                table = RESOURCE_MODELS[resource.resource_type].__tablename__
                await session.execute(
                    text(f"UPDATE {table} SET deleted_at = now() WHERE id = :id"), {"id": resource.id}
                )
        return operation.id

    async def run(self) -> int:
        """Run what is queued."""
        return await run_operations(self.sessions, self.hosts, self.place.server.id, "worker")

    async def operation(self, operation_id: int) -> ResourceOperation:
        """Return an operation as it is now."""
        async with self.sessions() as session:
            return await session.get_one(ResourceOperation, operation_id)

    async def reload(self, resource: Service | StandaloneMixin) -> Any:
        """Return the resource as it is now, or None."""
        async with self.sessions() as session:
            return await session.get(type(resource), resource.id)

    async def count(self, model: Any) -> int:
        """Return how many rows a table has."""
        async with self.sessions() as session:
            return (await session.execute(select(func.count()).select_from(model))).scalar_one()


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubEngine:
    """A stub engine that the scripted hosts find."""
    stub = StubEngine(tmp_path / "engine")
    monkeypatch.setenv("PATH", str(stub.programs), prepend=":")
    return stub


@pytest.fixture
async def yard(sessions: Sessions, engine: StubEngine, tmp_path: Path) -> Yard:
    """A server with nothing on it."""
    async with sessions.begin() as session:
        place = await create_place(session)
        server = await session.get_one(Server, place.server.id)
        server.data_folder = str(tmp_path / "data")
    return Yard(sessions, place, engine, tmp_path)


def _entries(operation: ResourceOperation) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(operation.logs or "[]")
    assert [entry["order"] for entry in entries] == list(range(1, len(entries) + 1))
    return entries


def _steps(operation: ResourceOperation) -> list[str]:
    return [entry["name"] for entry in _entries(operation) if entry.get("name")]


@by_kind
async def test_a_stop_removes_the_containers_and_nothing_else(yard: Yard, kind: Kind) -> None:
    resource, neighbour = await yard.resource(kind), await yard.resource(kind)
    asked = await yard.ask(resource, "stop", docker_cleanup=True)
    assert await yard.run() == 1
    operation = await yard.operation(asked)
    assert (operation.status, operation.failure_reason, operation.lease_owner) == ("finished", None, None)
    assert operation.started_at is not None
    assert operation.finished_at is not None
    assert _steps(operation) == ["Stop containers", "Remove containers", "Clean up images"]
    assert yard.engine.of(resource.uuid) == {"volumes": ["data"], "networks": ["default"]}
    assert yard.engine.of(neighbour.uuid) == EVERYTHING
    assert yard.folder_of(kind, resource).exists()
    stopped = await yard.reload(resource)
    assert (stopped.status, stopped.status_at > resource.created_at) == ("exited", True)
    assert (await yard.reload(neighbour)).status == "running:healthy"


@by_kind
async def test_a_stop_leaves_an_event(yard: Yard, kind: Kind) -> None:
    resource = await yard.resource(kind)
    operation = await yard.operation(await yard.ask(resource, "stop"))
    await yard.run()
    async with yard.sessions() as session:
        event = (await session.execute(select(OutboxEvent))).scalar_one()
    assert (event.team_id, event.name) == (yard.place.team.id, f"{kind.name.capitalize()}StatusChanged")
    assert event.payload == {
        "resource_uuid": resource.uuid,
        "resource_type": resource.resource_type,
        "operation_uuid": operation.uuid,
        "status": "exited",
    }


async def test_a_part_of_a_service_is_stopped_started_and_restarted_alone(yard: Yard) -> None:
    service = await yard.resource(SERVICE)
    for kind, running, status in [
        ("stop-part", ["worker"], "degraded:unhealthy"),
        ("start-part", ["web", "worker"], "running:unknown"),
        ("restart-part", ["web", "worker"], "running:unknown"),
    ]:
        asked = await yard.ask(service, kind, part="web")
        await yard.run()
        operation = await yard.operation(asked)
        assert (operation.status, operation.failure_reason) == ("finished", None)
        assert _steps(operation) == [f"{kind.removesuffix('-part').capitalize()} web"]
        assert yard.engine.of(service.uuid) == {**EVERYTHING, "running": running}
        assert (await yard.reload(service)).status == status
    assert yard.engine.calls[-3].startswith(f"restart {service.uuid}-web")


async def test_a_part_without_a_container_is_not_started_and_is_as_good_as_stopped(yard: Yard) -> None:
    service = await yard.resource(SERVICE)
    for kind, status, reason in [
        ("start-part", "failed", f"Start cron: {NO_CONTAINER}"),
        ("stop-part", "finished", None),
    ]:
        operation = await yard.operation(await yard.ask(service, kind, part="cron"))
        await yard.run()
        operation = await yard.operation(operation.id)
        assert (operation.status, operation.failure_reason) == (status, reason)
    assert yard.engine.of(service.uuid) == EVERYTHING


async def test_a_stop_without_clean_up_prunes_nothing(yard: Yard) -> None:
    resource = await yard.resource(SERVICE)
    await yard.ask(resource, "stop", docker_cleanup=False)
    await yard.run()
    assert "image prune --force" not in yard.engine.calls
    assert any(call.startswith("stop ") for call in yard.engine.calls)


@by_kind
async def test_a_delete_takes_everything_of_the_resource_and_keeps_the_operation(yard: Yard, kind: Kind) -> None:
    resource, neighbour = await yard.resource(kind), await yard.resource(kind)
    asked = await yard.ask(resource, "delete", **asdict(DeleteOptions()))
    assert await yard.run() == 1
    operation = await yard.operation(asked)
    assert (operation.status, operation.failure_reason) == ("finished", None)
    assert _steps(operation) == [
        "Stop containers",
        "Remove containers",
        "Remove volumes",
        "Remove networks",
        "Remove files",
        "Clean up images",
    ]
    assert yard.engine.of(resource.uuid) == {}
    assert yard.engine.of(neighbour.uuid) == EVERYTHING
    assert not yard.folder_of(kind, resource).exists()
    assert yard.folder_of(kind, neighbour).exists()
    assert await yard.reload(resource) is None
    assert await yard.reload(neighbour) is not None
    assert (await yard.count(kind.queue), await yard.count(EnvironmentVariable)) == (1, 1)


async def test_a_delete_keeps_what_it_was_told_to_keep(yard: Yard) -> None:
    resource = await yard.resource(SERVICE)
    keep = DeleteOptions(
        delete_volumes=False, delete_connected_networks=False, delete_configurations=False, docker_cleanup=False
    )
    operation = await yard.operation(await yard.ask(resource, "delete", **asdict(keep)))
    await yard.run()
    assert _steps(await yard.operation(operation.id)) == ["Stop containers", "Remove containers"]
    assert yard.engine.of(resource.uuid) == {"volumes": ["data"], "networks": ["default"]}
    assert yard.folder_of(SERVICE, resource).exists()
    assert await yard.reload(resource) is None


@by_kind
async def test_what_was_never_started_is_deleted_without_its_server(yard: Yard, kind: Kind) -> None:
    async with yard.sessions.begin() as session:
        resource = await create_resource(session, yard.place, kind)
        await create_deployment(session, yard.place, resource, status="cancelled-by-user")
    yard.hosts.refuse(Unreachable("Nothing answers."))
    asked = await yard.ask(resource, "delete", **asdict(DeleteOptions()))
    await yard.run()
    operation = await yard.operation(asked)
    assert (operation.status, operation.failure_reason) == ("finished", None)
    assert await yard.reload(resource) is None
    assert await yard.count(kind.queue) == 0


async def test_what_is_gone_already_is_success(yard: Yard) -> None:
    resource = await yard.resource(SERVICE)
    for _ in range(2):
        await yard.ask(resource, "stop", docker_cleanup=True)
        await yard.run()
    asked = await yard.ask(resource, "stop", docker_cleanup=True)
    await yard.run()
    assert (await yard.operation(asked)).status == "finished"


async def test_a_container_that_ended_by_itself_does_not_fail_the_stop(yard: Yard) -> None:
    resource = await yard.resource(SERVICE)
    yard.engine.let_go(resource.uuid, "web")
    asked = await yard.ask(resource, "stop", docker_cleanup=False)
    await yard.run()
    assert (await yard.operation(asked)).status == "finished"
    assert "running" not in yard.engine.of(resource.uuid)


async def test_a_network_that_others_use_stays_and_the_delete_goes_on(yard: Yard) -> None:
    resource = await yard.resource(SERVICE)
    yard.engine.make_stuck(resource.uuid, "default", "has active endpoints")
    asked = await yard.ask(resource, "delete", **asdict(DeleteOptions()))
    await yard.run()
    operation = await yard.operation(asked)
    assert operation.status == "finished"
    outputs = [entry["output"] for entry in _entries(operation)]
    assert f"The network {resource.uuid}-default is in use by other containers and stays." in outputs
    assert yard.engine.of(resource.uuid) == {"networks": ["default"]}


@by_kind
async def test_a_delete_that_fails_says_why_and_gives_the_resource_back(yard: Yard, kind: Kind) -> None:
    resource = await yard.resource(kind)
    yard.engine.make_stuck(resource.uuid, "data", "volume is in use")
    asked = await yard.ask(resource, "delete", **asdict(DeleteOptions()))
    await yard.run()
    operation = await yard.operation(asked)
    reason = f"Remove volumes: cannot remove {resource.uuid}-data: volume is in use"
    assert (operation.status, operation.failure_reason) == ("failed", reason)
    last = _entries(operation)[-1]
    assert (last["output"], last["type"]) == (reason, "stderr")
    assert _steps(operation)[-1] == "Remove volumes"
    back = await yard.reload(resource)
    assert back.deleted_at is None
    assert await yard.count(kind.queue) == 1
    assert yard.folder_of(kind, resource).exists()


@by_kind
async def test_a_server_that_cannot_be_reached_fails_the_stop(yard: Yard, kind: Kind) -> None:
    resource = await yard.resource(kind)
    yard.hosts.refuse(Unreachable("Nothing answers at server.example:22."))
    asked = await yard.ask(resource, "stop", docker_cleanup=True)
    await yard.run()
    operation = await yard.operation(asked)
    assert (operation.status, operation.failure_reason) == ("failed", "Nothing answers at server.example:22.")
    assert (await yard.reload(resource)).status == "running:healthy"


@by_kind
async def test_a_delete_waits_for_a_server_that_is_away_and_is_done_when_it_is_back(yard: Yard, kind: Kind) -> None:
    resource = await yard.resource(kind)
    yard.hosts.refuse(Unreachable("Nothing answers at server.example:22."))
    asked = await yard.ask(resource, "delete", **asdict(DeleteOptions()))
    assert await yard.run() == 1
    waiting = await yard.operation(asked)
    assert (waiting.status, waiting.failure_reason) == ("queued", "Nothing answers at server.example:22.")
    assert (waiting.lease_owner, waiting.finished_at) == (None, None)
    assert [entry["output"] for entry in _entries(waiting)] == ["Nothing answers at server.example:22.", WAITS]
    assert (await yard.reload(resource)).deleted_at is not None
    assert await yard.run() == 0  # not before its time
    yard.hosts.refuse(None)
    async with yard.sessions.begin() as session:
        await session.execute(text("UPDATE resource_operations SET retry_at = now() WHERE retry_at > now()"))

    assert await yard.run() == 1

    done = await yard.operation(asked)
    assert (done.status, done.failure_reason) == ("finished", None)
    assert _steps(done)[0] == "Stop containers"
    assert yard.engine.of(resource.uuid) == {}
    assert await yard.reload(resource) is None


async def test_a_key_that_has_changed_fails_the_delete_and_gives_the_resource_back(yard: Yard) -> None:
    resource = await yard.resource(SERVICE)
    yard.hosts.refuse(HostKeyChanged("one", "another"))
    asked = await yard.ask(resource, "delete", **asdict(DeleteOptions()))
    await yard.run()
    assert (await yard.operation(asked)).status == "failed"
    assert (await yard.reload(resource)).deleted_at is None


@by_kind
async def test_by_force_a_resource_is_forgotten_whose_server_is_gone(yard: Yard, kind: Kind) -> None:
    resource = await yard.resource(kind)
    yard.hosts.refuse(Unreachable("Nothing answers at server.example:22."))
    asked = await yard.ask(resource, "delete", **asdict(DeleteOptions(force=True)))
    await yard.run()
    operation = await yard.operation(asked)
    assert (operation.status, operation.failure_reason) == ("finished", None)
    assert [entry["output"] for entry in _entries(operation)] == [
        "Nothing answers at server.example:22.",
        "Forgotten by force: containers, volumes, networks and files that are on the server stay there.",
    ]
    assert await yard.reload(resource) is None


@by_kind
async def test_what_failed_before_its_script_was_launched_is_deleted_without_the_server(yard: Yard, kind: Kind) -> None:
    async with yard.sessions.begin() as session:
        resource = await create_resource(session, yard.place, kind)
        await create_deployment(session, yard.place, resource, status="failed", started_at=utcnow())
    yard.hosts.refuse(Unreachable("Nothing answers."))
    asked = await yard.ask(resource, "delete", **asdict(DeleteOptions()))
    await yard.run()
    assert (await yard.operation(asked)).status == "finished"
    assert await yard.reload(resource) is None


async def test_secrets_are_redacted_from_log_and_reason(yard: Yard) -> None:
    resource = await yard.resource(SERVICE)
    yard.engine.make_stuck(resource.uuid, "data", "hidden-in-the-hold")
    asked = await yard.ask(resource, "delete", **asdict(DeleteOptions()))
    await yard.run()
    operation = await yard.operation(asked)
    assert operation.failure_reason == f"Remove volumes: cannot remove {resource.uuid}-data: <REDACTED>"
    assert "hidden-in-the-hold" not in (operation.logs or "")


async def test_values_in_the_compose_file_whose_name_says_secret_are_redacted_too(yard: Yard) -> None:
    resource = await yard.resource(SERVICE)
    compose = (
        "services: {web: {image: web, environment: {API_TOKEN: below-the-waterline, URL: 'db://u:in-the-url@db'}}}"
    )
    async with yard.sessions.begin() as session:
        (await session.get_one(Service, resource.id)).docker_compose_raw = compose
    yard.engine.make_stuck(resource.uuid, "data", "below-the-waterline and in-the-url")
    asked = await yard.ask(resource, "delete", **asdict(DeleteOptions()))
    await yard.run()
    reason = (await yard.operation(asked)).failure_reason
    assert reason == f"Remove volumes: cannot remove {resource.uuid}-data: <REDACTED> and <REDACTED>"


async def test_docker_is_asked_through_sudo_where_the_server_needs_it(yard: Yard) -> None:
    async with yard.sessions.begin() as session:
        (await session.get_one(Server, yard.place.server.id)).docker_needs_sudo = True
    resource = await yard.resource(SERVICE)
    asked = await yard.ask(resource, "stop", docker_cleanup=True)
    await yard.run()
    assert (await yard.operation(asked)).status == "finished"
    calls = yard.engine.calls
    assert [call for call in calls if not call.startswith("sudo ")] == [
        call.removeprefix("sudo docker ") for call in calls if call.startswith("sudo docker ")
    ]
    assert calls[0].startswith("sudo docker ps ")


async def test_two_workers_run_each_operation_once(yard: Yard) -> None:
    resources = [await yard.resource(SERVICE) for _ in range(6)]
    for resource in resources:
        await yard.ask(resource, "stop", docker_cleanup=True)
    counts = await asyncio.gather(
        *(run_operations(yard.sessions, yard.hosts, yard.place.server.id, f"worker {number}") for number in range(2))
    )
    assert sum(counts) == 6
    assert yard.engine.calls.count("image prune --force") == 6


@by_kind
async def test_an_operation_whose_worker_is_gone_fails_and_gives_the_resource_back(yard: Yard, kind: Kind) -> None:
    resource = await yard.resource(kind)
    asked = await yard.ask(resource, "delete", **asdict(DeleteOptions()))
    assert await claim_operation(yard.sessions, yard.place.server.id, "gone", lease_seconds=30) is not None
    assert await settle_lost_operations(yard.sessions, "worker") == 0
    async with yard.sessions.begin() as session:
        await session.execute(text("UPDATE resource_operations SET lease_until = now() - interval '1 second'"))
    assert await settle_lost_operations(yard.sessions, "worker") == 1
    operation = await yard.operation(asked)
    assert (operation.status, operation.failure_reason) == ("failed", WORKER_LOST)
    assert (await yard.reload(resource)).deleted_at is None


async def test_the_sweep_runs_what_waits_and_settles_what_was_lost(yard: Yard) -> None:
    lost, waiting = await yard.resource(SERVICE), await yard.resource(SERVICE)
    lost_id = await yard.ask(lost, "stop", docker_cleanup=True)
    assert await claim_operation(yard.sessions, yard.place.server.id, "gone", lease_seconds=0) is not None
    waiting_id = await yard.ask(waiting, "stop", docker_cleanup=True)
    ran = asyncio.Event()

    async def run_waiting(server_id: int) -> None:
        await run_operations(yard.sessions, yard.hosts, server_id, "worker")
        ran.set()

    async def settle_lost() -> None:
        await settle_lost_operations(yard.sessions, "worker")

    async def run_deployment(_: Claimed, _cancelled: asyncio.Event) -> None:
        raise AssertionError("no deployment waits")

    dispatcher = Dispatcher(yard.sessions, Settings(), "worker", run_deployment, run_waiting, settle_lost)
    await dispatcher.sweep_once()
    await ran.wait()
    await dispatcher.stop()
    assert (await yard.operation(lost_id)).status == "failed"
    assert (await yard.operation(waiting_id)).status == "finished"
