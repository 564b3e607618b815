"""Asking for what runs tracked, and taking it back: the row is there, committed, before a worker hears of it.

The caller has locked the resource's row, so no deployment of it can be asked for in between (that takes `FOR KEY
SHARE`), and of two requests at once the second sees the operation of the first.
"""

from dataclasses import asdict
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller
from app.errors import Conflict, InvalidRequest
from app.kit.clock import utcnow
from app.models.resource import DeployableMixin
from app.models.resource_operation import ResourceOperation
from app.models.service import Service
from app.operations.claim import cancel_operation
from app.operations.planning import DeleteOptions
from app.operations.repository import (
    OperationRepository,
    active_deployment_uuid,
    is_status_outdated,
    lock_resource,
)


async def ask_stop(
    session: AsyncSession, caller: Caller, resource: DeployableMixin, *, docker_cleanup: bool
) -> ResourceOperation:
    """Queue a stop and return it, or the one that is under way; raises InvalidRequest for what is stopped already."""
    active = await OperationRepository(session).active_of(resource)
    if active is not None:
        _refuse_another(resource, active, "stop", None)
        return active
    await _refuse_while_deploying(session, resource)
    is_stopped = "exited" in resource.status or "stopped" in resource.status
    # A deployment that ended before anybody could look leaves the status of before: something may run all the same.
    if is_stopped and not await is_status_outdated(session, resource):
        raise InvalidRequest(f"{_noun(resource)} is already stopped.")
    return await _add(session, caller, resource, "stop", {"docker_cleanup": docker_cleanup})


async def ask_part(session: AsyncSession, caller: Caller, service: Service, kind: str, name: str) -> ResourceOperation:
    """Queue a stop, start or restart of one part of a service and return it, or the same one that is under way."""
    active = await OperationRepository(session).active_of(service)
    if active is not None:
        _refuse_another(service, active, kind, name)
        return active
    await _refuse_while_deploying(session, service)
    return await _add(session, caller, service, kind, {"part": name})


async def ask_delete(
    session: AsyncSession, caller: Caller, resource: DeployableMixin, options: DeleteOptions
) -> ResourceOperation:
    """Queue a delete and hide the resource at once; it comes back if the delete fails. Raises Conflict while busy."""
    active = await OperationRepository(session).active_of(resource)
    if active is not None:
        _refuse_another(resource, active, "delete", None)
    await _refuse_while_deploying(session, resource)
    resource.deleted_at = utcnow()
    return await _add(session, caller, resource, "delete", asdict(options))


async def cancel(session: AsyncSession, caller: Caller, operation: ResourceOperation) -> None:
    """Take back what no worker does at this moment; a resource that was to be deleted is there again.

    Raises InvalidRequest for what is being done, or was.
    """
    resource = await lock_resource(session, operation.resource_type, operation.resource_id)
    if not await cancel_operation(session, operation.id, f"Cancelled by {caller.name}."):
        await session.refresh(operation)
        raise InvalidRequest(f"Operation cannot be cancelled. Current status: {operation.status}")
    if resource is not None:
        resource.deleted_at = None


def _refuse_another(resource: DeployableMixin, active: ResourceOperation, kind: str, part: str | None) -> None:
    if (active.kind, active.options.get("part")) == (kind, part):
        return
    doing = "stopped" if active.kind == "stop" else f"changed ({active.kind})"
    raise Conflict(
        f"{_noun(resource)} is being {doing}. Ask again when operation {active.uuid} has ended.",
        operation_uuid=active.uuid,
    )


async def _refuse_while_deploying(session: AsyncSession, resource: DeployableMixin) -> None:
    deployment_uuid = await active_deployment_uuid(session, resource)
    if deployment_uuid is not None:
        raise Conflict(
            f"{_noun(resource)} is being deployed. Cancel deployment {deployment_uuid} or wait for its end, then ask again.",
            deployment_uuid=deployment_uuid,
        )


async def _add(
    session: AsyncSession, caller: Caller, resource: DeployableMixin, kind: str, options: dict[str, Any]
) -> ResourceOperation:
    return await OperationRepository(session).add(
        ResourceOperation(
            team_id=caller.team_id,
            server_id=resource.server_id,
            kind=kind,
            resource_type=resource.resource_type,
            resource_id=resource.id,
            resource_uuid=resource.uuid,
            resource_name=resource.name,
            options=options,
            requested_by=caller.name,
        )
    )


def _noun(resource: DeployableMixin) -> str:
    return "Service" if isinstance(resource, Service) else "Database"
