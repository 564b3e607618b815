"""Projects and their environments over the API, and the one router of this package."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.auth.dependencies import Caller, require
from app.errors import Conflict, InvalidRequest, NotFound, answers
from app.kit.answers import MessageAnswer, UuidAnswer
from app.kit.constraints import taken_as
from app.models.environment import Environment
from app.models.project import Project
from app.postgres import Session
from app.projects import shared_env_routes
from app.projects.repository import (
    EnvironmentRepository,
    ProjectRepository,
    has_resources,
    resources_of_environment,
    resources_of_team,
)
from app.projects.schemas import (
    ChangedAnswer,
    EnvironmentAnswer,
    EnvironmentCreate,
    EnvironmentItem,
    EnvironmentUpdate,
    ProjectAnswer,
    ProjectCreate,
    ProjectItem,
    ProjectUpdate,
    ResourceAnswer,
    by_type,
)
from app.projects.tags import routes as tags

projects = APIRouter(tags=["Projects"])

Reader = Annotated[Caller, Depends(require("read"))]
Writer = Annotated[Caller, Depends(require("write"))]

_UNIQUE = "uq_environments_project_id_name"
FIRST_ENVIRONMENT = "production"


@projects.get("/projects", operation_id="list-projects", summary="List projects", responses=answers(401, 403))
async def list_projects(session: Session, caller: Reader) -> list[ProjectItem]:
    """Return every project of the team, oldest first."""
    projects = await ProjectRepository(session).of_team(caller.team_id)
    return [ProjectItem.model_validate(project) for project in projects]


@projects.post(
    "/projects",
    operation_id="create-project",
    summary="Create a project",
    status_code=201,
    responses=answers(400, 401, 403, 422),
)
async def create_project(session: Session, caller: Writer, body: ProjectCreate) -> UuidAnswer:
    """Make a project with an environment `production`."""
    project = await ProjectRepository(session).add(Project(team_id=caller.team_id, **body.model_dump()))
    await EnvironmentRepository(session).add(Environment(project_id=project.id, name=FIRST_ENVIRONMENT))
    return UuidAnswer(uuid=project.uuid)


@projects.get(
    "/projects/{uuid}", operation_id="get-project-by-uuid", summary="Get a project", responses=answers(401, 403, 404)
)
async def get_project(session: Session, caller: Reader, uuid: str) -> ProjectAnswer:
    """Return one project with its environments."""
    return ProjectAnswer.model_validate(await _project(session, caller, uuid))


@projects.patch(
    "/projects/{uuid}",
    operation_id="update-project-by-uuid",
    summary="Change a project",
    status_code=201,
    responses=answers(400, 401, 403, 404, 422),
)
async def update_project(session: Session, caller: Writer, uuid: str, body: ProjectUpdate) -> ChangedAnswer:
    """Change what is named."""
    project = await _project(session, caller, uuid)
    _change(project, body)
    await session.flush()
    return ChangedAnswer.model_validate(project)


@projects.delete(
    "/projects/{uuid}",
    operation_id="delete-project-by-uuid",
    summary="Delete a project",
    responses=answers(400, 401, 403, 404),
)
async def delete_project(session: Session, caller: Writer, uuid: str) -> MessageAnswer:
    """Delete a project without resources, and its environments."""
    project = await _project(session, caller, uuid, for_update=True)
    await EnvironmentRepository(session).lock_all(project)
    if await has_resources(session, project_id=project.id):
        raise InvalidRequest("Project has resources, so it cannot be deleted.")
    await ProjectRepository(session).delete(project)
    return MessageAnswer(message="Project deleted.")


@projects.get(
    "/resources",
    operation_id="list-resources",
    summary="List resources",
    tags=["Resources"],
    responses=answers(401, 403),
)
async def list_resources(session: Session, caller: Reader) -> list[ResourceAnswer]:
    """Return every service and database of the team, oldest first."""
    return [ResourceAnswer.model_validate(row) for row in await resources_of_team(session, caller.team_id)]


@projects.get(
    "/projects/{uuid}/environments",
    operation_id="get-environments",
    summary="List the environments of a project",
    responses=answers(401, 403, 404),
)
async def list_environments(session: Session, caller: Reader, uuid: str) -> list[EnvironmentItem]:
    """Return every environment of the project, oldest first."""
    project = await _project(session, caller, uuid)
    return [EnvironmentItem.model_validate(environment) for environment in project.environments]


@projects.post(
    "/projects/{uuid}/environments",
    operation_id="create-environment",
    summary="Create an environment",
    status_code=201,
    responses=answers(400, 401, 403, 404, 409, 422),
)
async def create_environment(session: Session, caller: Writer, uuid: str, body: EnvironmentCreate) -> UuidAnswer:
    """Make an environment; its name is unique in the project."""
    project = await _project(session, caller, uuid, for_update=True)
    environment = Environment(project_id=project.id, **body.model_dump())
    with taken_as(_UNIQUE, _taken()):
        await EnvironmentRepository(session).add(environment)
    return UuidAnswer(uuid=environment.uuid)


@projects.get(
    "/projects/{uuid}/{environment_name_or_uuid}",
    operation_id="get-environment-by-name-or-uuid",
    summary="Get an environment",
    responses=answers(401, 403, 404),
)
async def get_environment(
    session: Session, caller: Reader, uuid: str, environment_name_or_uuid: str
) -> EnvironmentAnswer:
    """Return one environment with its services and databases."""
    project = await _project(session, caller, uuid)
    environment = await _environment(session, project, environment_name_or_uuid)
    rows = await resources_of_environment(session, environment.id)
    resources = [ResourceAnswer.model_validate(row) for row in rows]
    return EnvironmentAnswer(
        id=environment.id,
        uuid=environment.uuid,
        name=environment.name,
        description=environment.description,
        project_uuid=project.uuid,
        resources=resources,
        **by_type(resources),
        created_at=environment.created_at,
        updated_at=environment.updated_at,
    )


@projects.patch(
    "/projects/{uuid}/environments/{environment_name_or_uuid}",
    operation_id="update-environment",
    summary="Change an environment",
    responses=answers(400, 401, 403, 404, 409, 422),
)
async def update_environment(
    session: Session, caller: Writer, uuid: str, environment_name_or_uuid: str, body: EnvironmentUpdate
) -> ChangedAnswer:
    """Change what is named."""
    environment = await _environment(session, await _project(session, caller, uuid), environment_name_or_uuid)
    _change(environment, body)
    with taken_as(_UNIQUE, _taken()):
        await session.flush()
    return ChangedAnswer.model_validate(environment)


@projects.delete(
    "/projects/{uuid}/environments/{environment_name_or_uuid}",
    operation_id="delete-environment",
    summary="Delete an environment",
    responses=answers(400, 401, 403, 404),
)
async def delete_environment(
    session: Session, caller: Writer, uuid: str, environment_name_or_uuid: str
) -> MessageAnswer:
    """Delete an environment without resources."""
    project = await _project(session, caller, uuid)
    environment = await _environment(session, project, environment_name_or_uuid, for_update=True)
    if await has_resources(session, environment_id=environment.id):
        raise InvalidRequest("Environment has resources, so it cannot be deleted.")
    await EnvironmentRepository(session).delete(environment)
    return MessageAnswer(message="Environment deleted.")


router = APIRouter()
# First, because an environment's name could be `envs` as well.
router.include_router(shared_env_routes.router)
router.include_router(projects)
router.include_router(tags.router)


def _taken() -> Conflict:
    return Conflict("Environment with this name already exists.")


def _change(row: Project | Environment, body: ProjectUpdate | EnvironmentUpdate) -> None:
    if body.name is not None:
        row.name = body.name
    if "description" in body.model_fields_set:
        row.description = body.description


async def _project(session: Session, caller: Caller, uuid: str, *, for_update: bool = False) -> Project:
    project = await ProjectRepository(session).get(caller.team_id, uuid, for_update=for_update)
    if project is None:
        raise NotFound("Project not found.")
    return project


async def _environment(
    session: Session, project: Project, name_or_uuid: str, *, for_update: bool = False
) -> Environment:
    environment = await EnvironmentRepository(session).find(project, name_or_uuid, for_update=for_update)
    if environment is None:
        raise NotFound("Environment not found.")
    return environment
