"""Databases over the API: list, create per type, read, change, and their variables; stop and delete are operations."""

import secrets
import string
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.compose.plan import PlanError
from app.compose.run_options import parse_run_options, refuse_powers
from app.databases.definition import DatabaseDefinition
from app.databases.lookup import (
    certificate_ends,
    databases_of_team,
    find_database,
    found_database,
    is_public_port_taken,
)
from app.databases.presenting import asked_columns, present, urls_of
from app.databases.registry import DEFINITIONS, definition_of
from app.databases.repository import lock_server, may_have_started
from app.databases.schemas import SCHEMAS, AnyDatabase, DatabaseSchemas, DatabaseUpdate
from app.databases.schemas.every_type import DatabaseCreate, DatabaseCreated, DatabaseFields
from app.errors import InvalidRequest, ValidationFailed, answers
from app.kit.answers import MessageAnswer
from app.kit.ids import new_uuid
from app.models.resource import secret_columns
from app.models.server import Server
from app.models.standalone.columns import StandaloneMixin
from app.postgres import Session
from app.projects.clone_routes import add_clone_routes
from app.projects.env_routes import add_env_routes
from app.projects.instant_deploy import InstantDeploy
from app.projects.move_routes import add_move_route
from app.projects.placing import Place, place_resource
from app.projects.tags.repository import TagRepository
from app.projects.tags.routes import add_tag_routes

router = APIRouter(tags=["Databases"])

Reader = Annotated[Caller, Depends(require("read"))]
Writer = Annotated[Caller, Depends(require("write"))]

_LETTERS_AND_DIGITS = string.ascii_letters + string.digits


@router.get(
    "/databases",
    operation_id="list-databases",
    summary="List databases",
    response_model_exclude_unset=True,
    responses=answers(401, 403),
)
async def list_databases(session: Session, caller: Reader) -> list[AnyDatabase]:
    """Return every database of the team, of every type, oldest first."""
    databases = await databases_of_team(session, caller.team_id)
    return await _presented(session, caller, databases)


def _add_create_route(definition: DatabaseDefinition, schemas: DatabaseSchemas) -> None:
    async def create_database(
        request: Request, session: Session, caller: Writer, body: Any, queue_deployment: InstantDeploy
    ) -> DatabaseCreated:
        """Make a database. What is left out gets its default, passwords 64 random letters and digits.

        Nothing runs until it is started or deployed. The URLs hold the password.
        """
        place = await _place(session, caller, body)
        database = await _create(session, definition, place, body)
        await TagRepository(session).put_on(caller.team_id, database, body.tags or ())
        if body.instant_deploy:
            await queue_deployment(request, session, caller, database)
        return DatabaseCreated(uuid=database.uuid, **urls_of(database, place.server.ip))

    # Each type has a body of its own, which only the registry knows.
    create_database.__annotations__["body"] = schemas.create
    router.add_api_route(
        f"/databases/{definition.slug}",
        create_database,
        methods=["POST"],
        operation_id=f"create-database-{definition.slug}",
        summary=f"Create a {definition.title} database",
        status_code=201,
        response_model_exclude_unset=True,
        responses=answers(400, 401, 403, 404, 413, 422, 429),
    )


for _definition in DEFINITIONS.values():
    _add_create_route(_definition, SCHEMAS[_definition.type])


@router.get(
    "/databases/{uuid}",
    operation_id="get-database-by-uuid",
    summary="Get a database",
    response_model_exclude_unset=True,
    responses=answers(401, 403, 404),
)
async def get_database(session: Session, caller: Reader, uuid: str) -> AnyDatabase:
    """Return one database; password, URLs and files only with `read:sensitive`."""
    (answer,) = await _presented(session, caller, [await found_database(session, caller.team_id, uuid)])
    return answer


@router.patch(
    "/databases/{uuid}",
    operation_id="update-database-by-uuid",
    summary="Change a database",
    responses=answers(400, 401, 403, 404, 413, 422, 429),
)
async def update_database(
    request: Request, session: Session, caller: Writer, uuid: str, body: DatabaseUpdate, queue_deployment: InstantDeploy
) -> MessageAnswer:
    """Change what is named. What runs, and what is being deployed, stays as it was until the next deployment.

    What its image reads only when it initialises an empty data folder is fixed once it may have started: a later change
    would be true here and nowhere else. So it is with user, password and name of PostgreSQL, MySQL, MariaDB and MongoDB,
    with PostgreSQL's initdb arguments and authentication method, and with the name of ClickHouse's.
    """
    database = await found_database(session, caller.team_id, uuid, for_update=True)
    asked = asked_columns(_of_type(SCHEMAS[database.resource_type], body), type(database))
    changed = {name: value for name, value in asked.items() if getattr(database, name) != value}
    await _refuse_fixed(session, database, changed)
    for name, value in changed.items():
        setattr(database, name, value)
    if "custom_docker_run_options" in changed:
        await _check_powers(database, database.server)
    if changed.keys() & {"is_public", "public_port"}:
        await _check_public_port(session, database)
    await session.flush()
    if body.instant_deploy:
        await queue_deployment(request, session, caller, database)
    return MessageAnswer(message="Database updated.")


async def _why_unfit(database: StandaloneMixin, server: Server) -> str | None:
    if server.settings.allow_host_paths:
        return None
    try:
        refuse_powers(parse_run_options(database.custom_docker_run_options))
    except PlanError as error:
        return str(error)
    return None


add_env_routes(router, noun="database", find=find_database)
add_tag_routes(router, noun="database", find=find_database)
add_move_route(router, noun="database", find=find_database)
add_clone_routes(router, noun="database", find=find_database, fits=_why_unfit)


async def _place(session: AsyncSession, caller: Caller, body: DatabaseCreate) -> Place:
    return await place_resource(
        session,
        caller.team_id,
        project_uuid=body.project_uuid,
        environment_name=body.environment_name,
        environment_uuid=body.environment_uuid,
        server_uuid=body.server_uuid,
        destination_uuid=body.destination_uuid,
    )


async def _create(
    session: AsyncSession, definition: DatabaseDefinition, place: Place, body: DatabaseCreate
) -> StandaloneMixin:
    uuid = new_uuid()
    columns: dict[str, Any] = {
        "uuid": uuid,
        "environment_id": place.environment.id,
        "server_id": place.server.id,
        "destination_id": place.destination.id,
        "name": f"{definition.slug}-database-{uuid}",
        "image": definition.default_image,
        "is_public": False,
        **{column: _new_password() for column in secret_columns(definition.model)},
        **{name: value for name, value in asked_columns(body, definition.model).items() if value is not None},
    }
    database = definition.model(**columns)
    await _check_powers(database, place.server)
    await _check_public_port(session, database)
    session.add(database)
    await session.flush()
    return database


def _new_password() -> str:
    return "".join(secrets.choice(_LETTERS_AND_DIGITS) for _ in range(64))


async def _presented(session: AsyncSession, caller: Caller, databases: Sequence[StandaloneMixin]) -> list[AnyDatabase]:
    ends = await certificate_ends(session, databases)
    return [
        present(one, with_secrets=caller.can_read_sensitive, certificate_valid_until=ends.get(one.uuid))
        for one in databases
    ]


def _of_type(schemas: DatabaseSchemas, body: DatabaseUpdate) -> DatabaseFields:
    """Return the body as the database's own type reads it; raise the same error as for any other body."""
    try:
        return schemas.update.model_validate(body.model_dump(exclude_unset=True))
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None


async def _refuse_fixed(session: AsyncSession, database: StandaloneMixin, changed: dict[str, Any]) -> None:
    definition = definition_of(database.resource_type)
    fixed = sorted(changed.keys() & definition.fixed)
    if not fixed or not await may_have_started(session, database):
        return
    text = (
        f"{definition.title} reads this only when it initialises an empty data folder, and this database has been started "
        "or is about to be. Change it inside the database, or create a new one."
    )
    raise ValidationFailed({name: [text] for name in fixed})


async def _check_powers(database: StandaloneMixin, server: Server) -> None:
    reason = await _why_unfit(database, server)
    if reason is not None:
        raise ValidationFailed({"custom_docker_run_options": [reason]})


async def _check_public_port(session: AsyncSession, database: StandaloneMixin) -> None:
    """Refuse a public database without a port, or with one that another one of the server has."""
    if not database.is_public:
        return
    if database.public_port is None:
        raise ValidationFailed({"public_port": ["A public database needs a public_port from 1024 to 65535."]})
    await lock_server(session, database.server_id)
    if await is_public_port_taken(session, database.server_id, database.public_port, other_than=database):
        raise InvalidRequest("Public port already used by another database.")
