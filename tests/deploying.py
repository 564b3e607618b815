"""Rows around deployments, made directly: a place to live, resources, deployments in any state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import DATABASE, SERVICE, AnyQueue, Kind
from app.kit.ids import new_uuid
from app.models import (
    STANDALONE_MODELS,
    DatabaseDeploymentQueue,
    Environment,
    EnvironmentVariable,
    PrivateKey,
    Project,
    Server,
    ServerSetting,
    Service,
    ServiceDeploymentQueue,
    StandaloneDocker,
    Team,
)
from app.models.resource import secret_columns
from app.models.standalone.columns import StandaloneMixin
from app.postgres import Sessions

COMPOSE = "services:\n  web:\n    image: registry.example/web:1\n"
DATABASE_TYPES = tuple(STANDALONE_MODELS)


@dataclass(frozen=True)
class Place:
    """A team's server with a destination, a project and an environment."""

    team: Team
    server: Server
    destination: StandaloneDocker
    project: Project
    environment: Environment

    def of_resource(self) -> dict[str, int]:
        """Return the foreign keys of a resource that lives here."""
        return {
            "environment_id": self.environment.id,
            "server_id": self.server.id,
            "destination_id": self.destination.id,
        }


async def create_place(session: AsyncSession, **settings: Any) -> Place:
    """Make everything a resource needs around it; `settings` are the server's."""
    team = Team(name="team")
    session.add(team)
    await session.flush()
    key = PrivateKey(
        team_id=team.id, name="key", private_key="not a key", public_key="ssh-ed25519 A", fingerprint=new_uuid()
    )
    project = Project(team_id=team.id, name="project")
    session.add_all([key, project])
    await session.flush()
    server = Server(team_id=team.id, private_key_id=key.id, name="server", ip=f"{new_uuid()}.example", user="root")
    environment = Environment(project_id=project.id, name="production")
    session.add_all([server, environment])
    await session.flush()
    destination = StandaloneDocker(server_id=server.id, name="shiplog", network="shiplog")
    session.add_all([destination, ServerSetting(server_id=server.id, **settings)])
    await session.flush()
    return Place(team, server, destination, project, environment)


async def create_service(session: AsyncSession, place: Place, **columns: Any) -> Service:
    """Make a service."""
    values = {"name": "shop", "docker_compose_raw": COMPOSE, **place.of_resource(), **columns}
    service = Service(**values)
    session.add(service)
    await session.flush()
    return service


async def create_database(
    session: AsyncSession, place: Place, type: str = "standalone-postgresql", **columns: Any
) -> StandaloneMixin:
    """Make a database of any type; its secrets are `secret-of-{column}`."""
    model = STANDALONE_MODELS[type]
    secrets = {column: f"secret-of-{column}" for column in secret_columns(model)}
    values: dict[str, Any] = {
        "name": "store",
        "image": "postgres:16-alpine",
        **place.of_resource(),
        **secrets,
        **columns,
    }
    database = model(**values)
    session.add(database)
    await session.flush()
    return database


async def lock_variable(session: AsyncSession, place: Place, resource: Service | StandaloneMixin, value: str) -> None:
    """Give a resource a locked variable."""
    variable = EnvironmentVariable(
        team_id=place.team.id,
        resource_type=resource.resource_type,
        resource_id=resource.id,
        key="SECRET_KEY",
        value=value,
        is_shown_once=True,
    )
    session.add(variable)
    await session.flush()


async def create_resource(session: AsyncSession, place: Place, kind: Kind, **columns: Any) -> Service | StandaloneMixin:
    """Make a service or a PostgreSQL database."""
    if kind is SERVICE:
        return await create_service(session, place, **columns)
    return await create_database(session, place, **columns)


async def create_deployment(
    session: AsyncSession, place: Place, resource: Service | StandaloneMixin, **columns: Any
) -> AnyQueue:
    """Make a deployment, queued unless `columns` say otherwise."""
    common: dict[str, Any] = {
        "team_id": place.team.id,
        "resource_uuid": resource.uuid,
        "deployment_uuid": new_uuid(),
        "server_id": str(place.server.id),
        "server_uuid": place.server.uuid,
        "server_name": place.server.name,
        **columns,
    }
    row: AnyQueue
    if isinstance(resource, Service):
        row = ServiceDeploymentQueue(service_id=resource.id, service_name=resource.name, **common)
    else:
        row = DatabaseDeploymentQueue(
            database_id=str(resource.id),
            database_type=resource.resource_type,
            database_name=resource.name,
            **common,
        )
    session.add(row)
    await session.flush()
    return row


KINDS = (SERVICE, DATABASE)


async def row_of(session: AsyncSession, kind: Kind, deployment_id: int) -> AnyQueue:
    """Return a deployment's row."""
    model: Any = kind.queue
    row: AnyQueue = await session.get_one(model, deployment_id)
    return row


@asynccontextmanager
async def fresh(sessions: Sessions, row: AnyQueue) -> AsyncIterator[AnyQueue]:
    """Yield the row as another session sees it."""
    async with sessions() as session:
        yield await session.get_one(type(row), row.id)
