"""Finds a database by its uuid in nine tables with one statement: the only place that knows there are nine."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.errors import NotFound
from app.models.database_certificate import DatabaseCertificate
from app.models.environment import Environment
from app.models.project import Project
from app.models.server import Server
from app.models.standalone import STANDALONE_MODELS
from app.models.standalone.columns import StandaloneMixin


async def find_database_key(session: AsyncSession, team_id: int, uuid: str) -> tuple[str, int] | None:
    """Return (type, id) of the team's database, or None; a deleted one is not there."""
    row = (await session.execute(_of_team(team_id, uuid=uuid))).one_or_none()
    return None if row is None else (row.type, row.id)


async def find_database(
    session: AsyncSession, team_id: int, uuid: str, *, for_update: bool = False
) -> StandaloneMixin | None:
    """Return the team's database with what surrounds it loaded, or None; `for_update` locks its row."""
    key = await find_database_key(session, team_id, uuid)
    if key is None:
        return None
    model: Any = STANDALONE_MODELS[key[0]]
    statement = _with_surroundings(model).where(model.id == key[1], model.deleted_at.is_(None))
    if for_update:
        statement = statement.with_for_update(of=model).execution_options(populate_existing=True)
    database: StandaloneMixin | None = (await session.execute(statement)).scalar_one_or_none()
    return database


async def found_database(
    session: AsyncSession, team_id: int, uuid: str, *, for_update: bool = False
) -> StandaloneMixin:
    """Return the team's database with what surrounds it loaded; raise NotFound."""
    database = await find_database(session, team_id, uuid, for_update=for_update)
    if database is None:
        raise NotFound("Database not found.")
    return database


async def databases_of_team(session: AsyncSession, team_id: int) -> Sequence[StandaloneMixin]:
    """Return every database of the team with what surrounds it, oldest first: one statement and one a type in use."""
    keys = (await session.execute(_of_team(team_id))).all()
    found: list[StandaloneMixin] = []
    for database_type in {key.type for key in keys}:
        model: Any = STANDALONE_MODELS[database_type]
        ids = [key.id for key in keys if key.type == database_type]
        found += (await session.execute(_with_surroundings(model).where(model.id.in_(ids)))).scalars()
    return sorted(found, key=lambda database: (database.created_at, database.uuid))


async def certificate_ends(session: AsyncSession, databases: Sequence[StandaloneMixin]) -> dict[str, datetime]:
    """Return {uuid: when its certificate expires} of those with `enable_ssl` that have one."""
    of_key = {(one.resource_type, one.id): one.uuid for one in databases if getattr(one, "enable_ssl", False)}
    if not of_key:
        return {}
    row = DatabaseCertificate
    key = tuple_(row.database_type, row.database_id)
    found = await session.execute(select(row.database_type, row.database_id, row.valid_until).where(key.in_(of_key)))
    return {of_key[type_, id_]: valid_until for type_, id_, valid_until in found}


async def is_public_port_taken(
    session: AsyncSession, server_id: int, public_port: int, *, other_than: StandaloneMixin | None = None
) -> bool:
    """Return whether another public database of the server has the port; lock the server first."""
    parts = [_public_on(model, server_id, public_port, other_than) for model in STANDALONE_MODELS.values()]
    return (await session.execute(union_all(*parts).limit(1))).first() is not None


def _of_team(team_id: int, *, uuid: str | None = None) -> Any:
    return union_all(*(_ids(model, team_id, uuid) for model in STANDALONE_MODELS.values()))


def _ids(model: Any, team_id: int, uuid: str | None) -> Select[tuple[str, int]]:
    conditions: list[ColumnElement[bool]] = [Project.team_id == team_id, model.deleted_at.is_(None)]
    if uuid is not None:
        conditions.append(model.uuid == uuid)
    return (
        select(literal(model.resource_type).label("type"), model.id)
        .join(Environment, Environment.id == model.environment_id)
        .join(Project, Project.id == Environment.project_id)
        .where(*conditions)
    )


def _with_surroundings(model: Any) -> Select[Any]:
    return select(model).options(
        joinedload(model.environment).joinedload(Environment.project),
        joinedload(model.server).joinedload(Server.settings),
        joinedload(model.destination),
    )


def _public_on(model: Any, server_id: int, port: int, other_than: StandaloneMixin | None) -> Select[tuple[int]]:
    statement = select(model.id).where(
        model.server_id == server_id,
        model.is_public.is_(True),
        model.public_port == port,
        model.deleted_at.is_(None),
    )
    if isinstance(other_than, model):
        statement = statement.where(model.id != other_than.id)
    return statement
