"""Shared variables over the API, the same below a team, a project, an environment and a server."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends

from app.auth.dependencies import Caller, require
from app.errors import Conflict, NotFound, answers
from app.kit.answers import MessageAnswer
from app.kit.constraints import taken_as
from app.models.shared_variable import SharedEnvironmentVariable
from app.postgres import Session
from app.projects.env_schemas import SharedVariableUpdate, VariableAnswer, VariableCreate
from app.projects.repository import EnvironmentRepository, ProjectRepository, SharedVariableRepository
from app.projects.variables import change_variable
from app.servers.repository import ServerRepository

router = APIRouter(tags=["Shared variables"])

Reader = Annotated[Caller, Depends(require("read"))]
Writer = Annotated[Caller, Depends(require("write"))]
Anyone = Annotated[Caller, Depends(require("read", "write"))]

_UNIQUE = "uq_shared_environment_variables_scope"
_OWNER = "fk_shared_environment_variables_"


@dataclass(frozen=True)
class Scope:
    """Whose variables: the values of the columns that pick them."""

    type: Literal["team", "project", "environment", "server"]
    team_id: int
    owner: dict[str, int] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, Any]:
        """What every row of the scope has."""
        return {"team_id": self.team_id, "type": self.type, **self.owner}


async def _of_team(caller: Anyone) -> Scope:
    return Scope("team", caller.team_id)


async def _of_project(session: Session, caller: Anyone, uuid: str) -> Scope:
    project = await ProjectRepository(session).get(caller.team_id, uuid)
    if project is None:
        raise NotFound("Project not found.")
    return Scope("project", caller.team_id, {"project_id": project.id})


async def _of_environment(session: Session, caller: Anyone, uuid: str, environment_name_or_uuid: str) -> Scope:
    project = await ProjectRepository(session).get(caller.team_id, uuid)
    if project is None:
        raise NotFound("Project not found.")
    environment = await EnvironmentRepository(session).find(project, environment_name_or_uuid)
    if environment is None:
        raise NotFound("Environment not found.")
    return Scope("environment", caller.team_id, {"environment_id": environment.id})


async def _of_server(session: Session, caller: Anyone, uuid: str) -> Scope:
    server = await ServerRepository(session).get(caller.team_id, uuid)
    if server is None:
        raise NotFound("Server not found.")
    return Scope("server", caller.team_id, {"server_id": server.id})


def _add_routes(noun: str, path: str, find: Callable[..., Awaitable[Scope]]) -> None:
    scope_of = Depends(find)

    @router.get(
        path,
        operation_id=f"list-{noun}-shared-envs",
        summary=f"List the shared variables of a {noun}",
        responses=answers(401, 403, 404),
        response_model_exclude_unset=True,
    )
    async def list_shared(session: Session, caller: Reader, scope: Annotated[Scope, scope_of]) -> list[VariableAnswer]:
        """Values are shown with `read:sensitive`; those of locked variables never."""
        found = await SharedVariableRepository(session).of_scope(scope.columns)
        return [VariableAnswer.of(variable, with_secrets=caller.can_read_sensitive) for variable in found]

    @router.post(
        path,
        operation_id=f"create-{noun}-shared-env",
        summary=f"Create a shared variable of a {noun}",
        status_code=201,
        responses=answers(401, 403, 404, 409, 422),
        response_model_exclude_unset=True,
    )
    async def create_shared(
        session: Session, caller: Writer, scope: Annotated[Scope, scope_of], body: VariableCreate
    ) -> VariableAnswer:
        """Deployments that are asked for from now on use it where a value names it."""
        variable = SharedEnvironmentVariable(**scope.columns, **body.model_dump())
        # Its owner may have been deleted since it was looked up.
        with taken_as(_UNIQUE, _taken()), taken_as(_OWNER, NotFound(f"{noun.capitalize()} not found.")):
            await SharedVariableRepository(session).add(variable)
        return VariableAnswer.of(variable, with_secrets=caller.can_read_sensitive)

    @router.patch(
        f"{path}/{{env_id}}",
        operation_id=f"update-{noun}-shared-env",
        summary=f"Change a shared variable of a {noun}",
        responses=answers(401, 403, 404, 409, 422),
        response_model_exclude_unset=True,
    )
    async def update_shared(
        session: Session, caller: Writer, scope: Annotated[Scope, scope_of], env_id: str, body: SharedVariableUpdate
    ) -> VariableAnswer:
        """What is left out stays. `env_id` is the variable's uuid."""
        variable = await _found(session, scope, env_id)
        change_variable(variable, body.model_dump(exclude_unset=True, exclude={"key"}))
        variable.key = body.key or variable.key
        with taken_as(_UNIQUE, _taken()):
            await session.flush()
        return VariableAnswer.of(variable, with_secrets=caller.can_read_sensitive)

    @router.delete(
        f"{path}/{{env_id}}",
        operation_id=f"delete-{noun}-shared-env",
        summary=f"Delete a shared variable of a {noun}",
        responses=answers(401, 403, 404),
    )
    async def delete_shared(
        session: Session, caller: Writer, scope: Annotated[Scope, scope_of], env_id: str
    ) -> MessageAnswer:
        """What still names it cannot be deployed any more. `env_id` is the variable's uuid."""
        del caller
        await SharedVariableRepository(session).delete(await _found(session, scope, env_id))
        return MessageAnswer(message="Environment variable deleted.")


async def _found(session: Session, scope: Scope, uuid: str) -> SharedEnvironmentVariable:
    variable = await SharedVariableRepository(session).get(scope.columns, uuid)
    if variable is None:
        raise NotFound("Environment variable not found.")
    return variable


def _taken() -> Conflict:
    return Conflict("Environment variable already exists. Use PATCH request to update it.")


_add_routes("team", "/team/envs", _of_team)
_add_routes("project", "/projects/{uuid}/envs", _of_project)
_add_routes("environment", "/projects/{uuid}/environments/{environment_name_or_uuid}/envs", _of_environment)
_add_routes("server", "/servers/{uuid}/envs", _of_server)
