"""Moving a service or a database to another environment, the same for both."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.errors import NotFound, answers
from app.kit.answers import MessageAnswer
from app.kit.schema import Line, RequestSchema
from app.models.resource import DeployableMixin
from app.postgres import Session
from app.projects.repository import EnvironmentRepository

Writer = Annotated[Caller, Depends(require("write"))]


class Move(RequestSchema):
    """Body of `POST /services|databases/{uuid}/move`."""

    environment_uuid: Line


def add_move_route(
    router: APIRouter, *, noun: Literal["service", "database"], find: Callable[..., Awaitable[DeployableMixin | None]]
) -> None:
    """Add `/services|databases/{uuid}/move`; `find(session, team_id, uuid, for_update=True)` returns the resource."""

    @router.post(
        f"/{noun}s/{{uuid}}/move",
        operation_id=f"move-{noun}-by-uuid",
        summary=f"Move a {noun} to another environment",
        responses=answers(400, 401, 403, 404, 422),
    )
    async def move(session: Session, caller: Writer, uuid: str, body: Move) -> MessageAnswer:
        """It stays on its server; shared variables of the new environment count from the next deployment on."""
        resource: Any = await find(session, caller.team_id, uuid, for_update=True)
        if resource is None:
            raise NotFound(f"{noun.capitalize()} not found.")
        resource.environment_id = await _environment_id(session, caller, body.environment_uuid)
        await session.flush()
        return MessageAnswer(message=f"{noun.capitalize()} moved.")


async def _environment_id(session: AsyncSession, caller: Caller, uuid: str) -> int:
    environment = await EnvironmentRepository(session).get_of_team(caller.team_id, uuid)
    if environment is None:
        raise NotFound("Environment not found.")
    return environment.id
