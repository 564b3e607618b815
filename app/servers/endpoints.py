"""Servers over the API, and the one router of this package."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Request

from app.auth.dependencies import Caller, require
from app.errors import InvalidRequest, NotFound, ValidationFailed, answers
from app.kit.after_commit import call_after_commit
from app.kit.answers import MessageAnswer, UuidAnswer
from app.kit.clock import utcnow
from app.kit.constraints import taken_as
from app.kit.ids import new_uuid
from app.models.private_key import PrivateKey
from app.models.server import Server
from app.optional_body import OPTIONAL_BODY
from app.postgres import Session
from app.projects.repository import has_resources, resources_of_server
from app.projects.schemas import ResourceAnswer
from app.servers import authority_endpoints, destination_endpoints, key_endpoints, registry_endpoints
from app.servers.repository import PrivateKeyRepository, ServerRepository, request_validation
from app.servers.schemas import ServerAnswer, ServerCreate, ServerSettings, ServerUpdate, ServerValidate

Reader = Annotated[Caller, Depends(require("read"))]
Writer = Annotated[Caller, Depends(require("write"))]

servers = APIRouter(tags=["Servers"])

_UNIQUE = "uq_servers_team_id_ip_port"
_SETTINGS = {
    "concurrent_deployments": "concurrent_builds",
    "deployment_timeout": "dynamic_timeout",
    "deployment_queue_limit": None,
    "connection_timeout": None,
    "is_build_server": None,
    "allow_host_paths": None,
}
"""Our names of the settings, and the reference's where it has another."""


@servers.get("/servers", operation_id="list-servers", summary="List servers", responses=answers(401, 403))
async def list_servers(session: Session, caller: Reader) -> list[ServerAnswer]:
    """Return every server of the team, oldest first."""
    return [ServerAnswer.of(server) for server in await ServerRepository(session).of_team(caller.team_id)]


@servers.post(
    "/servers",
    operation_id="create-server",
    summary="Create a server",
    status_code=201,
    responses=answers(400, 401, 403, 404, 422),
)
async def create_server(request: Request, session: Session, caller: Writer, body: ServerCreate) -> UuidAnswer:
    """Make a server with a destination: the Docker network `shiplog`. Nothing is done on it before it is validated."""
    settings = _settings(body)
    key = await _key(session, caller, body.private_key_uuid)
    server = Server(
        team_id=caller.team_id,
        private_key_id=key.id,
        name=body.name if body.name is not None else f"server-{new_uuid()[:10]}",
        description=body.description,
        ip=body.ip,
        port=body.port,
        user=body.user,
    )
    with taken_as(_UNIQUE, _taken()):
        await ServerRepository(session).create(server, settings)
    if body.instant_validate:
        await _validate_after_commit(request, session, server)
    return UuidAnswer(uuid=server.uuid)


@servers.get(
    "/servers/{uuid}", operation_id="get-server-by-uuid", summary="Get a server", responses=answers(401, 403, 404)
)
async def get_server(session: Session, caller: Reader, uuid: str) -> ServerAnswer:
    """Return one server with what its last validation found."""
    return ServerAnswer.of(await _found(session, caller, uuid))


@servers.patch(
    "/servers/{uuid}",
    operation_id="update-server-by-uuid",
    summary="Change a server",
    status_code=201,
    responses=answers(400, 401, 403, 404, 422),
)
async def update_server(
    request: Request, session: Session, caller: Writer, uuid: str, body: ServerUpdate
) -> UuidAnswer:
    """Change what is named. Another `ip` or `port` is another machine: its host key is pinned anew."""
    settings = _settings(body)
    server = await _found(session, caller, uuid, for_update=True)
    if body.private_key_uuid is not None:
        server.private_key_id = (await _key(session, caller, body.private_key_uuid)).id
    if "description" in body.model_fields_set:
        server.description = body.description
    for name, value in settings.items():
        setattr(server.settings, name, value)
    _change(server, body)
    with taken_as(_UNIQUE, _taken()):
        await session.flush()
    if body.instant_validate:
        await _validate_after_commit(request, session, server)
    return UuidAnswer(uuid=server.uuid)


@servers.delete(
    "/servers/{uuid}",
    operation_id="delete-server-by-uuid",
    summary="Delete a server",
    responses=answers(400, 401, 403, 404),
)
async def delete_server(session: Session, caller: Writer, uuid: str) -> MessageAnswer:
    """Delete a server without resources. Nothing is done on it; its history of operations stays."""
    server = await _found(session, caller, uuid, for_update=True)
    if await has_resources(session, server_id=server.id):
        raise InvalidRequest("Server has resources, so it cannot be deleted: delete them first.")
    server.deleted_at = utcnow()
    return MessageAnswer(message="Server deleted.")


@servers.get(
    "/servers/{uuid}/resources",
    operation_id="get-resources-by-server-uuid",
    summary="List the resources of a server",
    responses=answers(401, 403, 404),
)
async def list_resources(session: Session, caller: Reader, uuid: str) -> list[ResourceAnswer]:
    """Return the services and databases of a server, oldest first."""
    server = await _found(session, caller, uuid)
    return [ResourceAnswer.model_validate(row) for row in await resources_of_server(session, server.id)]


@servers.post(
    "/servers/{uuid}/validate",
    operation_id="validate-server-by-uuid",
    summary="Validate a server",
    status_code=201,
    dependencies=[OPTIONAL_BODY],
    responses=answers(400, 401, 403, 404, 422),
)
async def validate(
    request: Request,
    session: Session,
    caller: Writer,
    uuid: str,
    body: Annotated[ServerValidate | None, Body()] = None,
    accept_new_host_key: Annotated[bool, Query(description="As in the body.")] = False,
) -> MessageAnswer:
    """Look at the server in the background: connection, host key, data folder, Docker, Compose.

    `GET /servers/{uuid}` tells the outcome; `validated_at` says of when.
    """
    server = await _found(session, caller, uuid)
    accepts = accept_new_host_key or (body is not None and body.accept_new_host_key)
    await _validate_after_commit(request, session, server, accept_new_host_key=accepts)
    return MessageAnswer(message="Validation started.")


router = APIRouter()
router.include_router(servers)
router.include_router(authority_endpoints.router)
router.include_router(destination_endpoints.router)
router.include_router(key_endpoints.router)
router.include_router(registry_endpoints.router)


def _taken() -> InvalidRequest:
    return InvalidRequest("A server with this IP/Domain is already in use.")


async def _found(session: Session, caller: Caller, uuid: str, *, for_update: bool = False) -> Server:
    server = await ServerRepository(session).get(caller.team_id, uuid, for_update=for_update)
    if server is None:
        raise NotFound("Server not found.")
    return server


async def _key(session: Session, caller: Caller, uuid: str) -> PrivateKey:
    key = await PrivateKeyRepository(session).get_for_server(caller.team_id, uuid)
    if key is None:
        raise NotFound("Private key not found.")
    return key


def _settings(body: ServerSettings) -> dict[str, int | bool]:
    """Return the settings that were sent, under our names; raise ValidationFailed for two names that disagree."""
    sent = body.model_dump(exclude_none=True)
    settings: dict[str, int | bool] = {}
    for name, alias in _SETTINGS.items():
        values = {sent[given] for given in (name, alias) if given in sent}
        if len(values) > 1:
            raise ValidationFailed({str(alias): [f"It is another name of {name}: give one of the two."]})
        if values:
            settings[name] = values.pop()
    return settings


def _change(server: Server, body: ServerUpdate) -> None:
    """Change name, address and user; forget what was found out about another machine, or as another user."""
    is_moved = False
    for name in ("name", "ip", "port", "user"):
        value = getattr(body, name)
        if value is None or value == getattr(server, name):
            continue
        setattr(server, name, value)
        if name in {"ip", "port"}:
            server.host_key = server.docker_version = server.compose_version = None
        is_moved = is_moved or name != "name"
    if is_moved:
        server.data_folder = server.validated_at = server.validation_logs = None
        server.docker_needs_sudo = False
        server.settings.is_reachable = server.settings.is_usable = False


async def _validate_after_commit(
    request: Request, session: Session, server: Server, *, accept_new_host_key: bool = False
) -> None:
    await request_validation(session, server.id, accepts_new_host_key=accept_new_host_key)
    call_after_commit(session, partial(request.app.state.waker.validate, server.id))
