"""Deployments of both kinds in one list, newest first, narrowed to what somebody looks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller
from app.deployments.kinds import AnyQueue
from app.deployments.presenting import present
from app.deployments.repository import ACTIVE, repositories
from app.deployments.schemas import AnyDeployment
from app.models.deployment_status import DeploymentStatus
from app.projects.repository import ProjectRepository, resources_of_environment


@dataclass(frozen=True)
class Wanted:
    """What is looked for; empty is everything."""

    status: str = ""
    server: str = ""
    project: str = ""
    kind: str = ""
    text: str = ""

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return not (self.status or self.server or self.project or self.kind or self.text)


async def find_deployments(
    session: AsyncSession, caller: Caller, wanted: Wanted, *, take: int, before: datetime | None = None
) -> list[AnyDeployment]:
    """Return the newest `take` deployments that are wanted, made before a time if one is given."""
    of_project = None
    if wanted.project:
        of_project = await _resources_of_project(session, caller.team_id, wanted.project)
    rows: list[AnyQueue] = []
    for repository in repositories(session):
        if wanted.kind in {"", repository.kind.name}:
            conditions = _conditions(repository.model, wanted, of_project, before)
            rows += await repository.history(
                caller.team_id, *conditions, of_team=True, status=_status(wanted), take=take
            )
    rows.sort(key=lambda row: row.created_at, reverse=True)
    return await present(session, caller, rows[:take], include_logs=False)


def _conditions(model: Any, wanted: Wanted, of_project: Sequence[str] | None, before: datetime | None) -> list[Any]:
    conditions: list[Any] = []
    if wanted.is_everything:
        conditions.append(model.status.not_in(ACTIVE))  # the overview has them above
    if before is not None:
        conditions.append(model.created_at < before)
    if wanted.server:
        conditions.append(model.server_uuid == wanted.server)
    if of_project is not None:
        conditions.append(model.resource_uuid.in_(of_project))
    if wanted.text:
        name = model.service_name if hasattr(model, "service_name") else model.database_name
        words = [column.icontains(wanted.text, autoescape=True) for column in (name, model.requested_by)]
        conditions.append(or_(*words, model.deployment_uuid == wanted.text))
    return conditions


def _status(wanted: Wanted) -> str | None:
    return wanted.status if wanted.status in set(DeploymentStatus) else None


async def _resources_of_project(session: AsyncSession, team_id: int, uuid: str) -> list[str]:
    project = await ProjectRepository(session).get(team_id, uuid)
    environments = [] if project is None else project.environments
    return [row.uuid for one in environments for row in await resources_of_environment(session, one.id)]
