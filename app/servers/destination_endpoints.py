"""Destinations over the API: the Docker networks of a server that its resources can join."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.auth.dependencies import Caller, require
from app.errors import Conflict, NotFound, answers
from app.kit.answers import MessageAnswer, UuidAnswer
from app.kit.constraints import taken_as
from app.models.destination import StandaloneDocker
from app.models.server import Server
from app.postgres import Session
from app.projects.repository import has_resources
from app.servers.destination_schemas import DestinationAnswer, DestinationCreate, DestinationUpdate
from app.servers.repository import DestinationRepository, ServerRepository

router = APIRouter(tags=["Destinations"])

Reader = Annotated[Caller, Depends(require("read"))]
Writer = Annotated[Caller, Depends(require("write"))]

_UNIQUE = "uq_standalone_dockers_server_id_network"


@router.get("/destinations", operation_id="list-destinations", summary="List destinations", responses=answers(401, 403))
async def list_destinations(session: Session, caller: Reader) -> list[DestinationAnswer]:
    """Return every destination of the team's servers, oldest first."""
    found = await DestinationRepository(session).of_team(caller.team_id)
    return [DestinationAnswer.of(destination) for destination in found]


@router.get(
    "/servers/{server_uuid}/destinations",
    operation_id="list-server-destinations",
    summary="List the destinations of a server",
    responses=answers(401, 403, 404),
)
async def list_server_destinations(session: Session, caller: Reader, server_uuid: str) -> list[DestinationAnswer]:
    """Return the destinations of one server, oldest first."""
    server = await _server(session, caller, server_uuid)
    found = await DestinationRepository(session).of_team(caller.team_id, server_id=server.id)
    return [DestinationAnswer.of(destination) for destination in found]


@router.post(
    "/servers/{server_uuid}/destinations",
    operation_id="create-server-destination",
    summary="Create a destination on a server",
    status_code=201,
    responses=answers(401, 403, 404, 409, 422),
)
async def create_destination(session: Session, caller: Writer, server_uuid: str, body: DestinationCreate) -> UuidAnswer:
    """Name a network. It is created on the server by the first deployment that joins it, unless it is there."""
    server = await _server(session, caller, server_uuid, for_update=True)
    name = body.name if body.name is not None else body.network
    destination = StandaloneDocker(server_id=server.id, name=name, network=body.network)
    with taken_as(_UNIQUE, Conflict("A destination with this network already exists on this server.")):
        await DestinationRepository(session).add(destination)
    return UuidAnswer(uuid=destination.uuid)


@router.get(
    "/destinations/{uuid}",
    operation_id="get-destination-by-uuid",
    summary="Get a destination",
    responses=answers(401, 403, 404),
)
async def get_destination(session: Session, caller: Reader, uuid: str) -> DestinationAnswer:
    """Return one destination."""
    return DestinationAnswer.of(await _found(session, caller, uuid))


@router.patch(
    "/destinations/{uuid}",
    operation_id="update-destination-by-uuid",
    summary="Change a destination",
    responses=answers(401, 403, 404, 422),
)
async def update_destination(session: Session, caller: Writer, uuid: str, body: DestinationUpdate) -> DestinationAnswer:
    """Change its name. Its network stays: what runs has joined it."""
    destination = await _found(session, caller, uuid)
    if body.name is not None:
        destination.name = body.name
    await session.flush()
    return DestinationAnswer.of(destination)


@router.delete(
    "/destinations/{uuid}",
    operation_id="delete-destination-by-uuid",
    summary="Delete a destination",
    responses=answers(401, 403, 404, 409),
)
async def delete_destination(session: Session, caller: Writer, uuid: str) -> MessageAnswer:
    """Delete a destination that no resource uses. The network on the server stays: others may have joined it."""
    seen = await _found(session, caller, uuid)
    # The lock of the server keeps new resources away; what was seen before it may be gone.
    await _server(session, caller, seen.server.uuid, for_update=True)
    destination = await _found(session, caller, uuid)
    if await has_resources(session, destination_id=destination.id):
        raise Conflict("Destination has resources, so it cannot be deleted: delete them first.")
    await DestinationRepository(session).delete(destination)
    return MessageAnswer(message="Destination deleted.")


async def _found(session: Session, caller: Caller, uuid: str) -> StandaloneDocker:
    destination = await DestinationRepository(session).get(caller.team_id, uuid)
    if destination is None:
        raise NotFound("Destination not found.")
    return destination


async def _server(session: Session, caller: Caller, uuid: str, *, for_update: bool = False) -> Server:
    server = await ServerRepository(session).get(caller.team_id, uuid, for_update=for_update)
    if server is None:
        raise NotFound("Server not found.")
    return server
