"""Asking for a deployment: the row is there, committed, before anything is dispatched.

Lock order: the resources (`FOR KEY SHARE`), then the servers, both ascending; `POST /deploy?uuid=a,b` against `b,a`
deadlocks otherwise.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import KINDS, AnyQueue
from app.deployments.rollback import Rollback
from app.deployments.snapshots import Placement, columns_of, placement_of, snapshot_of_database, snapshot_of_service
from app.errors import NotFound
from app.kit.ids import new_uuid
from app.models.database_deployment_queue import DatabaseDeploymentQueue
from app.models.deployment_status import DeploymentStatus
from app.models.resource import DeployableMixin
from app.models.service import Service
from app.models.service_deployment_queue import ServiceDeploymentQueue
from app.models.standalone.columns import StandaloneMixin
from app.tracing import carrier

QUEUE_FULL = "Deployment queue is full. Please wait for existing deployments to complete."


@dataclass(frozen=True)
class Queued:
    """What became of the request. `status` is `queued` or `queue_full`; without a row there is no uuid."""

    status: str
    message: str
    deployment_uuid: str | None = None
    deployment: AnyQueue | None = None
    server_id: int | None = None


_COUNT_QUEUED = text(
    "SELECT "
    + " + ".join(
        f"(SELECT count(*) FROM {kind.table} WHERE server_id = :server_id AND status = 'queued')" for kind in KINDS
    )
)


async def lock_for_deployment(session: AsyncSession, resources: Iterable[DeployableMixin]) -> None:
    """Lock resources, then their servers, each in ascending order; NotFound when one was deleted meanwhile."""
    ordered = sorted(resources, key=lambda one: (one.resource_type, one.id))
    for resource in ordered:
        table = inspect(type(resource)).local_table.name
        # A delete holds the row while it hides it: whoever waited for it finds nothing here.
        statement = text(f"SELECT id FROM {table} WHERE id = :id AND deleted_at IS NULL FOR KEY SHARE")
        if (await session.execute(statement, {"id": resource.id})).one_or_none() is None:
            raise NotFound("Service not found." if isinstance(resource, Service) else "Database not found.")
    for server_id in sorted({resource.server_id for resource in ordered}):
        await session.execute(text("SELECT id FROM servers WHERE id = :id FOR NO KEY UPDATE"), {"id": server_id})


async def queue_service_deployment(
    session: AsyncSession,
    service: Service,
    deployment_uuid: str | None = None,
    *,
    pull_latest_images: bool = False,
    stop_before_start: bool = False,
    is_api: bool = False,
    requested_by: str | None = None,
    action: str = "start",
    deployment_timeout: int | None = None,
    no_output_timeout: int | None = None,
    rollback: Rollback | None = None,
) -> Queued:
    """Make the row of a service deployment and return it; the caller commits, then wakes the server.

    The limits are in seconds; without them the server's `deployment_timeout` holds, and silence is no failure.
    With `rollback` it is the configuration of an earlier deployment that is deployed.
    """
    await lock_for_deployment(session, [service])
    placement = await placement_of(session, service)
    if await _is_full(session, placement):
        return Queued("queue_full", QUEUE_FULL)
    uuid = deployment_uuid or new_uuid()
    limits = _limits(placement, deployment_timeout, no_output_timeout)
    how = {"pull_latest_images": pull_latest_images, "stop_before_start": stop_before_start}
    snapshot = await snapshot_of_service(session, service, placement, **how)
    if rollback is not None:
        # A long Compose file is read for it: too long for the event loop.
        snapshot = await asyncio.to_thread(rollback.over, snapshot)
    options = _options(limits, rollback)
    row = ServiceDeploymentQueue(
        **_common(service, placement, uuid, options, is_api=is_api, requested_by=requested_by, action=action),
        service_id=service.id,
        service_name=service.name,
        deployment_url=f"/services/{service.uuid}/deployment/{uuid}",
        configuration_snapshot={**snapshot, **limits},
        **how,
    )
    return await _add(session, row, "Service deployment queued.", placement)


async def queue_database_deployment(
    session: AsyncSession,
    database: StandaloneMixin,
    deployment_uuid: str | None = None,
    *,
    allow_major_upgrade: bool = False,
    is_api: bool = False,
    requested_by: str | None = None,
    action: str = "start",
    deployment_timeout: int | None = None,
    no_output_timeout: int | None = None,
    rollback: Rollback | None = None,
) -> Queued:
    """Make the row of a database deployment and return it; the caller commits, then wakes the server.

    The limits are in seconds; without them the server's `deployment_timeout` holds, and silence is no failure.
    With `rollback` it is the configuration of an earlier deployment that is deployed.
    """
    await lock_for_deployment(session, [database])
    placement = await placement_of(session, database)
    if await _is_full(session, placement):
        return Queued("queue_full", QUEUE_FULL)
    uuid = deployment_uuid or new_uuid()
    limits = _limits(placement, deployment_timeout, no_output_timeout)
    columns = columns_of(database)
    if rollback is not None:
        columns = rollback.columns(database, columns)
    snapshot = await snapshot_of_database(session, database, placement, columns=columns)
    if rollback is not None:
        snapshot = rollback.over(snapshot)
    options = _options(limits, rollback)
    row = DatabaseDeploymentQueue(
        **_common(database, placement, uuid, options, is_api=is_api, requested_by=requested_by, action=action),
        database_id=str(database.id),
        database_type=database.resource_type,
        database_name=database.name,
        deployment_url=f"/databases/{database.uuid}/deployment/{uuid}",
        configuration_snapshot={**snapshot, **limits, "allow_major_upgrade": allow_major_upgrade},
    )
    return await _add(session, row, "Database deployment queued.", placement)


async def _is_full(session: AsyncSession, placement: Placement) -> bool:
    queued = await session.execute(_COUNT_QUEUED, {"server_id": str(placement.server.id)})
    return bool(queued.scalar_one() >= placement.settings.deployment_queue_limit)


def _limits(placement: Placement, deployment_timeout: int | None, no_output_timeout: int | None) -> dict[str, Any]:
    return {
        "deadline_seconds": deployment_timeout or placement.settings.deployment_timeout,
        "no_output_seconds": no_output_timeout,
    }


def _options(limits: dict[str, Any], rollback: Rollback | None) -> dict[str, Any]:
    options = {**limits, **carrier()}
    return options if rollback is None else {**options, "rollback_of": rollback.source.deployment_uuid}


def _common(
    resource: DeployableMixin,
    placement: Placement,
    uuid: str,
    options: dict[str, Any],
    *,
    is_api: bool,
    requested_by: str | None,
    action: str,
) -> dict[str, Any]:
    return {
        "team_id": placement.project.team_id,
        "resource_uuid": resource.uuid,
        "deployment_uuid": uuid,
        "status": DeploymentStatus.QUEUED,
        "action": action,
        "options": options,
        "is_api": is_api,
        "requested_by": requested_by,
        "server_id": str(placement.server.id),
        "server_uuid": placement.server.uuid,
        "server_name": placement.server.name,
    }


async def _add(session: AsyncSession, row: AnyQueue, message: str, placement: Placement) -> Queued:
    session.add(row)
    await session.flush()
    return Queued(DeploymentStatus.QUEUED.value, message, row.deployment_uuid, row, placement.server.id)
