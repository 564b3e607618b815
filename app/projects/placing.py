"""Where a new resource goes: an environment of a project, a server, and one of that server's destinations."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import InvalidRequest, NotFound, ValidationFailed
from app.models.destination import StandaloneDocker
from app.models.environment import Environment
from app.models.server import Server
from app.projects.repository import EnvironmentRepository, ProjectRepository
from app.servers.repository import ServerRepository


@dataclass(frozen=True)
class Place:
    """The rows that a resource belongs to."""

    environment: Environment
    server: Server
    destination: StandaloneDocker


async def place_resource(
    session: AsyncSession,
    team_id: int,
    *,
    project_uuid: str,
    environment_name: str | None,
    environment_uuid: str | None,
    server_uuid: str,
    destination_uuid: str | None,
) -> Place:
    """Return where the resource goes; neither environment nor server can be deleted until the commit.

    Raises NotFound, InvalidRequest and ValidationFailed with the reference's texts. Of environment name and uuid one is
    needed; where both are given both must fit.
    """
    environment = await _environment(session, team_id, project_uuid, environment_name, environment_uuid)
    server = await ServerRepository(session).get_for_resource(team_id, server_uuid)
    if server is None:
        raise NotFound("Server not found.")
    if server.settings.is_build_server:
        raise ValidationFailed({"server_uuid": ["A build server cannot host resources: choose another server."]})
    return Place(environment, server, await _destination(session, server, destination_uuid))


async def _environment(
    session: AsyncSession, team_id: int, project_uuid: str, name: str | None, uuid: str | None
) -> Environment:
    if not name and not uuid:
        text = "You need to provide at least one of environment_name or environment_uuid."
        raise ValidationFailed({"environment_name": [text], "environment_uuid": [text]})
    project = await ProjectRepository(session).get(team_id, project_uuid)
    if project is None:
        raise NotFound("Project not found.")
    environment = await EnvironmentRepository(session).get_for_resource(project, name=name or None, uuid=uuid or None)
    if environment is None:
        raise NotFound("Environment not found.")
    return environment


async def _destination(session: AsyncSession, server: Server, uuid: str | None) -> StandaloneDocker:
    destinations = await ServerRepository(session).destinations_of(server)
    if not destinations:
        raise InvalidRequest("Server has no destinations.")
    if uuid is None and len(destinations) > 1:
        raise InvalidRequest("Server has multiple destinations and you do not set destination_uuid.")
    for destination in destinations:
        if uuid in {None, destination.uuid}:
            return destination
    raise ValidationFailed({"destination_uuid": ["Provided destination_uuid does not belong to the specified server."]})
