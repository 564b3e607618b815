"""Services over the API: list, create, read, change, and their variables; stop and delete are operations."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.compose.document import MAX_BYTES, ComposeDocument, ComposeInvalid, read_compose, refuse_outside
from app.compose_services import part_routes
from app.compose_services.looking import look_at_containers
from app.compose_services.parts import parts_of
from app.compose_services.repository import ServiceRepository
from app.compose_services.schemas import ServiceAnswer, ServiceCreate, ServiceUpdate, ServiceUuid
from app.errors import ValidationFailed, answers
from app.kit.base64_text import decoded
from app.kit.ids import new_uuid
from app.models.server import Server
from app.models.service import Service
from app.postgres import Session
from app.projects.clone_routes import add_clone_routes
from app.projects.env_routes import add_env_routes
from app.projects.instant_deploy import InstantDeploy
from app.projects.move_routes import add_move_route
from app.projects.placing import place_resource
from app.projects.tags.repository import TagRepository
from app.projects.tags.routes import add_tag_routes

router = APIRouter(tags=["Services"])

Reader = Annotated[Caller, Depends(require("read"))]
Writer = Annotated[Caller, Depends(require("write"))]


@router.get(
    "/services",
    operation_id="list-services",
    summary="List services",
    response_model_exclude_unset=True,
    responses=answers(401, 403),
)
async def list_services(session: Session, caller: Reader) -> list[ServiceAnswer]:
    """Return every service of the team, oldest first."""
    services = await ServiceRepository(session).of_team(caller.team_id)
    return [ServiceAnswer.of(service, with_secrets=caller.can_read_sensitive) for service in services]


@router.post(
    "/services",
    operation_id="create-service",
    summary="Create a service",
    status_code=201,
    responses=answers(400, 401, 403, 404, 413, 422, 429),
)
async def create_service(
    request: Request, session: Session, caller: Writer, body: ServiceCreate, queue_deployment: InstantDeploy
) -> ServiceUuid:
    """Make a service from a Compose file. Nothing runs until it is started or deployed."""
    compose, document = await _compose_of(body.docker_compose_raw)
    place = await place_resource(
        session,
        caller.team_id,
        project_uuid=body.project_uuid,
        environment_name=body.environment_name,
        environment_uuid=body.environment_uuid,
        server_uuid=body.server_uuid,
        destination_uuid=body.destination_uuid,
    )
    _check_confined(document, place.server)
    service = await ServiceRepository(session).add(
        Service(
            name=body.name if body.name is not None else f"service-{new_uuid()[:10]}",
            description=body.description,
            environment_id=place.environment.id,
            server_id=place.server.id,
            destination_id=place.destination.id,
            docker_compose_raw=compose,
            connect_to_docker_network=body.connect_to_docker_network,
        )
    )
    await TagRepository(session).put_on(caller.team_id, service, body.tags or ())
    if body.instant_deploy:
        await queue_deployment(request, session, caller, service)
    return ServiceUuid(uuid=service.uuid)


@router.get(
    "/services/{uuid}",
    operation_id="get-service-by-uuid",
    summary="Get a service",
    response_model_exclude_unset=True,
    responses=answers(401, 403, 404, 422),
)
async def get_service(
    request: Request,
    session: Session,
    caller: Reader,
    uuid: str,
    look: Annotated[
        bool, Query(description="Look at its containers now; its server away, those seen last are answered.")
    ] = False,
) -> ServiceAnswer:
    """Return one service; its Compose file only with `read:sensitive`."""
    service = await ServiceRepository(session).found(caller.team_id, uuid)
    if look:
        await look_at_containers(request, session, service)
    parts = await parts_of(service)
    return ServiceAnswer.of(service, with_secrets=caller.can_read_sensitive, parts=parts)


@router.patch(
    "/services/{uuid}",
    operation_id="update-service-by-uuid",
    summary="Change a service",
    responses=answers(400, 401, 403, 404, 413, 422, 429),
)
async def update_service(
    request: Request, session: Session, caller: Writer, uuid: str, body: ServiceUpdate, queue_deployment: InstantDeploy
) -> ServiceUuid:
    """Change what is named. What runs, and what is being deployed, stays as it was until the next deployment."""
    compose = None if body.docker_compose_raw is None else await _compose_of(body.docker_compose_raw)
    service = await ServiceRepository(session).found(caller.team_id, uuid, for_update=True)
    if body.name is not None:
        service.name = body.name
    if "description" in body.model_fields_set:
        service.description = body.description
    if compose is not None:
        service.docker_compose_raw, document = compose
        _check_confined(document, service.server)
    if body.connect_to_docker_network is not None:
        service.connect_to_docker_network = body.connect_to_docker_network
    await session.flush()
    if body.instant_deploy:
        await queue_deployment(request, session, caller, service)
    return ServiceUuid(uuid=service.uuid)


async def _find(session: AsyncSession, team_id: int, uuid: str, *, for_update: bool = False) -> Service | None:
    return await ServiceRepository(session).get(team_id, uuid, for_update=for_update)


async def _why_unfit(service: Service, server: Server) -> str | None:
    if server.settings.allow_host_paths:
        return None
    try:
        refuse_outside(await asyncio.to_thread(read_compose, service.docker_compose_raw))
    except ComposeInvalid as error:
        return str(error)
    return None


router.include_router(part_routes.router)
add_env_routes(router, noun="service", find=_find)
add_tag_routes(router, noun="service", find=_find)
add_move_route(router, noun="service", find=_find)
add_clone_routes(router, noun="service", find=_find, fits=_why_unfit)


async def _compose_of(encoded: str) -> tuple[str, ComposeDocument]:
    """Return the Compose text in base64 and what it says; raise ValidationFailed for one that cannot be deployed."""
    # Four letters stand for three bytes; a little more for line breaks, as `base64` wraps its output.
    if len(encoded) > MAX_BYTES * 3 // 2:
        raise _refused(f"The Compose file is larger than {MAX_BYTES // 1024} KiB.")
    try:
        text = decoded(encoded)
        # Measured: half a second for a file of 170 KB, too long for the event loop.
        document = await asyncio.to_thread(read_compose, text)
    except ValueError:
        raise _refused("The docker_compose_raw should be base64 encoded.") from None
    except ComposeInvalid as error:
        raise _refused(str(error)) from None
    return text, document


def _check_confined(document: ComposeDocument, server: Server) -> None:
    if server.settings.allow_host_paths:
        return
    try:
        refuse_outside(document)
    except ComposeInvalid as error:
        raise _refused(str(error)) from None


def _refused(text: str) -> ValidationFailed:
    return ValidationFailed({"docker_compose_raw": [text]})
