"""Asking for deployments over the API: `/deploy`, start and restart."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.compose_services.repository import ServiceRepository
from app.databases.lookup import find_database
from app.deployments.queue import Queued, lock_for_deployment, queue_database_deployment, queue_service_deployment
from app.deployments.schemas import DeployAnswer, DeployedItem, StartAnswer
from app.errors import InvalidRequest, NotFound, QueueFull, answers
from app.kit.after_commit import call_after_commit
from app.kit.schema import RequestSchema
from app.models.resource import DeployableMixin
from app.models.service import Service
from app.models.standalone.columns import StandaloneMixin
from app.postgres import Session

router = APIRouter()
Deployer = Annotated[Caller, Depends(require("deploy"))]
MOST_AT_ONCE = 100

Asked = TypeVar("Asked", bound="StartOptions")


class StartOptions(RequestSchema):
    """What a start of a service can carry, in the query or in the body."""

    pull_latest_images: bool | None = Field(default=None, description="Pull every image again before starting.")
    stop_before_start: bool | None = Field(default=None, description="Stop the running containers first.")
    force: bool | None = Field(default=None, description="Means `pull_latest_images`.")
    latest: bool | None = Field(default=None, description="Means `pull_latest_images`.")

    @property
    def pull(self) -> bool:
        """Whether images are pulled again."""
        return bool(self.pull_latest_images or self.force or self.latest)


class DeployRequest(StartOptions):
    """Body of `POST /deploy`; every field can stand in the query instead."""

    uuid: str | None = Field(default=None, description="Uuids of services and databases, separated by commas.")
    tag: str | None = Field(default=None, description="Tags, separated by commas. Not together with `uuid`.")


class DatabaseStartOptions(RequestSchema):
    """What a start of a database can carry: nothing yet."""


@router.post(
    "/deploy",
    operation_id="deploy-by-tag-or-uuid",
    summary="Deploy services and databases",
    tags=["Deployments"],
    responses=answers(400, 401, 403, 404, 422, 429),
)
async def deploy(
    request: Request,
    session: Session,
    caller: Deployer,
    query: Annotated[DeployRequest, Query()],
    body: DeployRequest | None = None,
) -> DeployAnswer:
    """Make one deployment per uuid. Unknown uuids are left out; none known is 404; every queue full is 429."""
    asked = _merged(query, body)
    resources = await _resources(session, caller, asked)
    await lock_for_deployment(session, resources)
    items: list[DeployedItem] = []
    for resource in resources:
        queued = await _queue(session, caller, resource, asked, action="start")
        _wake(request, session, queued)
        message = queued.message if queued.deployment_uuid is None else _started(resource)
        items.append(DeployedItem(message=message, resource_uuid=resource.uuid, deployment_uuid=queued.deployment_uuid))
    if all(item.deployment_uuid is None for item in items):
        raise QueueFull
    return DeployAnswer(deployments=items)


@router.post(
    "/services/{uuid}/start",
    operation_id="start-service-by-uuid",
    summary="Start a service",
    tags=["Services"],
    responses=answers(400, 401, 403, 404, 422, 429),
)
async def start_service(
    request: Request,
    session: Session,
    caller: Deployer,
    uuid: str,
    query: Annotated[StartOptions, Query()],
    body: StartOptions | None = None,
) -> StartAnswer:
    """Queue a deployment of a service that is not running."""
    service = await _service(session, caller, uuid)
    if "running" in service.status:
        raise InvalidRequest("Service is already running.")
    return await _start(request, session, caller, service, _merged(query, body), "Service starting request queued.")


@router.post(
    "/services/{uuid}/restart",
    operation_id="restart-service-by-uuid",
    summary="Restart a service",
    tags=["Services"],
    responses=answers(401, 403, 404, 422, 429),
)
async def restart_service(
    request: Request,
    session: Session,
    caller: Deployer,
    uuid: str,
    query: Annotated[StartOptions, Query()],
    body: StartOptions | None = None,
) -> StartAnswer:
    """Queue a deployment that recreates the containers: they are stopped first unless images are pulled."""
    service = await _service(session, caller, uuid)
    asked = _merged(query, body)
    if asked.stop_before_start is None and not asked.pull:
        asked = asked.model_copy(update={"stop_before_start": True})
    text = "Service restarting request queued."
    return await _start(request, session, caller, service, asked, text, action="restart")


@router.post(
    "/databases/{uuid}/start",
    operation_id="start-database-by-uuid",
    summary="Start a database",
    tags=["Databases"],
    responses=answers(400, 401, 403, 404, 422, 429),
)
async def start_database(
    request: Request, session: Session, caller: Deployer, uuid: str, body: DatabaseStartOptions | None = None
) -> StartAnswer:
    """Queue a deployment of a database that is not running."""
    del body
    database = await _database(session, caller, uuid)
    if "running" in database.status:
        raise InvalidRequest("Database is already running.")
    return await _start(request, session, caller, database, StartOptions(), "Database starting request queued.")


@router.post(
    "/databases/{uuid}/restart",
    operation_id="restart-database-by-uuid",
    summary="Restart a database",
    tags=["Databases"],
    responses=answers(401, 403, 404, 422, 429),
)
async def restart_database(
    request: Request, session: Session, caller: Deployer, uuid: str, body: DatabaseStartOptions | None = None
) -> StartAnswer:
    """Queue a deployment that recreates the container."""
    del body
    database = await _database(session, caller, uuid)
    text = "Database restarting request queued."
    return await _start(request, session, caller, database, StartOptions(), text, action="restart")


async def queue_for(
    request: Request, session: AsyncSession, caller: Caller, resource: DeployableMixin, asked: StartOptions
) -> Queued:
    """Queue a deployment of a resource and wake its server after the commit."""
    queued = await _queue(session, caller, resource, asked, action="start")
    _wake(request, session, queued)
    return queued


async def _start(
    request: Request,
    session: AsyncSession,
    caller: Caller,
    resource: DeployableMixin,
    asked: StartOptions,
    text: str,
    *,
    action: str = "start",
) -> StartAnswer:
    queued = await _queue(session, caller, resource, asked, action=action)
    if queued.deployment_uuid is None:
        raise QueueFull
    _wake(request, session, queued)
    return StartAnswer(message=text, deployment_uuid=queued.deployment_uuid)


async def _queue(
    session: AsyncSession, caller: Caller, resource: DeployableMixin, asked: StartOptions, *, action: str
) -> Queued:
    if isinstance(resource, Service):
        return await queue_service_deployment(
            session,
            resource,
            pull_latest_images=asked.pull,
            stop_before_start=bool(asked.stop_before_start),
            is_api=True,
            requested_by=caller.name,
            action=action,
        )
    if isinstance(resource, StandaloneMixin):
        return await queue_database_deployment(session, resource, is_api=True, requested_by=caller.name, action=action)
    raise TypeError(f"{type(resource).__name__} cannot be deployed.")


def _wake(request: Request, session: AsyncSession, queued: Queued) -> None:
    if queued.server_id is not None:
        server_id = queued.server_id
        call_after_commit(session, lambda: request.app.state.waker.look(server_id))


def _merged(query: Asked, body: Asked | None) -> Asked:
    """Return what was asked for: what stands in the body wins over the query."""
    return query if body is None else query.model_copy(update=body.model_dump(exclude_unset=True))


def _started(resource: DeployableMixin) -> str:
    if isinstance(resource, Service):
        return f"Service {resource.name} started. It could take a while, be patient."
    return f"Database {resource.name} started."


async def _service(session: AsyncSession, caller: Caller, uuid: str) -> Service:
    service = await ServiceRepository(session).get(caller.team_id, uuid)
    if service is None:
        raise NotFound("Service not found.")
    return service


async def _database(session: AsyncSession, caller: Caller, uuid: str) -> StandaloneMixin:
    database = await find_database(session, caller.team_id, uuid)
    if database is None:
        raise NotFound("Database not found.")
    return database


async def _resources(session: AsyncSession, caller: Caller, asked: DeployRequest) -> Sequence[DeployableMixin]:
    """Return the resources named by uuid, each once, in the order they were named."""
    if asked.uuid is not None and asked.tag is not None:
        raise InvalidRequest("You can only use uuid or tag, not both.")
    if asked.uuid is None and asked.tag is None:
        raise InvalidRequest("You must provide uuid or tag.")
    if asked.tag is not None:
        raise NotFound("No resources found with this tag.")
    uuids = list(dict.fromkeys(part.strip() for part in (asked.uuid or "").split(",") if part.strip()))
    if not uuids:
        raise InvalidRequest("No UUIDs provided.")
    if len(uuids) > MOST_AT_ONCE:
        raise InvalidRequest(f"At most {MOST_AT_ONCE} UUIDs can be deployed at once.")
    found: list[DeployableMixin] = []
    for uuid in uuids:
        resource: DeployableMixin | None = await ServiceRepository(session).get(caller.team_id, uuid)
        resource = resource or await find_database(session, caller.team_id, uuid)
        if resource is not None:
            found.append(resource)
    if not found:
        raise NotFound("No resources found.")
    return found
