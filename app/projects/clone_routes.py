"""Another one like a service or a database, and its way to another destination, the same for both."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import Field, field_validator
from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.errors import InvalidRequest, NotFound, ValidationFailed, answers
from app.kit.answers import MessageAnswer, UuidAnswer
from app.kit.schema import Name, RequestSchema, UuidOf, refused
from app.models.destination import StandaloneDocker
from app.models.environment_variable import EnvironmentVariable
from app.models.resource import DeployableMixin
from app.models.server import Server
from app.postgres import Session
from app.projects.repository import VariableRepository
from app.projects.tags.repository import TagRepository
from app.servers.repository import DestinationRepository, ServerRepository

Writer = Annotated[Caller, Depends(require("write"))]
Fits = Callable[[Any, Server], Awaitable[str | None]]
"""Returns why a resource may not be on a server, or None."""

_OF_THE_ROW = frozenset({"id", "uuid", "created_at", "updated_at", "deleted_at"})
# A public port is one resource's alone; the rest is what has been seen of the first one.
_OF_THE_FIRST = frozenset({"status", "status_at", "containers", "containers_at", "config_hash", "is_public"})
_NO_VOLUMES = "Data is not copied between servers: let the database's own tools move it, then send false."


def _no_volumes(wanted: bool) -> bool:
    if wanted:
        raise refused(_NO_VOLUMES)
    return wanted


class Clone(RequestSchema):
    """Body of `POST /services|databases/{uuid}/clone`."""

    destination_uuid: UuidOf
    name: Name | None = Field(default=None, description="That of the first one with `-clone` when left out.")
    clone_volumes: Annotated[bool, Field(description="Data is not copied: true is refused.")] = False

    _check = field_validator("clone_volumes")(_no_volumes)


class Migrate(RequestSchema):
    """Body of `POST /services|databases/{uuid}/migrate`."""

    destination_uuid: UuidOf
    migrate_volumes: Annotated[bool, Field(description="Data is not copied: true is refused.")] = False

    _check = field_validator("migrate_volumes")(_no_volumes)


def add_clone_routes(
    router: APIRouter,
    *,
    noun: Literal["service", "database"],
    find: Callable[..., Awaitable[DeployableMixin | None]],
    fits: Fits,
) -> None:
    """Add `/clone` and `/migrate`; `find(session, team_id, uuid, for_update=True)` returns the resource."""

    async def found(session: AsyncSession, caller: Caller, uuid: str) -> Any:
        resource = await find(session, caller.team_id, uuid, for_update=True)
        if resource is None:
            raise NotFound(f"{noun.capitalize()} not found.")
        return resource

    @router.post(
        f"/{noun}s/{{uuid}}/clone",
        operation_id=f"clone-{noun}-by-uuid",
        summary=f"Make another {noun} like it",
        status_code=201,
        responses=answers(400, 401, 403, 404, 422),
    )
    async def clone(session: Session, caller: Writer, uuid: str, body: Clone) -> UuidAnswer:
        """Its settings, variables and tags, in the same environment; not its data, and not its public port."""
        resource = await found(session, caller, uuid)
        destination = await _destination(session, caller, resource, body.destination_uuid, fits)
        name = body.name if body.name is not None else f"{resource.name[:249]}-clone"
        return UuidAnswer(uuid=(await _copy(session, caller, resource, name, destination)).uuid)

    @router.post(
        f"/{noun}s/{{uuid}}/migrate",
        operation_id=f"migrate-{noun}-by-uuid",
        summary=f"Move a {noun} to another destination",
        responses=answers(400, 401, 403, 404, 422),
    )
    async def migrate(session: Session, caller: Writer, uuid: str, body: Migrate) -> MessageAnswer:
        """To another network of its server; to another server before its first deployment, as data are not moved."""
        resource = await found(session, caller, uuid)
        destination = await _destination(session, caller, resource, body.destination_uuid, fits)
        if destination.server_id != resource.server_id and await _may_have_run(resource):
            raise InvalidRequest(
                f"This {noun} has been deployed to its server, and its data would stay there: "
                "clone it, move the data with their own tools, then delete it."
            )
        resource.server_id, resource.destination_id = destination.server_id, destination.id
        await session.flush()
        return MessageAnswer(message=f"{noun.capitalize()} migrated.")


async def _destination(session: AsyncSession, caller: Caller, resource: Any, uuid: str, fits: Fits) -> StandaloneDocker:
    destination = await DestinationRepository(session).get(caller.team_id, uuid)
    if destination is None:
        raise NotFound("Destination not found.")
    server = await ServerRepository(session).get_for_resource(caller.team_id, destination.server.uuid)
    if server is None:
        raise NotFound("Destination not found.")
    reason = "A build server cannot host resources: choose another server." if server.settings.is_build_server else None
    reason = reason or await fits(resource, server)
    if reason is not None:
        raise ValidationFailed({"destination_uuid": [reason]})
    return destination


async def _may_have_run(resource: Any) -> bool:
    return resource.status_at is not None or await resource.latest_deployment() is not None


async def _copy(
    session: AsyncSession, caller: Caller, resource: Any, name: str, destination: StandaloneDocker
) -> DeployableMixin:
    kept = set(inspect(type(resource)).column_attrs.keys()) - _OF_THE_ROW - _OF_THE_FIRST
    columns = {key: getattr(resource, key) for key in kept}
    columns |= {"name": name, "server_id": destination.server_id, "destination_id": destination.id}
    copy: DeployableMixin = type(resource)(**columns)
    session.add(copy)
    await session.flush()
    ours = {"team_id": caller.team_id, "resource_type": copy.resource_type, "resource_id": copy.id}
    flags = ("key", "value", "comment", "is_literal", "is_multiline", "is_shown_once")
    for variable in await VariableRepository(session).of_resource(resource):
        session.add(EnvironmentVariable(**ours, **{flag: getattr(variable, flag) for flag in flags}))
        await session.flush()  # one after the other: a later one may refer to an earlier
    tags = await TagRepository(session).of_resource(resource)
    await TagRepository(session).put_on(caller.team_id, copy, [tag.name for tag in tags])
    return copy
