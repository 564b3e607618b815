"""The team's services and databases as lists show them, with where they live."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.compose_services.repository import ServiceRepository
from app.databases.lookup import databases_of_team
from app.databases.registry import definition_of
from app.models.resource import DeployableMixin
from app.models.service import Service


@dataclass(frozen=True)
class Listed:
    """A resource in a list; `word` is `service` or `database`."""

    uuid: str
    name: str
    word: str
    type_name: str
    status: str
    status_at: datetime | None
    project_uuid: str
    project_name: str
    environment_name: str
    server_uuid: str
    server_name: str

    @property
    def path(self) -> str:
        """Where its page is."""
        return f"/{self.word}s/{self.uuid}"


async def resources_of(session: AsyncSession, team_id: int) -> list[Listed]:
    """Return every service and database of the team, by name."""
    services = await ServiceRepository(session).of_team(team_id)
    databases = await databases_of_team(session, team_id)
    return sorted(map(listed, [*services, *databases]), key=lambda one: (one.name.casefold(), one.uuid))


def listed(resource: DeployableMixin) -> Listed:
    """Return how lists show a resource whose surroundings are loaded."""
    is_service = isinstance(resource, Service)
    return Listed(
        uuid=resource.uuid,
        name=resource.name,
        word="service" if is_service else "database",
        type_name="Service" if is_service else definition_of(resource.resource_type).title,
        status=resource.status,
        status_at=resource.status_at,
        project_uuid=resource.environment.project.uuid,
        project_name=resource.environment.project.name,
        environment_name=resource.environment.name,
        server_uuid=resource.server.uuid,
        server_name=resource.server.name,
    )
