"""Statements on services: always inside a team, never a deleted one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager, joinedload

from app.errors import NotFound
from app.kit.repository import Repository
from app.models.environment import Environment
from app.models.project import Project
from app.models.server import Server
from app.models.service import Service


class ServiceRepository(Repository[Service]):
    """Services of a team, with environment, project, server and destination loaded."""

    model = Service

    async def get(self, team_id: int, uuid: str, *, for_update: bool = False) -> Service | None:
        """Return one service of the team, or None; `for_update` locks its row."""
        statement = self._of_team(team_id).where(Service.uuid == uuid)
        if for_update:
            statement = statement.with_for_update(of=Service).execution_options(populate_existing=True)
        return await self.one_or_none(statement)

    async def found(self, team_id: int, uuid: str, *, for_update: bool = False) -> Service:
        """Return one service of the team; raise NotFound."""
        service = await self.get(team_id, uuid, for_update=for_update)
        if service is None:
            raise NotFound("Service not found.")
        return service

    async def of_team(self, team_id: int) -> Sequence[Service]:
        """Return every service of the team, oldest first."""
        return await self.all(self._of_team(team_id).order_by(Service.created_at, Service.id))

    def _of_team(self, team_id: int) -> Select[Service]:
        return (
            self.statement()
            .join(Service.environment)
            .join(Environment.project)
            .where(Project.team_id == team_id, Service.deleted_at.is_(None))
            .options(
                contains_eager(Service.environment).contains_eager(Environment.project),
                joinedload(Service.server).joinedload(Server.settings),
                joinedload(Service.destination),
            )
        )


_RECORD_CONTAINERS = text(
    """
    UPDATE services SET containers = :containers, containers_at = :seen_at
    WHERE id = :id AND (containers_at IS NULL OR containers_at < :seen_at)
    """
).bindparams(bindparam("containers", type_=JSONB))


async def record_containers(
    session: AsyncSession, service_id: int, containers: Sequence[Mapping[str, Any]], seen_at: datetime
) -> None:
    """Keep how a service's containers were at `seen_at`, unless a later look is kept; the service counts as unchanged."""
    values = {"id": service_id, "containers": containers, "seen_at": seen_at}
    await session.execute(_RECORD_CONTAINERS, values)
