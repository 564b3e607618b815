"""Statements on operations and on what they touch: the resource, its variables, its history."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.kit.repository import Repository
from app.models.database_certificate import DatabaseCertificate
from app.models.database_deployment_queue import DatabaseDeploymentQueue
from app.models.environment_variable import EnvironmentVariable
from app.models.outbox_event import OutboxEvent
from app.models.resource import DeployableMixin
from app.models.resource_operation import ResourceOperation
from app.models.server import Server, ServerSetting
from app.models.service import Service
from app.models.service_deployment_queue import ServiceDeploymentQueue
from app.models.standalone import STANDALONE_MODELS
from app.models.tag import Taggable

RESOURCE_MODELS: dict[str, type[Any]] = {Service.resource_type: Service, **STANDALONE_MODELS}
"""Every model that an operation can be on, by its `resource_type`."""

_ACTIVE = ("queued", "in_progress")


class OperationRepository(Repository[ResourceOperation]):
    """Operations of a team."""

    model = ResourceOperation

    async def get(self, team_id: int, uuid: str) -> ResourceOperation | None:
        """Return one operation of the team, or None; it outlives its resource."""
        return await self.one_or_none(
            self.statement().where(ResourceOperation.uuid == uuid, ResourceOperation.team_id == team_id)
        )

    async def of_resource(
        self, team_id: int, resource_uuid: str, *, skip: int, take: int
    ) -> Sequence[ResourceOperation]:
        """Return the operations on a resource, newest first, also when it is gone."""
        of_resource = (ResourceOperation.resource_uuid == resource_uuid, ResourceOperation.team_id == team_id)
        statement = self.statement().where(*of_resource).offset(skip).limit(take)
        return await self.all(statement.order_by(ResourceOperation.created_at.desc(), ResourceOperation.id.desc()))

    async def active_of(self, resource: DeployableMixin) -> ResourceOperation | None:
        """Return the operation of the resource that waits or runs, or None."""
        return await self.one_or_none(
            self.statement().where(
                ResourceOperation.resource_type == resource.resource_type,
                ResourceOperation.resource_id == resource.id,
                ResourceOperation.status.in_(_ACTIVE),
            )
        )


async def active_deployment_uuid(session: AsyncSession, resource: DeployableMixin) -> str | None:
    """Return the uuid of the resource's oldest deployment that waits or runs, or None."""
    queue, of_resource = _history(resource.resource_type, resource.id)
    statement = select(queue.deployment_uuid).where(*of_resource, queue.status.in_(_ACTIVE))
    return (await session.execute(statement.order_by(queue.created_at, queue.id).limit(1))).scalar_one_or_none()


async def was_ever_started(session: AsyncSession, resource: DeployableMixin) -> bool:
    """Return whether anything of the resource can be on its server: a script of its was launched there.

    A history that was pruned says nothing, so a status that was ever set counts too.
    """
    if resource.status_at is not None:
        return True
    queue, of_resource = _history(resource.resource_type, resource.id)
    statement = select(exists().where(*of_resource, queue.current_process_id.is_not(None)))
    return bool((await session.execute(statement)).scalar_one())


async def is_status_outdated(session: AsyncSession, resource: DeployableMixin) -> bool:
    """Return whether a deployment of the resource has begun since its status was last seen."""
    queue, of_resource = _history(resource.resource_type, resource.id)
    began = queue.started_at.is_not(None) if resource.status_at is None else queue.started_at > resource.status_at
    return bool((await session.execute(select(exists().where(*of_resource, began)))).scalar_one())


_STARTED = {
    resource_type: f"""
    SELECT '{resource_type}' AS type, id, uuid, status FROM {model.__tablename__}
    WHERE server_id = :server_id AND status_at < :began AND deleted_at IS NULL
      AND (cast(:only AS text) IS NULL OR uuid = :only)
    """
    for resource_type, model in RESOURCE_MODELS.items()
}
_STARTED_RESOURCES = text(" UNION ALL ".join(_STARTED.values()))
_BUSY = text(
    """
    SELECT resource_uuid FROM service_deployment_queues WHERE server_id = :server AND status = 'in_progress'
    UNION SELECT resource_uuid FROM database_deployment_queues WHERE server_id = :server AND status = 'in_progress'
    UNION SELECT resource_uuid FROM resource_operations WHERE server_id = :server_id AND status = 'in_progress'
    """
)
_RECORD = {
    resource_type: text(
        f"""
        UPDATE {model.__tablename__} AS resource SET status = seen.status, status_at = :began
        FROM unnest(cast(:ids AS int[]), cast(:statuses AS text[])) AS seen (id, status)
        WHERE resource.id = seen.id AND resource.status_at < :began
        """
    )
    for resource_type, model in RESOURCE_MODELS.items()
}


async def record_statuses(
    session: AsyncSession, server_id: int, statuses: Mapping[str, str], began: datetime, *, only: str | None = None
) -> None:
    """Record how the resources of a server were at `began`: {uuid: status}, `exited` for those without containers.

    Leaves alone what was never started, what is busy, and what has a newer status. `only`: this resource alone. Each
    change leaves an event.
    """
    found = await session.execute(_STARTED_RESOURCES, {"server_id": server_id, "began": began, "only": only})
    busy = set((await session.execute(_BUSY, {"server": str(server_id), "server_id": server_id})).scalars())
    by_type: dict[str, list[tuple[int, str]]] = {}
    changed: list[tuple[str, str, str]] = []
    for resource in found:
        status = statuses.get(resource.uuid, "exited")
        if resource.uuid in busy:
            continue
        by_type.setdefault(resource.type, []).append((resource.id, status))
        if status != resource.status:
            changed.append((resource.type, resource.uuid, status))
    for resource_type, rows in by_type.items():
        ids, words = zip(*rows, strict=True)
        await session.execute(_RECORD[resource_type], {"ids": ids, "statuses": words, "began": began})
    if changed:
        await _leave_events(session, server_id, changed)


async def _leave_events(session: AsyncSession, server_id: int, changed: Sequence[tuple[str, str, str]]) -> None:
    team_id = (await session.execute(select(Server.team_id).where(Server.id == server_id))).scalar_one()
    for resource_type, uuid, status in changed:
        is_service = resource_type == Service.resource_type
        session.add(
            OutboxEvent(
                team_id=team_id,
                name="ServiceStatusChanged" if is_service else "DatabaseStatusChanged",
                payload={"resource_uuid": uuid, "resource_type": resource_type, "status": status},
            )
        )


async def lock_resource(session: AsyncSession, resource_type: str, resource_id: int) -> DeployableMixin | None:
    """Lock and return a resource, deleted or not; None when it is gone or of a type this version does not know."""
    model = RESOURCE_MODELS.get(resource_type)
    if model is None:
        return None
    statement = select(model).where(model.id == resource_id).with_for_update()
    resource: DeployableMixin | None = (
        await session.execute(statement.execution_options(populate_existing=True))
    ).scalar_one_or_none()
    return resource


async def deployment_timeout_of(session: AsyncSession, server_id: int) -> float:
    """Return how many seconds a step may take on a server."""
    statement = select(ServerSetting.deployment_timeout).where(ServerSetting.server_id == server_id)
    return float((await session.execute(statement)).scalar_one())


async def forget_resource(session: AsyncSession, resource: DeployableMixin) -> None:
    """Delete the resource's row with its variables, its tags, its certificate and its history."""
    queue, of_resource = _history(resource.resource_type, resource.id)
    await session.execute(delete(queue).where(*of_resource))
    await session.execute(
        delete(EnvironmentVariable).where(
            EnvironmentVariable.resource_type == resource.resource_type,
            EnvironmentVariable.resource_id == resource.id,
        )
    )
    await session.execute(
        delete(Taggable).where(Taggable.resource_type == resource.resource_type, Taggable.resource_id == resource.id)
    )
    await session.execute(
        delete(DatabaseCertificate).where(
            DatabaseCertificate.database_type == resource.resource_type,
            DatabaseCertificate.database_id == resource.id,
        )
    )
    model: Any = type(resource)
    await session.execute(delete(model).where(model.id == resource.id))


def _history(resource_type: str, resource_id: int) -> tuple[Any, tuple[Any, ...]]:
    """Return the queue of a resource and the conditions that pick its rows."""
    if resource_type == Service.resource_type:
        return ServiceDeploymentQueue, (ServiceDeploymentQueue.service_id == resource_id,)
    return DatabaseDeploymentQueue, (
        DatabaseDeploymentQueue.database_id == str(resource_id),
        DatabaseDeploymentQueue.database_type == resource_type,
    )
