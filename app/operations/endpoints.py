"""Stop and delete over the API, taking them back, and how they went."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.compose_services.repository import ServiceRepository
from app.databases.lookup import find_database, found_database
from app.errors import NotFound, answers
from app.kit.after_commit import call_after_commit
from app.models.resource_operation import ResourceOperation
from app.operations.asking import ask_delete, ask_stop, cancel
from app.operations.looking import look_before_refusing
from app.operations.planning import DeleteOptions
from app.operations.repository import OperationRepository
from app.operations.schemas import Operation, OperationAsked
from app.postgres import Session

router = APIRouter()

Reader = Annotated[Caller, Depends(require("read"))]
Writer = Annotated[Caller, Depends(require("write"))]
Deployer = Annotated[Caller, Depends(require("deploy"))]
DockerCleanup = Annotated[bool, Query(description="Also remove images that nothing on the server uses.")]


def _delete_options(
    delete_volumes: Annotated[bool, Query(description="Also remove its volumes, and with them its data.")] = True,
    delete_connected_networks: Annotated[bool, Query(description="Also remove its own networks.")] = True,
    delete_configurations: Annotated[bool, Query(description="Also remove its folder on the server.")] = True,
    docker_cleanup: DockerCleanup = True,
    force: Annotated[
        bool, Query(description="Forget it even if its server cannot be reached: what is on the server stays there.")
    ] = False,
) -> DeleteOptions:
    return DeleteOptions(delete_volumes, delete_connected_networks, delete_configurations, docker_cleanup, force)


AskedDelete = Annotated[DeleteOptions, Depends(_delete_options)]


@router.post(
    "/services/{uuid}/stop",
    operation_id="stop-service-by-uuid",
    summary="Stop a service",
    tags=["Services"],
    responses=answers(400, 401, 403, 404, 409, 422),
)
async def stop_service(
    request: Request, session: Session, caller: Deployer, uuid: str, docker_cleanup: DockerCleanup = True
) -> OperationAsked:
    """Stop and remove the containers; volumes, networks and files stay. Asked again meanwhile: the same operation."""
    seen = await ServiceRepository(session).get(caller.team_id, uuid)
    if seen is not None:
        await look_before_refusing(request, session, seen, "exited")
    service = await ServiceRepository(session).found(caller.team_id, uuid, for_update=True)
    operation = await ask_stop(session, caller, service, docker_cleanup=docker_cleanup)
    return _asked(request, session, operation, "Service stopping request queued.")


@router.post(
    "/databases/{uuid}/stop",
    operation_id="stop-database-by-uuid",
    summary="Stop a database",
    tags=["Databases"],
    responses=answers(400, 401, 403, 404, 409, 422),
)
async def stop_database(
    request: Request, session: Session, caller: Deployer, uuid: str, docker_cleanup: DockerCleanup = True
) -> OperationAsked:
    """Stop and remove the container; data and files stay. Asked again meanwhile: the same operation."""
    seen = await find_database(session, caller.team_id, uuid)
    if seen is not None:
        await look_before_refusing(request, session, seen, "exited")
    database = await found_database(session, caller.team_id, uuid, for_update=True)
    operation = await ask_stop(session, caller, database, docker_cleanup=docker_cleanup)
    return _asked(request, session, operation, "Database stopping request queued.")


@router.delete(
    "/services/{uuid}",
    operation_id="delete-service-by-uuid",
    summary="Delete a service",
    tags=["Services"],
    responses=answers(401, 403, 404, 409, 422),
)
async def delete_service(
    request: Request, session: Session, caller: Writer, uuid: str, options: AskedDelete
) -> OperationAsked:
    """Remove a service from its server, then from here with its history. It is not found from now on.

    A server that is away is waited for. Should the operation fail or be cancelled, the service is back.
    """
    service = await ServiceRepository(session).found(caller.team_id, uuid, for_update=True)
    operation = await ask_delete(session, caller, service, options)
    return _asked(request, session, operation, "Service deletion request queued.")


@router.delete(
    "/databases/{uuid}",
    operation_id="delete-database-by-uuid",
    summary="Delete a database",
    tags=["Databases"],
    responses=answers(401, 403, 404, 409, 422),
)
async def delete_database(
    request: Request, session: Session, caller: Writer, uuid: str, options: AskedDelete
) -> OperationAsked:
    """Remove a database from its server, then from here with its history. It is not found from now on.

    A server that is away is waited for. Should the operation fail or be cancelled, the database is back.
    """
    database = await found_database(session, caller.team_id, uuid, for_update=True)
    operation = await ask_delete(session, caller, database, options)
    return _asked(request, session, operation, "Database deletion request queued.")


@router.get(
    "/operations",
    operation_id="list-operations-by-resource-uuid",
    summary="List what was done with a resource",
    tags=["Operations"],
    response_model_exclude_unset=True,
    responses=answers(401, 403, 422),
)
async def list_operations(
    session: Session,
    caller: Reader,
    resource_uuid: Annotated[str, Query(description="A service or database, also one that is gone.")],
    skip: Annotated[int, Query(ge=0)] = 0,
    take: Annotated[int, Query(ge=1, le=100)] = 10,
) -> list[Operation]:
    """Return what was done with a resource besides its deployments, newest first, without logs."""
    operations = await OperationRepository(session).of_resource(caller.team_id, resource_uuid, skip=skip, take=take)
    return [Operation.of(operation, with_logs=False) for operation in operations]


@router.get(
    "/operations/{uuid}",
    operation_id="get-operation-by-uuid",
    summary="Get an operation",
    tags=["Operations"],
    response_model_exclude_unset=True,
    responses=answers(401, 403, 404),
)
async def get_operation(session: Session, caller: Reader, uuid: str) -> Operation:
    """Return how an operation went, also when its resource is gone; its log only with `read:sensitive`."""
    operation = await OperationRepository(session).get(caller.team_id, uuid)
    if operation is None:
        raise NotFound("Operation not found.")
    return Operation.of(operation, with_logs=caller.can_read_sensitive)


@router.post(
    "/operations/{uuid}/cancel",
    operation_id="cancel-operation-by-uuid",
    summary="Cancel an operation",
    tags=["Operations"],
    responses=answers(400, 401, 403, 404),
)
async def cancel_operation(request: Request, session: Session, caller: Deployer, uuid: str) -> OperationAsked:
    """Take back an operation that has not begun, or waits for its server; a deleted resource is found again."""
    operation = await OperationRepository(session).get(caller.team_id, uuid)
    if operation is None:
        raise NotFound("Operation not found.")
    await cancel(session, caller, operation)
    return _asked(request, session, operation, "Operation cancelled.")


def _asked(request: Request, session: AsyncSession, operation: ResourceOperation, message: str) -> OperationAsked:
    server_id = operation.server_id
    call_after_commit(session, lambda: request.app.state.waker.look(server_id))
    return OperationAsked(message=message, operation_uuid=operation.uuid)
