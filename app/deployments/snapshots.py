"""The configuration snapshot of a deployment: everything its plan needs, as it was when it was asked for.

Plan, files and redaction set come only from here, so a change during the run changes the next one.
"""

import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.inspection import inspect

from app.databases.certificates import certificate_for_start
from app.databases.registry import definition_of
from app.databases.snapshot import SnapshotTls
from app.deployments.kinds import AnyQueue, Kind
from app.deployments.repository import find_with_snapshot, registry_credentials_of, server_settings_of
from app.errors import Conflict, NotFound
from app.kit.encryption import DecryptionError
from app.models.destination import StandaloneDocker
from app.models.environment import Environment
from app.models.project import Project
from app.models.resource import DeployableMixin, current_secrets
from app.models.server import Server, ServerSetting
from app.models.service import Service
from app.models.standalone.columns import StandaloneMixin
from app.projects.variables import resolved_variables

_LATER = SnapshotTls(
    authority="Known when it is deployed.", certificate="Made or renewed then.", private_key="", note=""
)
_LETTERS = string.ascii_letters
_NOT_CONFIGURATION = {"id", "uuid", "status", "status_at", "created_at", "updated_at", "deleted_at", "config_hash"}


async def find_kept(
    session: AsyncSession, team_id: int, deployment_uuid: str, kinds: Sequence[Kind]
) -> tuple[Kind, AnyQueue]:
    """Return a deployment of the team with the snapshot that is kept of it; raises NotFound, or Conflict without one."""
    try:
        found = await find_with_snapshot(session, team_id, deployment_uuid, kinds)
    except DecryptionError as error:
        raise Conflict(f"The configuration of the deployment {deployment_uuid} cannot be read. {error}") from error
    if found is None:
        raise NotFound("Deployment not found.")
    if not found[1].configuration_snapshot:
        raise Conflict(f"No configuration of the deployment {deployment_uuid} is kept.")
    return found


@dataclass(frozen=True)
class Placement:
    """Where a resource lives: the rows around it."""

    server: Server
    settings: ServerSetting
    destination: StandaloneDocker
    environment: Environment
    project: Project


async def placement_of(session: AsyncSession, resource: DeployableMixin) -> Placement:
    """Return the rows around a resource, from the session's identity map where they are there."""
    server = await session.get_one(Server, resource.server_id)
    environment = await session.get_one(Environment, resource.environment_id)
    return Placement(
        server=server,
        settings=await server_settings_of(session, server.id),
        destination=await session.get_one(StandaloneDocker, resource.destination_id),
        environment=environment,
        project=await session.get_one(Project, environment.project_id),
    )


async def snapshot_of_service(
    session: AsyncSession, service: Service, placement: Placement, *, pull_latest_images: bool, stop_before_start: bool
) -> dict[str, Any]:
    """Return the snapshot of a service; raises ValidationFailed for an undefined shared variable."""
    common = await _common(session, service, placement)
    return {
        **common,
        "kind": "service",
        "compose": service.docker_compose_raw,
        "connect_to_network": service.connect_to_docker_network,
        "allow_host_paths": placement.settings.allow_host_paths,
        "pull_latest_images": pull_latest_images,
        "stop_before_start": stop_before_start,
    }


async def snapshot_of_database(
    session: AsyncSession,
    database: StandaloneMixin,
    placement: Placement,
    *,
    columns: Mapping[str, Any],
    with_certificate: bool = True,
) -> dict[str, Any]:
    """Return the snapshot of a database; raises ValidationFailed for an undefined shared variable.

    `columns` are the row's, or those that a rollback deploys. `with_certificate`: the certificate of a database
    with `enable_ssl` is made or renewed here, and the row of the server must be locked.
    """
    common = await _common(session, database, placement)
    definition = definition_of(database.resource_type)
    urls = {definition.internal_url(columns, database.uuid)}
    if columns["is_public"] and columns["public_port"] is not None:
        urls.add(definition.external_url(columns, placement.server.ip, columns["public_port"]))
    tls: SnapshotTls | None = None
    if definition.tls is not None and columns.get("enable_ssl"):
        tls = await certificate_for_start(session, database, placement.server) if with_certificate else _LATER
    return {
        **common,
        "kind": "database",
        "type": database.resource_type,
        "columns": dict(columns),
        "allow_host_paths": placement.settings.allow_host_paths,
        "tls": tls.model_dump() if tls else None,
        "secrets": sorted({*common["secrets"], *urls, *(tls.secrets if tls else ())}),
    }


def columns_of(database: StandaloneMixin) -> dict[str, Any]:
    """Return the columns of a database that are its configuration."""
    return {
        attribute.key: getattr(database, attribute.key)
        for attribute in inspect(type(database)).column_attrs
        if attribute.key not in _NOT_CONFIGURATION and not attribute.key.endswith("_id")
    }


async def _common(session: AsyncSession, resource: DeployableMixin, placement: Placement) -> dict[str, Any]:
    variables = await resolved_variables(session, resource)
    registries = await registry_credentials_of(session, placement.project.team_id)
    locked = {variable.value for variable in variables if variable.is_shown_once and variable.value}
    locked |= {part for variable in variables for part in variable.locked_parts}
    known = {*locked, *await current_secrets(resource), *(registry.password for registry in registries)}
    return {
        "uuid": resource.uuid,
        "name": resource.name,
        "project": placement.project.name,
        "environment": placement.environment.name,
        "env": [
            {
                "key": variable.key,
                "value": variable.value or "",
                "is_literal": variable.is_literal,
                "is_multiline": variable.is_multiline,
                "is_shown_once": variable.is_shown_once,
            }
            for variable in variables
        ],
        "network": placement.destination.network,
        "registries": [
            {"registry": registry.registry_host, "username": registry.username, "password": registry.password}
            for registry in registries
        ],
        "secrets": sorted(known),
        # Framing of the step markers: nobody who only sees the output can forge one.
        "nonce": "".join(secrets.choice(_LETTERS) for _ in range(24)),
    }
