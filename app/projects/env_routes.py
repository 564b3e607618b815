"""The `/envs` routes, the same for services and databases: list, create, change, change many, delete."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.errors import Conflict, InvalidRequest, NotFound, answers
from app.kit.answers import MessageAnswer
from app.models.environment_variable import EnvironmentVariable
from app.models.resource import DeployableMixin
from app.postgres import Session
from app.projects.env_schemas import (
    VariableAnswer,
    VariableCreate,
    VariablesUpdate,
    VariableUpdate,
)
from app.projects.repository import VariableRepository, team_id_of
from app.projects.variables import FLAGS, change_variable

Reader = Annotated[Caller, Depends(require("read"))]
Writer = Annotated[Caller, Depends(require("write"))]
Find = Callable[[AsyncSession, int, str], Awaitable[DeployableMixin | None]]


def add_env_routes(router: APIRouter, *, noun: Literal["service", "database"], find: Find) -> None:
    """Add the routes below `/services|databases/{uuid}/envs` to the router of services or databases.

    `find(session, team_id, uuid)` returns the team's resource, or None.
    """

    path = f"/{noun}s/{{uuid}}/envs"

    async def found(session: AsyncSession, caller: Caller, uuid: str) -> DeployableMixin:
        resource = await find(session, caller.team_id, uuid)
        if resource is None:
            raise NotFound(f"{noun.capitalize()} not found.")
        return resource

    async def locked(session: AsyncSession, caller: Caller, uuid: str) -> DeployableMixin:
        resource = await found(session, caller, uuid)
        if not await VariableRepository(session).lock(resource):
            raise NotFound(f"{noun.capitalize()} not found.")
        return resource

    @router.get(
        path,
        operation_id=f"list-envs-by-{noun}-uuid",
        summary=f"List the environment variables of a {noun}",
        responses=answers(401, 403, 404),
        response_model_exclude_unset=True,
    )
    async def list_envs(session: Session, caller: Reader, uuid: str) -> list[VariableAnswer]:
        """Values are shown with `read:sensitive`; those of locked variables never."""
        variables = await VariableRepository(session).of_resource(await found(session, caller, uuid))
        return _present(caller, variables)

    @router.post(
        path,
        operation_id=f"create-env-by-{noun}-uuid",
        summary=f"Create an environment variable of a {noun}",
        status_code=201,
        responses=answers(401, 403, 404, 409, 422),
        response_model_exclude_unset=True,
    )
    async def create_env(session: Session, caller: Writer, uuid: str, body: VariableCreate) -> VariableAnswer:
        """It counts from the next deployment on."""
        return _present(caller, [await _create(session, await locked(session, caller, uuid), body)])[0]

    @router.patch(
        path,
        operation_id=f"update-env-by-{noun}-uuid",
        summary=f"Change an environment variable of a {noun}",
        status_code=201,
        responses=answers(401, 403, 404, 422),
        response_model_exclude_unset=True,
    )
    async def update_env(session: Session, caller: Writer, uuid: str, body: VariableUpdate) -> VariableAnswer:
        """The key in the body says which one; what is left out stays."""
        resource = await locked(session, caller, uuid)
        variable = (await VariableRepository(session).with_keys(resource, [body.key])).get(body.key)
        if variable is None:
            raise NotFound("Environment variable not found.")
        change_variable(variable, body.model_dump(exclude_unset=True, exclude={"key"}))
        await session.flush()
        return _present(caller, [variable])[0]

    @router.patch(
        f"{path}/bulk",
        operation_id=f"update-envs-by-{noun}-uuid",
        summary=f"Create or change many environment variables of a {noun}",
        status_code=201,
        responses=answers(400, 401, 403, 404, 422),
        response_model_exclude_unset=True,
    )
    async def update_envs(session: Session, caller: Writer, uuid: str, body: VariablesUpdate) -> list[VariableAnswer]:
        """All of them or, when one is refused, none. Of a key that comes twice the last counts."""
        resource = await locked(session, caller, uuid)
        if not body.data:
            raise InvalidRequest("Bulk data is required.")
        return _present(caller, await _create_or_change(session, resource, body.data))

    @router.delete(
        f"{path}/{{env_uuid}}",
        operation_id=f"delete-env-by-{noun}-uuid",
        summary=f"Delete an environment variable of a {noun}",
        responses=answers(401, 403, 404),
    )
    async def delete_env(session: Session, caller: Writer, uuid: str, env_uuid: str) -> MessageAnswer:
        """It counts from the next deployment on."""
        repository = VariableRepository(session)
        variable = await repository.get(await locked(session, caller, uuid), env_uuid)
        if variable is None:
            raise NotFound("Environment variable not found.")
        await repository.delete(variable)
        return MessageAnswer(message="Environment variable deleted.")


def _present(caller: Caller, variables: Sequence[EnvironmentVariable]) -> list[VariableAnswer]:
    return [VariableAnswer.of(variable, with_secrets=caller.can_read_sensitive) for variable in variables]


async def _create(session: AsyncSession, resource: DeployableMixin, body: VariableCreate) -> EnvironmentVariable:
    repository = VariableRepository(session)
    if await repository.with_keys(resource, [body.key]):
        raise Conflict("Environment variable already exists. Use PATCH request to update it.")
    return await repository.add(_new(resource, await team_id_of(session, resource), **body.model_dump()))


async def _create_or_change(
    session: AsyncSession, resource: DeployableMixin, wanted: Sequence[VariableUpdate]
) -> list[EnvironmentVariable]:
    variables = await VariableRepository(session).with_keys(resource, {one.key for one in wanted})
    team_id = await team_id_of(session, resource)
    for number, one in enumerate(wanted):
        if one.key in variables:
            sent = one.model_dump(exclude_unset=True, exclude={"key"})
            change_variable(variables[one.key], sent, field=f"data.{number}.is_shown_once")
        else:
            variables[one.key] = _new(resource, team_id, **one.model_dump(exclude_none=True))
            session.add(variables[one.key])
    await session.flush()
    return [variables[key] for key in dict.fromkeys(one.key for one in wanted)]


def _new(resource: DeployableMixin, team_id: int, **columns: Any) -> EnvironmentVariable:
    # The column defaults come with the flush, but a bulk request may change a new row before.
    flags = dict.fromkeys(FLAGS, False)
    return EnvironmentVariable(
        team_id=team_id, resource_type=resource.resource_type, resource_id=resource.id, **{**flags, **columns}
    )
