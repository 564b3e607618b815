"""What is there before schemathesis begins: a thing of each kind to use, and one of each kind to delete."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.compose_services.parts import uuid_of
from app.deployments.kinds import DATABASE, SERVICE
from app.deployments.snapshots import columns_of, placement_of, snapshot_of_database, snapshot_of_service
from app.kit.clock import utcnow
from app.kit.ids import new_uuid
from app.models import (
    CertificateAuthority,
    Environment,
    EnvironmentVariable,
    NotificationChannel,
    NotificationDelivery,
    PrivateKey,
    Project,
    RegistryCredential,
    ResourceOperation,
    Server,
    ServerSetting,
    SharedEnvironmentVariable,
    StandaloneDocker,
)
from app.models.service import Service
from app.models.standalone.columns import StandaloneMixin
from app.models.tag import Tag, Taggable
from app.remote.keys import generate_private_key
from tests.deploying import COMPOSE, Place, create_database, create_deployment, create_service
from tests.desk import Desk, in_base64
from tests.integration.this_machine import WILLING

Names = dict[str, list[str]]

_RECEIVER = "https://hooks.invalid/hook"
"""Of a name that there never is."""

_TWO_PARTS = "services: {web: {image: 'registry.example/web:1'}, db: {image: 'postgres:16'}}"
LATER = utcnow() + timedelta(days=1)
# The second one is somebody else's for a day, and the third waits for it: both can be cancelled.
_DEPLOYMENTS: tuple[dict[str, Any], ...] = (
    {"status": "finished"},
    {"status": "in_progress", "lease_owner": "somebody", "lease_until": LATER},
    {"status": "queued"},
)
_DOCKER = """\
case "$*" in
'ps --all --quiet --filter label=com.docker.compose.project') exit 1 ;; # statuses stay what the rows say
'ps --all --quiet --no-trunc '*) ;;
'ps --all --quiet --filter '*'project={0}'*|'ps --all --quiet --filter '*'project={1}'*) echo id; exit ;;
'inspect --format {{"name"'*)
    echo '{{"name":"/web","service":"web","image":"web:1","state":"running","health":"healthy",'\\
'"exit_code":0,"started_at":"2025-10-30T15:29:39Z"}}'
    exit ;;
esac
"""


PART_OPERATIONS = tuple((kind, verb) for kind in ("application", "database") for verb in ("stop", "start", "restart"))
"""What can be done with which part of a service."""


async def sow(desk: Desk) -> Names:
    """Make the rows and return their names, and values that no schema can describe, by what they are."""
    place = desk.place
    async with desk.sessions.begin() as session:
        used, deleted = await _resources(session, place), await _deleted(session, place)
        around, told = await _around(session, place), await _told(session, place)
        parts = await _parts(session, place)
        await session.execute(update(Server).values(validated_at=utcnow()))
    return {
        **used,
        **parts,
        **deleted,
        **around,
        **told,
        "project": [place.project.uuid],
        "environment": ["production"],
        "environment_uuid": [place.environment.uuid],
        "server": [place.server.uuid],
        "destination": [place.destination.uuid],
        "team": [str(place.team.id)],
        "compose": [in_base64(COMPOSE)],
        "private_key": [generate_private_key() for _ in range(20)],
        "host": [f"host-{number}.example" for number in range(50)],
        "registry_host": [f"registry-{number}.example" for number in range(50)],
        "network": [f"network-{number}" for number in range(50)],
        "kept_variable_key": ["KEPT"],
        "new_variable_key": [f"NEW_KEY_{number}" for number in range(50)],
        "variable_key": [f"KEY_{number}" for number in range(50)],
    }


async def _told(session: AsyncSession, place: Place) -> Names:
    channels = [
        NotificationChannel(team_id=place.team.id, name=name, type="webhook", url=_RECEIVER, secret="s" * 16)
        for name in ("used", "deleted")
    ]
    payload = {"success": True, "message": "A test", "event": "test", "created_at": "2025-10-30T15:29:39.123456Z"}
    told = {"event": "test", "payload": payload, "status": "delivered"}
    delivery = NotificationDelivery(channel=channels[0], expires_at=LATER, **told)
    session.add_all([*channels, delivery])
    await session.flush()
    return {
        "channel": [channels[0].uuid],
        "deleted_channel": [channels[1].uuid],
        "delivery": [delivery.uuid],
        "receiver": [_RECEIVER],
    }


def docker(names: Names) -> str:
    """Return what the server's `docker` does, in sh: it runs the resources that are said to run, and no other."""
    return _DOCKER.format(*names["running_service"], *names["running_database"]) + WILLING


async def _resources(session: AsyncSession, place: Place) -> Names:
    service, database = await create_service(session, place), await create_database(session, place)
    session.add_all(_variable(place, each, "KEPT") for each in (service, database))
    runs: dict[str, Any] = {"status": "running:healthy", "status_at": utcnow()}
    running, up = (
        await create_service(session, place, docker_compose_raw=_TWO_PARTS, **runs),
        await create_database(session, place, **runs),
    )
    deployed = await create_service(session, place), await create_database(session, place)
    of_service, of_database = [
        [(await create_deployment(session, place, each, **columns)).deployment_uuid for columns in _DEPLOYMENTS]
        for each in deployed
    ]
    await _keep_configuration(session, deployed[0], deployed[1])
    old = [(await create_deployment(session, place, service, status="finished")).deployment_uuid for _ in range(20)]
    operations = [
        ResourceOperation(
            team_id=place.team.id,
            server_id=place.server.id,
            kind="stop",
            resource_type=each.resource_type,
            resource_id=each.id,
            resource_uuid=each.uuid,
            resource_name=each.name,
            retry_at=LATER,
        )
        for each in [await create_service(session, place), await create_database(session, place)]
    ]
    session.add_all(operations)
    await session.flush()
    return {
        "service": [service.uuid],
        "database": [database.uuid],
        "running_service": [running.uuid],
        "running_database": [up.uuid],
        "service_application": [uuid_of(running.uuid, "web")],
        "service_database": [uuid_of(running.uuid, "db")],
        "resource": [service.uuid, database.uuid],
        "service_deployment": of_service,
        "database_deployment": of_database,
        "deployment": [*of_service, *of_database],
        "active_deployment": [of_service[-1], of_database[-1]],
        "deleted_deployment": old,
        "emptied_deployment": [of_service[0], of_database[0]],
        "kept_service_deployment": [of_service[0]],
        "kept_database_deployment": [of_database[0]],
        "kept_deployment": [of_service[0], of_database[0]],
        "operation": [each.uuid for each in operations],
    }


async def _parts(session: AsyncSession, place: Place) -> Names:
    names: Names = {}
    for kind, verb in PART_OPERATIONS:
        service = await create_service(session, place, docker_compose_raw=_TWO_PARTS, status="running:healthy")
        part = {"application": "web", "database": "db"}[kind]
        names |= {f"{verb}_{kind}_service": [service.uuid], f"{verb}_{kind}": [uuid_of(service.uuid, part)]}
    return names


async def _keep_configuration(session: AsyncSession, service: Service, database: StandaloneMixin) -> None:
    """Give the finished deployments of two resources what they have deployed."""
    place = await placement_of(session, service)
    how = {"pull_latest_images": False, "stop_before_start": False}
    columns = columns_of(database)
    kept = {
        SERVICE: await snapshot_of_service(session, service, place, **how),
        DATABASE: await snapshot_of_database(session, database, place, columns=columns),
    }
    for kind, snapshot in kept.items():
        model: Any = kind.queue
        ended = update(model).where(model.resource_uuid == snapshot["uuid"], model.status == "finished")
        await session.execute(ended.values(configuration_snapshot={**snapshot, "deadline_seconds": 60}))


async def _deleted(session: AsyncSession, place: Place) -> Names:
    service, database = await create_service(session, place), await create_database(session, place)
    project, environment = (
        Project(team_id=place.team.id, name="empty"),
        Environment(project=place.project, name="empty"),
    )
    key = PrivateKey(
        team_id=place.team.id, name="k", private_key="no key", public_key="ssh-ed25519 A", fingerprint=new_uuid()
    )
    session.add_all([project, environment, key])
    await session.flush()
    key_id = place.server.private_key_id
    servers = [
        Server(team_id=place.team.id, private_key_id=key_id, name="s", ip=f"192.0.2.{number}", user="root")
        for number in (8, 9)
    ]
    session.add_all(servers)
    await session.flush()
    session.add_all(ServerSetting(server_id=server.id) for server in servers)
    return {
        "deleted_service": [service.uuid],
        "deleted_database": [database.uuid],
        "deleted_project": [project.uuid],
        "deleted_environment": [environment.uuid],
        "deleted_key": [key.uuid],
        "changed_server": [servers[0].uuid],
        "deleted_server": [servers[1].uuid],
    }


async def _another_server(session: AsyncSession, place: Place) -> int:
    """Make a server beside the place's: with two destinations there every create would have to name one."""
    server = Server(
        team_id=place.team.id, private_key_id=place.server.private_key_id, name="s", ip="192.0.2.10", user="root"
    )
    session.add(server)
    await session.flush()
    session.add(ServerSetting(server_id=server.id))
    return server.id


async def _around(session: AsyncSession, place: Place) -> Names:
    resources = await create_service(session, place), await create_database(session, place)
    team = {"team_id": place.team.id}
    variables = [_variable(place, each, "A") for each in resources]
    owners: dict[str, dict[str, int]] = {
        "team": {},
        "project": {"project_id": place.project.id},
        "environment": {"environment_id": place.environment.id},
        "server": {"server_id": place.server.id},
    }
    shared = {
        name: SharedEnvironmentVariable(**team, **of, type=name, key="A", value="1") for name, of in owners.items()
    }
    authority = CertificateAuthority(
        server_id=place.server.id, certificate="PEM", private_key="PEM", valid_until=utcnow()
    )
    second = StandaloneDocker(server_id=await _another_server(session, place), name="second", network="second")
    registry = RegistryCredential(**team, registry_host="registry.example", username="ada", password="hush")
    key = PrivateKey(**team, name="unused", private_key="no key", public_key="ssh-ed25519 A", fingerprint=new_uuid())
    tag, deleted_tag = Tag(**team, name="blue"), Tag(**team, name="green")
    session.add_all([deleted_tag, *variables, *shared.values(), authority, second, registry, key, tag])
    await session.flush()
    session.add_all(
        [Taggable(tag_id=tag.id, resource_type=each.resource_type, resource_id=each.id) for each in resources]
    )
    return {
        "tagged_service": [resources[0].uuid],
        "tagged_database": [resources[1].uuid],
        "service_variable": [variables[0].uuid],
        "database_variable": [variables[1].uuid],
        **{f"{name}_variable": [each.uuid] for name, each in shared.items()},
        "registry": [registry.uuid],
        "unused_destination": [second.uuid],
        "key": [key.uuid],
        "tag": [tag.uuid],
        "deleted_tag": [deleted_tag.uuid],
        "tag_name": ["blue"],
    }


def _variable(place: Place, resource: Service | StandaloneMixin, key: str) -> EnvironmentVariable:
    owner = {"resource_type": resource.resource_type, "resource_id": resource.id}
    return EnvironmentVariable(team_id=place.team.id, **owner, key=key, value="1")
