"""Asking for deployments over the API: `/deploy`, start and restart."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.compose_services.repository import ServiceRepository
from app.databases.lookup import databases_of_team, find_database, found_database
from app.deployments.idempotency import AnswerOnce, Once
from app.deployments.queue import Queued, lock_for_deployment, queue_database_deployment, queue_service_deployment
from app.deployments.schemas import (
    DatabaseStart,
    DatabaseStartOptions,
    DeployAnswer,
    DeployedItem,
    DeployQuery,
    DeployRequest,
    RunLimits,
    StartAnswer,
    StartOptions,
    StartQuery,
)
from app.errors import InvalidRequest, NotFound, QueueFull, answers
from app.kit.after_commit import call_after_commit
from app.models.resource import DeployableMixin
from app.models.service import Service
from app.models.standalone.columns import StandaloneMixin
from app.operations.looking import look_before_refusing
from app.optional_body import OPTIONAL_BODY
from app.postgres import Session
from app.projects.tags.repository import TagRepository

router = APIRouter()
Deployer = Annotated[Caller, Depends(require("deploy"))]
MOST_AT_ONCE = 100

Asked = TypeVar("Asked", bound="StartOptions")


@router.post(
    "/deploy",
    operation_id="deploy-by-tag-or-uuid",
    summary="Deploy services and databases",
    tags=["Deployments"],
    response_model_exclude_unset=True,
    dependencies=[OPTIONAL_BODY],
    responses=answers(400, 401, 403, 404, 409, 422, 429),
)
async def deploy(
    once: Once,
    session: Session,
    caller: Deployer,
    query: Annotated[DeployQuery, Query()],
    body: DeployRequest | None = None,
) -> DeployAnswer:
    """Make one deployment per uuid, or per service and database with one of the tags.

    Unknown uuids and tags are left out; none known is 404; every queue full is 429.
    """
    asked = _merged(query, body)

    async def make() -> DeployAnswer:
        resources = await _resources(session, caller, asked)
        await lock_for_deployment(session, resources)
        items = [await _item(once, session, caller, resource, asked) for resource in resources]
        if all(item.deployment_uuid is None for item in items):
            raise QueueFull
        return DeployAnswer(deployments=items) if asked.tag is None else DeployAnswer.by_tag(items)

    return await once(caller, asked, DeployAnswer, make)


@router.post(
    "/services/{uuid}/start",
    operation_id="start-service-by-uuid",
    summary="Start a service",
    tags=["Services"],
    dependencies=[OPTIONAL_BODY],
    responses=answers(400, 401, 403, 404, 409, 422, 429),
)
async def start_service(
    request: Request,
    once: Once,
    session: Session,
    caller: Deployer,
    uuid: str,
    query: Annotated[StartQuery, Query()],
    body: StartOptions | None = None,
) -> StartAnswer:
    """Queue a deployment of a service that is not running."""
    asked = _merged(query, body)
    await look_before_refusing(
        request, session, await ServiceRepository(session).found(caller.team_id, uuid), "running"
    )

    async def make() -> StartAnswer:
        service = await ServiceRepository(session).found(caller.team_id, uuid)
        if "running" in service.status:
            raise InvalidRequest("Service is already running.")
        return await _start(once, session, caller, service, asked, "Service starting request queued.")

    return await once(caller, asked, StartAnswer, make)


@router.post(
    "/services/{uuid}/restart",
    operation_id="restart-service-by-uuid",
    summary="Restart a service",
    tags=["Services"],
    dependencies=[OPTIONAL_BODY],
    responses=answers(401, 403, 404, 409, 422, 429),
)
async def restart_service(
    once: Once,
    session: Session,
    caller: Deployer,
    uuid: str,
    query: Annotated[StartQuery, Query()],
    body: StartOptions | None = None,
) -> StartAnswer:
    """Queue a deployment that recreates the containers: they are stopped first unless images are pulled."""
    asked = _merged(query, body)
    if asked.stop_before_start is None and not asked.pull:
        asked = asked.model_copy(update={"stop_before_start": True})

    async def make() -> StartAnswer:
        service = await ServiceRepository(session).found(caller.team_id, uuid)
        text = "Service restarting request queued."
        return await _start(once, session, caller, service, asked, text, action="restart")

    return await once(caller, asked, StartAnswer, make)


@router.post(
    "/databases/{uuid}/start",
    operation_id="start-database-by-uuid",
    summary="Start a database",
    tags=["Databases"],
    dependencies=[OPTIONAL_BODY],
    responses=answers(400, 401, 403, 404, 409, 422, 429),
)
async def start_database(
    request: Request,
    once: Once,
    session: Session,
    caller: Deployer,
    uuid: str,
    body: DatabaseStart | None = None,
) -> StartAnswer:
    """Queue a deployment of a database that is not running."""
    body = body or DatabaseStart()
    allowed = body.allow_major_upgrade
    asked = StartOptions(**body.model_dump(exclude_unset=True, exclude={"allow_major_upgrade"}))
    await look_before_refusing(request, session, await found_database(session, caller.team_id, uuid), "running")

    async def make() -> StartAnswer:
        database = await found_database(session, caller.team_id, uuid)
        if "running" in database.status:
            raise InvalidRequest("Database is already running.")
        text = "Database starting request queued."
        return await _start(once, session, caller, database, asked, text, allow_major_upgrade=allowed)

    return await once(caller, body, StartAnswer, make)


@router.post(
    "/databases/{uuid}/restart",
    operation_id="restart-database-by-uuid",
    summary="Restart a database",
    tags=["Databases"],
    dependencies=[OPTIONAL_BODY],
    responses=answers(401, 403, 404, 409, 422, 429),
)
async def restart_database(
    once: Once, session: Session, caller: Deployer, uuid: str, body: DatabaseStartOptions | None = None
) -> StartAnswer:
    """Queue a deployment that recreates the container."""
    asked = StartOptions(**(body or DatabaseStartOptions()).model_dump(exclude_unset=True))

    async def make() -> StartAnswer:
        database = await found_database(session, caller.team_id, uuid)
        text = "Database restarting request queued."
        return await _start(once, session, caller, database, asked, text, action="restart")

    return await once(caller, asked, StartAnswer, make)


async def queue_for(request: Request, session: AsyncSession, caller: Caller, resource: DeployableMixin) -> None:
    """Queue a deployment of a resource that is being made (`instant_deploy`) and wake its server after the commit."""
    queued = await _queue(session, caller, resource, StartOptions(), action="start")
    if queued.server_id is None:
        raise QueueFull
    server_id = queued.server_id
    call_after_commit(session, lambda: request.app.state.waker.look(server_id))


async def _start(
    once: AnswerOnce,
    session: AsyncSession,
    caller: Caller,
    resource: DeployableMixin,
    asked: StartOptions,
    text: str,
    *,
    action: str = "start",
    allow_major_upgrade: bool = False,
) -> StartAnswer:
    queued = await _queue(session, caller, resource, asked, action=action, allow_major_upgrade=allow_major_upgrade)
    if queued.deployment_uuid is None or queued.server_id is None:
        raise QueueFull
    once.wake(queued.server_id)
    return StartAnswer(message=text, deployment_uuid=queued.deployment_uuid)


async def _item(
    once: AnswerOnce, session: AsyncSession, caller: Caller, resource: DeployableMixin, asked: StartOptions
) -> DeployedItem:
    queued = await _queue(session, caller, resource, asked, action="start")
    if queued.server_id is not None:
        once.wake(queued.server_id)
    message = queued.message if queued.deployment_uuid is None else _started(resource)
    return DeployedItem(message=message, resource_uuid=resource.uuid, deployment_uuid=queued.deployment_uuid)


async def _queue(
    session: AsyncSession,
    caller: Caller,
    resource: DeployableMixin,
    asked: StartOptions,
    *,
    action: str,
    allow_major_upgrade: bool = False,
) -> Queued:
    limits: dict[str, Any] = {name: getattr(asked, name) for name in RunLimits.model_fields}
    if isinstance(resource, Service):
        return await queue_service_deployment(
            session,
            resource,
            pull_latest_images=asked.pull,
            stop_before_start=bool(asked.stop_before_start),
            is_api=not caller.is_browser,
            requested_by=caller.name,
            action=action,
            **limits,
        )
    if isinstance(resource, StandaloneMixin):
        return await queue_database_deployment(
            session,
            resource,
            allow_major_upgrade=allow_major_upgrade,
            is_api=not caller.is_browser,
            requested_by=caller.name,
            action=action,
            **limits,
        )
    raise TypeError(f"{type(resource).__name__} cannot be deployed.")


def _merged(query: Asked, body: Asked | None) -> Asked:
    """Return what was asked for: what stands in the body wins over the query."""
    return query if body is None else query.model_copy(update=body.model_dump(exclude_unset=True))


def _started(resource: DeployableMixin) -> str:
    if isinstance(resource, Service):
        return f"Service {resource.name} started. It could take a while, be patient."
    return f"Database {resource.name} started."


async def _resources(session: AsyncSession, caller: Caller, asked: DeployRequest) -> Sequence[DeployableMixin]:
    """Return the resources named by uuid, each once, in the order they were named."""
    if asked.uuid is not None and asked.tag is not None:
        raise InvalidRequest("You can only use uuid or tag, not both.")
    if asked.uuid is None and asked.tag is None:
        raise InvalidRequest("You must provide uuid or tag.")
    if asked.tag is not None:
        return await _tagged(session, caller, asked.tag)
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


async def _tagged(session: AsyncSession, caller: Caller, tags: str) -> Sequence[DeployableMixin]:
    """Return what has one of the tags, services first."""
    names = [name.strip().lower() for name in tags.split(",") if name.strip()]
    if not names:
        raise InvalidRequest("No TAGs provided.")
    tagged = await TagRepository(session).tagged(caller.team_id, names)
    everything: list[DeployableMixin] = []
    if tagged:
        everything += await ServiceRepository(session).of_team(caller.team_id)
        everything += await databases_of_team(session, caller.team_id)
    found = [one for one in everything if (one.resource_type, one.id) in tagged]
    if not found:
        raise NotFound("No resources found with this tag.")
    if len(found) > MOST_AT_ONCE:
        raise InvalidRequest(f"At most {MOST_AT_ONCE} resources can be deployed at once.")
    return found
