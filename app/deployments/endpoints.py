"""The history: the plan's four endpoints and what surrounds them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials
from starlette.routing import Route

from app.auth.dependencies import Caller, bearer, require
from app.compose_services.repository import ServiceRepository
from app.databases.lookup import found_database
from app.deployments.conditional import is_known, tag_of
from app.deployments.kinds import DATABASE, KINDS, SERVICE, Kind
from app.deployments.lookup import look
from app.deployments.presenting import answer_found, answers_for, as_json, next_page, parse_cursor
from app.deployments.repository import (
    DatabaseDeploymentQueueRepository,
    ServiceDeploymentQueueRepository,
    active_of_team,
)
from app.deployments.schemas import (
    AnyDeployment,
    DatabaseDeployment,
    ServiceDeployment,
)
from app.errors import NotFound, answers
from app.models.database_deployment_queue import DatabaseDeploymentQueue
from app.models.deployment_status import DeploymentStatus
from app.models.service_deployment_queue import ServiceDeploymentQueue
from app.postgres import ReadSession

router = APIRouter(prefix="/deployments", tags=["Deployments"])

Reader = Annotated[Caller, Depends(require("read"))]
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
Skip = Annotated[int, Query(ge=0, le=2**31 - 1, description="Rows to skip; prefer the Link header for deep pages.")]
Take = Annotated[int, Query(ge=1, le=100, description="Rows to return.")]
Include = Annotated[
    Literal["logs"] | None,
    Query(description="`logs`: rows carry their logs, as many as fit into 8 MiB (needs `read:sensitive`)."),
]
StatusFilter = Annotated[DeploymentStatus | None, Query(description="Only deployments with this status.")]
Cursor = Annotated[str | None, Query(description="From the Link header of the page before.", max_length=200)]
Count = Annotated[bool, Query(description="Put the total into X-Total-Count: exact up to 10000, then `10000+`.")]

DEPLOYMENT_NOT_FOUND = "Deployment not found."
_NOT_MODIFIED: dict[str, Any] = {"description": "Settled, and as the `If-None-Match` of the request has it."}


@router.get(
    "/services/{uuid}",
    operation_id="list-deployments-by-service-uuid",
    summary="List the deployments of a service",
    response_model=list[ServiceDeployment],
    responses=answers(401, 403, 404, 422),
)
async def list_service_deployments(
    request: Request,
    session: ReadSession,
    caller: Reader,
    uuid: str,
    skip: Skip = 0,
    take: Take = 10,
    status: StatusFilter = None,
    include: Include = None,
    cursor: Cursor = None,
    count: Count = False,
) -> Response:
    """Newest first. Logs are left out unless asked for and allowed."""
    service = await ServiceRepository(session).found(caller.team_id, uuid)
    repository = ServiceDeploymentQueueRepository(session)
    of_service = ServiceDeploymentQueue.service_id == service.id
    rows = await repository.history(
        caller.team_id, of_service, status=status, skip=skip, take=take, after=parse_cursor(cursor)
    )
    headers = next_page(request, rows, take)
    if count:
        headers |= _total(await repository.count(caller.team_id, of_service, status=status))
    return as_json(await answers_for(session, caller, rows, include_logs=include == "logs"), headers)


@router.get(
    "/services/deployment/{uuid}",
    operation_id="get-service-deployment-by-uuid",
    summary="Get a deployment of a service",
    response_model=ServiceDeployment,
    responses={304: _NOT_MODIFIED, **answers(401, 403, 404)},
)
async def get_service_deployment(request: Request, credentials: Credentials, uuid: str) -> Response:
    """With its log so far as a JSON string when the token has `read:sensitive`; with an `ETag` once it is settled."""
    return await _answer_one(request, credentials, uuid, SERVICE)


@router.get(
    "/databases/{uuid}",
    operation_id="list-deployments-by-database-uuid",
    summary="List the deployments of a database",
    response_model=list[DatabaseDeployment],
    responses=answers(401, 403, 404, 422),
)
async def list_database_deployments(
    request: Request,
    session: ReadSession,
    caller: Reader,
    uuid: str,
    skip: Skip = 0,
    take: Take = 10,
    status: StatusFilter = None,
    include: Include = None,
    cursor: Cursor = None,
    count: Count = False,
) -> Response:
    """Newest first. Logs are left out unless asked for and allowed."""
    database = await found_database(session, caller.team_id, uuid)
    repository = DatabaseDeploymentQueueRepository(session)
    of_database: tuple[Any, ...] = (
        DatabaseDeploymentQueue.database_id == str(database.id),
        DatabaseDeploymentQueue.database_type == database.resource_type,
    )
    rows = await repository.history(
        caller.team_id, *of_database, status=status, skip=skip, take=take, after=parse_cursor(cursor)
    )
    headers = next_page(request, rows, take)
    if count:
        headers |= _total(await repository.count(caller.team_id, *of_database, status=status))
    return as_json(await answers_for(session, caller, rows, include_logs=include == "logs"), headers)


@router.get(
    "/databases/deployment/{uuid}",
    operation_id="get-database-deployment-by-uuid",
    summary="Get a deployment of a database",
    response_model=DatabaseDeployment,
    responses={304: _NOT_MODIFIED, **answers(401, 403, 404)},
)
async def get_database_deployment(request: Request, credentials: Credentials, uuid: str) -> Response:
    """With its log so far as a JSON string when the token has `read:sensitive`; with an `ETag` once it is settled."""
    return await _answer_one(request, credentials, uuid, DATABASE)


@router.get(
    "",
    operation_id="list-deployments",
    summary="List what is deploying or waiting",
    response_model=list[AnyDeployment],
    responses=answers(401, 403),
)
async def list_active_deployments(session: ReadSession, caller: Reader) -> Response:
    """Return the team's running and queued deployments, both kinds, oldest first."""
    rows = await active_of_team(session, caller.team_id)
    return as_json(await answers_for(session, caller, rows, include_logs=False))


@router.get(
    "/{uuid}",
    operation_id="get-deployment-by-uuid",
    summary="Get a deployment of either kind",
    response_model=AnyDeployment,
    responses={304: _NOT_MODIFIED, **answers(401, 403, 404)},
)
async def get_deployment(request: Request, credentials: Credentials, uuid: str) -> Response:
    """With its log so far as a JSON string when the token has `read:sensitive`; with an `ETag` once it is settled."""
    return await _answer_one(request, credentials, uuid, SERVICE, DATABASE)


def routes_in_front(prefix: str) -> list[Route]:
    """Return routes of what is asked most, one deployment, that are to be looked at before all others.

    They do what the documented ones do: to find those behind all other routers, and to solve their parameters, takes
    longer than to read the row.
    """
    routes = []
    for kind in KINDS:

        async def answer(request: Request, kind: Kind = kind) -> Response:
            return await _answer_one(request, await bearer(request), request.path_params["uuid"], kind)

        route = Route(f"{prefix}{router.prefix}/{kind.name}s/deployment/{{uuid}}", answer, include_in_schema=False)
        route.methods = {"GET"}  # without the HEAD that comes by itself
        routes.append(route)
    return routes


async def _answer_one(
    request: Request, credentials: HTTPAuthorizationCredentials | None, uuid: str, *kinds: Kind
) -> Response:
    caller, found = await look(request, credentials, uuid, *kinds)
    if found is None:
        raise NotFound(DEPLOYMENT_NOT_FOUND)
    headers = tag_of(caller, found.columns)
    if is_known(request, headers.get("ETag")):
        return Response(status_code=304, headers=headers)
    return as_json(await answer_found(request.app.state.readers, caller, found), headers)


def _total(total: int) -> dict[str, str]:
    return {"X-Total-Count": str(total) if total <= 10_000 else "10000+"}
