"""Statements on projects, environments and variables: always inside a team."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, delete, exists, literal, or_, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from app.kit.repository import Repository
from app.models.environment import Environment
from app.models.environment_variable import EnvironmentVariable
from app.models.project import Project
from app.models.resource import DeployableMixin
from app.models.service import Service
from app.models.shared_variable import SharedEnvironmentVariable
from app.models.standalone import STANDALONE_MODELS

_RESOURCE_MODELS: tuple[Any, ...] = (Service, *STANDALONE_MODELS.values())


@dataclass(frozen=True)
class ResourceRow:
    """What lists of resources of any kind show."""

    uuid: str
    name: str
    type: str
    status: str
    created_at: datetime
    updated_at: datetime


class ProjectRepository(Repository[Project]):
    """Projects of a team."""

    model = Project

    async def get(self, team_id: int, uuid: str, *, for_update: bool = False) -> Project | None:
        """Return one project of the team with its environments, or None."""
        statement = self.statement().where(Project.team_id == team_id, Project.uuid == uuid)
        if for_update:
            statement = statement.with_for_update(of=Project).execution_options(populate_existing=True)
        return await self.one_or_none(statement.options(selectinload(Project.environments)))

    async def of_team(self, team_id: int) -> Sequence[Project]:
        """Return every project of the team, oldest first."""
        statement = self.statement().where(Project.team_id == team_id)
        return await self.all(statement.order_by(Project.created_at, Project.id))

    async def delete(self, row: Project) -> None:
        """Delete a project; PostgreSQL takes its environments along."""
        # The session would first set the foreign keys of the loaded environments to NULL.
        await self.session.execute(delete(Project).where(Project.id == row.id, Project.team_id == row.team_id))


class EnvironmentRepository(Repository[Environment]):
    """Environments of the projects of a team."""

    model = Environment

    async def find(self, project: Project, name_or_uuid: str, *, for_update: bool = False) -> Environment | None:
        """Return an environment of the project by its uuid, else by its name; None when there is neither."""
        of_project = (Environment.project_id == project.id, Project.team_id == project.team_id)
        statement = (
            self.statement()
            .join(Environment.project)
            .where(*of_project, or_(Environment.uuid == name_or_uuid, Environment.name == name_or_uuid))
            .order_by((Environment.uuid == name_or_uuid).desc())
            .limit(1)
        )
        if for_update:
            statement = statement.with_for_update(of=Environment).execution_options(populate_existing=True)
        return await self.one_or_none(statement)

    async def lock_all(self, project: Project) -> None:
        """Keep new resources away from every environment of the project until the commit."""
        statement = select(Environment.id).where(Environment.project_id == project.id).order_by(Environment.id)
        await self.session.execute(statement.with_for_update())

    async def get_for_resource(self, project: Project, *, name: str | None, uuid: str | None) -> Environment | None:
        """Return the environment with this name and this uuid, whichever are given, kept from deletion until the commit."""
        given: tuple[ColumnElement[bool], ...] = (
            true() if name is None else Environment.name == name,
            true() if uuid is None else Environment.uuid == uuid,
        )
        statement = (
            self.statement()
            .join(Environment.project)
            .where(Environment.project_id == project.id, Project.team_id == project.team_id, *given)
            .with_for_update(of=Environment, read=True, key_share=True)
        )
        return await self.one_or_none(statement)

    async def get_of_team(self, team_id: int, uuid: str) -> Environment | None:
        """Return an environment of any project of the team, kept from deletion until the commit, or None."""
        statement = (
            self.statement().join(Environment.project).where(Project.team_id == team_id, Environment.uuid == uuid)
        )
        return await self.one_or_none(statement.with_for_update(of=Environment, read=True, key_share=True))


class VariableRepository(Repository[EnvironmentVariable]):
    """Variables of services and databases."""

    model = EnvironmentVariable

    async def lock(self, resource: DeployableMixin) -> bool:
        """Let nobody else change the resource's variables until the commit; False when it has been deleted."""
        model: Any = type(resource)
        statement = select(model.id).where(model.id == resource.id, model.deleted_at.is_(None))
        return (await self.session.execute(statement.with_for_update(key_share=True))).first() is not None

    async def of_resource(self, resource: DeployableMixin) -> Sequence[EnvironmentVariable]:
        """Return every variable of the resource in the order they were made: a later one may refer to an earlier."""
        return await self.all(self.statement().where(*_of(resource)).order_by(EnvironmentVariable.id))

    async def with_keys(self, resource: DeployableMixin, keys: Collection[str]) -> dict[str, EnvironmentVariable]:
        """Return the variables of the resource that have one of the keys, by key."""
        statement = self.statement().where(*_of(resource), EnvironmentVariable.key.in_(keys))
        return {variable.key: variable for variable in await self.all(statement)}

    async def get(self, resource: DeployableMixin, uuid: str) -> EnvironmentVariable | None:
        """Return one variable of the resource, or None."""
        return await self.one_or_none(self.statement().where(*_of(resource), EnvironmentVariable.uuid == uuid))


class SharedVariableRepository(Repository[SharedEnvironmentVariable]):
    """Shared variables of one owner; `scope` holds the values of the columns that pick them, the team's among them."""

    model = SharedEnvironmentVariable

    async def of_scope(self, scope: Mapping[str, Any]) -> Sequence[SharedEnvironmentVariable]:
        """Return every variable of the scope in the order they were made."""
        return await self.all(self.statement().filter_by(**scope).order_by(SharedEnvironmentVariable.id))

    async def get(self, scope: Mapping[str, Any], uuid: str) -> SharedEnvironmentVariable | None:
        """Return one variable of the scope, or None; its row is locked."""
        return await self.one_or_none(self.statement().filter_by(**scope, uuid=uuid).with_for_update())


async def shared_variables_for(
    session: AsyncSession, resource: DeployableMixin, keys: Collection[str]
) -> dict[tuple[str, str], SharedEnvironmentVariable]:
    """Return {(type, key): variable} of what the resource's team, project, environment and server share."""
    shared = SharedEnvironmentVariable
    in_scope = or_(
        shared.type == "team",
        and_(shared.type == "project", shared.project_id == Environment.project_id),
        and_(shared.type == "environment", shared.environment_id == Environment.id),
        and_(shared.type == "server", shared.server_id == resource.server_id),
    )
    statement = (
        select(shared)
        .join(Environment, Environment.id == resource.environment_id)
        .join(Project, and_(Project.id == Environment.project_id, Project.team_id == shared.team_id))
        .where(shared.key.in_(keys), in_scope)
    )
    return {(one.type, one.key): one for one in (await session.execute(statement)).scalars()}


async def team_id_of(session: AsyncSession, resource: DeployableMixin) -> int:
    """Return the team that a resource belongs to."""
    return (await session.execute(select(_team_of(resource)))).scalar_one()


async def resources_of_team(session: AsyncSession, team_id: int) -> list[ResourceRow]:
    """Return everything the team has, oldest first; deleted resources are not there."""
    environments = select(Environment.id).join(Environment.project).where(Project.team_id == team_id)
    return await _resources(session, lambda model: model.environment_id.in_(environments))


async def resources_of_environment(session: AsyncSession, environment_id: int) -> list[ResourceRow]:
    """Return what lives in an environment, oldest first; deleted resources are not there."""
    return await _resources(session, lambda model: model.environment_id == environment_id)


async def resources_of_server(session: AsyncSession, server_id: int) -> list[ResourceRow]:
    """Return what runs on a server, oldest first; deleted resources are not there."""
    return await _resources(session, lambda model: model.server_id == server_id)


async def has_resources(
    session: AsyncSession,
    *,
    server_id: int | None = None,
    environment_id: int | None = None,
    project_id: int | None = None,
    destination_id: int | None = None,
) -> bool:
    """Return whether a resource is there, also one whose tracked delete has not finished."""
    found = []
    for model in _RESOURCE_MODELS:
        statement = select(model.id)
        if server_id is not None:
            statement = statement.where(model.server_id == server_id)
        if environment_id is not None:
            statement = statement.where(model.environment_id == environment_id)
        if destination_id is not None:
            statement = statement.where(model.destination_id == destination_id)
        if project_id is not None:
            statement = statement.join(Environment, Environment.id == model.environment_id)
            statement = statement.where(Environment.project_id == project_id)
        found.append(statement)
    return bool((await session.execute(select(exists(union_all(*found).subquery().select())))).scalar_one())


async def _resources(session: AsyncSession, where: Any) -> list[ResourceRow]:
    parts = [
        select(
            model.uuid,
            model.name,
            literal(model.resource_type).label("type"),
            model.status,
            model.created_at,
            model.updated_at,
        ).where(where(model), model.deleted_at.is_(None))
        for model in _RESOURCE_MODELS
    ]
    rows = [ResourceRow(**row._asdict()) for row in await session.execute(union_all(*parts))]
    return sorted(rows, key=lambda row: (row.created_at, row.uuid))


def _team_of(resource: DeployableMixin) -> ScalarSelect[int]:
    return (
        select(Project.team_id)
        .join(Environment, Environment.project_id == Project.id)
        .where(Environment.id == resource.environment_id)
        .scalar_subquery()
    )


def _of(resource: DeployableMixin) -> tuple[ColumnElement[bool], ...]:
    return (
        EnvironmentVariable.team_id == _team_of(resource),
        EnvironmentVariable.resource_type == resource.resource_type,
        EnvironmentVariable.resource_id == resource.id,
    )
