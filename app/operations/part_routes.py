"""Stop, start and restart of one application or database of a service over the API, as tracked operations."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.compose_services.part_routes import find_part
from app.compose_services.parts import PartKind
from app.errors import InvalidRequest, answers
from app.kit.after_commit import call_after_commit
from app.operations.asking import ask_part
from app.operations.schemas import OperationAsked
from app.postgres import Session

router = APIRouter(tags=["Services"])

Deployer = Annotated[Caller, Depends(require("deploy"))]
Latest = Annotated[bool, Query(description="Refused when true: a deployment of the service pulls images.")]
Force = Annotated[bool, Query(description="Refused when true: a deployment of the service builds images.")]

_DEPLOY_INSTEAD = (
    "Only a deployment pulls or builds images, so that its log says what runs: POST /deploy with force=true."
)
_ANSWERS = answers(400, 401, 403, 404, 409, 422)


@router.post(
    "/services/{uuid}/applications/{app_uuid}/stop",
    operation_id="post-stop-service-application-by-service-and-app-uuid",
    summary="Stop an application of a service",
    responses=_ANSWERS,
)
async def stop_application(
    request: Request, session: Session, caller: Deployer, uuid: str, app_uuid: str
) -> OperationAsked:
    """Stop its containers and keep them; the next deployment starts them again."""
    return await _ask(request, session, caller, uuid, app_uuid, "application", "stop")


@router.post(
    "/services/{uuid}/applications/{app_uuid}/start",
    operation_id="post-start-service-application-by-service-and-app-uuid",
    summary="Start an application of a service",
    responses=_ANSWERS,
)
async def start_application(
    request: Request,
    session: Session,
    caller: Deployer,
    uuid: str,
    app_uuid: str,
    latest: Latest = False,
    force: Force = False,
) -> OperationAsked:
    """Start the containers that the last deployment made."""
    _refuse_images(latest=latest, force=force)
    return await _ask(request, session, caller, uuid, app_uuid, "application", "start")


@router.post(
    "/services/{uuid}/applications/{app_uuid}/restart",
    operation_id="post-restart-service-application-by-service-and-app-uuid",
    summary="Restart an application of a service",
    responses=_ANSWERS,
)
async def restart_application(
    request: Request, session: Session, caller: Deployer, uuid: str, app_uuid: str
) -> OperationAsked:
    """Restart the containers that the last deployment made; a change of the configuration needs a deployment."""
    return await _ask(request, session, caller, uuid, app_uuid, "application", "restart")


@router.post(
    "/services/{uuid}/databases/{database_uuid}/stop",
    operation_id="stop-service-database-by-service-and-database-uuid",
    summary="Stop a database of a service",
    responses=_ANSWERS,
)
async def stop_service_database(
    request: Request, session: Session, caller: Deployer, uuid: str, database_uuid: str
) -> OperationAsked:
    """Stop its containers and keep them; the next deployment starts them again."""
    return await _ask(request, session, caller, uuid, database_uuid, "database", "stop")


@router.post(
    "/services/{uuid}/databases/{database_uuid}/start",
    operation_id="start-service-database-by-service-and-database-uuid",
    summary="Start a database of a service",
    responses=_ANSWERS,
)
async def start_service_database(
    request: Request,
    session: Session,
    caller: Deployer,
    uuid: str,
    database_uuid: str,
    latest: Latest = False,
    force: Force = False,
) -> OperationAsked:
    """Start the containers that the last deployment made."""
    _refuse_images(latest=latest, force=force)
    return await _ask(request, session, caller, uuid, database_uuid, "database", "start")


@router.post(
    "/services/{uuid}/databases/{database_uuid}/restart",
    operation_id="restart-service-database-by-service-and-database-uuid",
    summary="Restart a database of a service",
    responses=_ANSWERS,
)
async def restart_service_database(
    request: Request, session: Session, caller: Deployer, uuid: str, database_uuid: str
) -> OperationAsked:
    """Restart the containers that the last deployment made; a change of the configuration needs a deployment."""
    return await _ask(request, session, caller, uuid, database_uuid, "database", "restart")


def _refuse_images(*, latest: bool, force: bool) -> None:
    if latest or force:
        raise InvalidRequest(_DEPLOY_INSTEAD)


_WORDS = {"stop": "stop", "start": "deploy", "restart": "restart"}


async def _ask(
    request: Request, session: AsyncSession, caller: Caller, uuid: str, part_uuid: str, kind: PartKind, verb: str
) -> OperationAsked:
    service, part = await find_part(session, caller, uuid, part_uuid, kind, for_update=True)
    operation = await ask_part(session, caller, service, f"{verb}-part", part.name)
    server_id = operation.server_id
    call_after_commit(session, lambda: request.app.state.waker.look(server_id))
    return OperationAsked(message=f"Service {kind} {_WORDS[verb]} request queued.", operation_uuid=operation.uuid)
