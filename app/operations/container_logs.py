"""What the containers of a resource have printed, read from its server now and redacted."""

import asyncio
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.compose.commands import docker_by_sudo
from app.compose.plan import ServerFacts
from app.compose_services.part_routes import find_part
from app.compose_services.parts import PartKind
from app.compose_services.repository import ServiceRepository
from app.databases.lookup import found_database
from app.errors import InvalidRequest, answers
from app.kit.redaction import Redactor
from app.kit.schema import ResponseSchema
from app.models.resource import DeployableMixin, current_secrets
from app.postgres import Session
from app.remote.command import quote
from app.remote.errors import RemoteError
from app.servers.repository import load_access

log = structlog.get_logger(__name__)

router = APIRouter()

Reader = Annotated[Caller, Depends(require("read"))]
Lines = Annotated[int, Query(ge=1, le=10_000, description="So many of the last lines of each container.")]
Timestamps = Annotated[bool, Query(description="Begin each line with its time.")]

_MOST_BYTES = 4 * 1024 * 1024
_READ_SECONDS = 15.0
_NONE = 44
"""Exit code of the script when there is no container."""


class ContainerLogs(ResponseSchema):
    """What containers have printed."""

    logs: str = Field(description="At most 4 MiB, the last ones.", examples=["ready to accept connections\n"])


@router.get(
    "/services/{uuid}/logs",
    operation_id="get-service-logs-by-uuid",
    summary="Read what a container of a service has printed",
    tags=["Services"],
    responses=answers(400, 401, 403, 404, 422),
)
async def get_service_logs(
    request: Request,
    session: Session,
    caller: Reader,
    uuid: str,
    sub_service_name: Annotated[
        str, Query(min_length=1, max_length=255, description="Its name in the Compose file.", examples=["web"])
    ],
    lines: Lines = 100,
    show_timestamps: Timestamps = False,
) -> ContainerLogs:
    """Redacted. Also of a container that has ended; 400 when there is none, or its server does not answer."""
    service = await ServiceRepository(session).found(caller.team_id, uuid)
    labels = {"project": uuid, "service": sub_service_name}
    return await _read(request, session, service, "Service", _options(lines, show_timestamps=show_timestamps), labels)


@router.get(
    "/databases/{uuid}/logs",
    operation_id="get-database-logs-by-uuid",
    summary="Read what the container of a database has printed",
    tags=["Databases"],
    responses=answers(400, 401, 403, 404, 422),
)
async def get_database_logs(
    request: Request,
    session: Session,
    caller: Reader,
    uuid: str,
    lines: Lines = 100,
    show_timestamps: Timestamps = False,
) -> ContainerLogs:
    """Redacted. Also of a container that has ended; 400 when there is none, or its server does not answer."""
    database = await found_database(session, caller.team_id, uuid)
    return await _read(
        request, session, database, "Database", _options(lines, show_timestamps=show_timestamps), {"project": uuid}
    )


@router.get(
    "/services/{uuid}/applications/{app_uuid}/logs",
    operation_id="get-service-application-logs-by-service-and-app-uuid",
    summary="Read what an application of a service has printed",
    tags=["Services"],
    responses=answers(400, 401, 403, 404, 422),
)
@router.post(
    "/services/{uuid}/applications/{app_uuid}/logs",
    operation_id="post-service-application-logs-by-service-and-app-uuid",
    summary="Read what an application of a service has printed, by POST",
    tags=["Services"],
    responses=answers(400, 401, 403, 404, 422),
)
async def get_application_logs(
    request: Request, session: Session, caller: Reader, uuid: str, app_uuid: str, lines: Lines = 100
) -> ContainerLogs:
    """Redacted. Also of a container that has ended; 400 when there is none, or its server does not answer."""
    return await _read_part(request, session, caller, uuid, app_uuid, "application", lines)


@router.get(
    "/services/{uuid}/databases/{database_uuid}/logs",
    operation_id="get-service-database-logs-by-service-and-database-uuid",
    summary="Read what a database of a service has printed",
    tags=["Services"],
    responses=answers(400, 401, 403, 404, 422),
)
async def get_service_database_logs(
    request: Request, session: Session, caller: Reader, uuid: str, database_uuid: str, lines: Lines = 100
) -> ContainerLogs:
    """Redacted. Also of a container that has ended; 400 when there is none, or its server does not answer."""
    return await _read_part(request, session, caller, uuid, database_uuid, "database", lines)


async def _read_part(
    request: Request,
    session: AsyncSession,
    caller: Caller,
    uuid: str,
    part_uuid: str,
    kind: PartKind,
    lines: int,
) -> ContainerLogs:
    service, part = await find_part(session, caller, uuid, part_uuid, kind)
    labels = {"project": uuid, "service": part.name}
    return await _read(request, session, service, "Service", _options(lines, show_timestamps=False), labels)


def _options(lines: int, *, show_timestamps: bool) -> str:
    return f"--tail {lines}" + (" --timestamps" if show_timestamps else "")


def _script(facts: ServerFacts, options: str, labels: dict[str, str]) -> str:
    filters = " ".join(f"--filter {quote(f'label=com.docker.compose.{key}={value}')}" for key, value in labels.items())
    return (
        f"{{\n{docker_by_sudo(facts)}containers=$(docker ps --all --quiet {filters}) || exit\n"
        f'[ -n "$containers" ] || exit {_NONE}\n'
        f'for container in $containers; do docker logs {options} "$container" 2>&1; done | tail -c {_MOST_BYTES}\n'
        "} </dev/null\n"
    )


async def _read(
    request: Request,
    session: AsyncSession,
    resource: DeployableMixin,
    noun: Literal["Service", "Database"],
    options: str,
    labels: dict[str, str],
) -> ContainerLogs:
    """Ends the session's transaction before the server is asked; nothing may have been changed in it."""
    secrets = await current_secrets(resource, request.app.state.settings.secret_name_pattern)
    access = await load_access(session, resource.server_id)
    await session.commit()
    if access is None or not access.is_validated:
        raise InvalidRequest("The server has not been validated: validate it first.")
    script = _script(ServerFacts(access.data_folder, docker_needs_sudo=access.docker_needs_sudo), options, labels)
    try:
        async with asyncio.timeout(_READ_SECONDS):
            host = await request.app.state.hosts.get(access.address)
            completed = await host.run("sh", stdin=script.encode(), timeout=_READ_SECONDS)
    except (RemoteError, TimeoutError) as error:
        log.info("a server does not answer", server_id=access.server_id, error=type(error).__name__)
        raise InvalidRequest("The server does not answer: validate it, or try again shortly.") from None
    if completed.exit_code == _NONE:
        raise InvalidRequest(f"{noun} is not running.")
    if completed.exit_code != 0:
        raise InvalidRequest("Docker does not answer on the server: validate it, or try again shortly.")
    text = completed.stdout.decode(errors="replace").replace("\0", "")
    return ContainerLogs(logs=await asyncio.to_thread(Redactor(secrets).redact, text))
