"""A team as one meets it: three servers, a dozen services and databases, a month of deployments, some running now."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.tokens import create_token
from app.deployments.kinds import AnyQueue
from app.kit.clock import to_text, utcnow
from app.models import (
    Environment,
    EnvironmentVariable,
    PrivateKey,
    Project,
    Server,
    ServerSetting,
    Service,
    StandaloneDocker,
    Team,
    TeamMember,
    TeamRole,
    User,
)
from app.models.log_entry import join_entries, log_entry
from app.models.standalone.columns import StandaloneMixin
from app.postgres import Sessions
from app.statistics.counting import count_all
from tests.deploying import Place, create_database, create_deployment, create_service

STEPS = ("Prepare", "Pull images", "Start containers", "Wait for health", "Clean up")
ENDS = (2, 19, 24, 74, 75)
"""After how many seconds each step is over."""
PEOPLE = ("Ada Lovelace", "Grace Hopper", "ci")
FAILURES = (
    "Container orders-web-1 (service web) exited with code 1.",
    "Pull access denied for registry.example.com/harbour/orders, it may need a login.",
    "The health check of web-1 failed for 60 s.",
)
PULLING = (
    "web Pulling",
    "3da95a905ed5 Pull complete",
    "2e17a2d3bd0f Pull complete",
    "8a1e25ce7c4f Downloading [===============>      ]  41.2MB/58.7MB",
    "web 3 layers [⣿⣿⣷] 41.2MB / 58.7MB  Pulling 9.4s",
)
STARTING = ("Container metrics-store-1  Healthy", "Container metrics-web-1  Starting")


@dataclass(frozen=True)
class Seeded:
    """What was made, by name, and a root token of its team."""

    token: str
    resources: dict[str, Service | StandaloneMixin]
    running: AnyQueue
    failed: AnyQueue


async def seed(sessions: Sessions) -> Seeded:
    """Make it all; the same every time, but for the uuids and what time it is."""
    chance = random.Random(7)
    async with sessions.begin() as session:
        team, token = await _team(session)
        servers = [await _server(session, team, *facts) for facts in _SERVERS]
        resources = await _resources(session, team, servers)
    async with sessions.begin() as session:
        for name, (resource, place) in resources.items():
            await _past(session, chance, place, resource, often=name in {"shop", "orders", "website"})
        await _variables(session, team, resources["shop"][0])
        failed = await _failed(session, *resources["orders"])
        running = await _running(session, *resources["shop"])
        await _running(session, *resources["metrics"], step=3, seconds=23)
        for name, minutes in (("website", 2), ("catalogue", 1)):
            resource, place = resources[name]
            asked = utcnow() - timedelta(minutes=minutes)
            await create_deployment(session, place, resource, created_at=asked, requested_by="ci", is_api=True)
    await count_all(sessions)
    return Seeded(token, {name: resource for name, (resource, _) in resources.items()}, running, failed)


_SERVERS = (
    ("hel-1", "198.51.100.11", True, 2),
    ("hel-2", "198.51.100.12", True, 4),
    ("edge-par", "203.0.113.7", False, 2),
)
_RESOURCES = (
    ("shop", "service", "Harbour", "production", 0, "running:healthy"),
    ("orders", "service", "Harbour", "production", 0, "degraded:unhealthy"),
    ("website", "service", "Harbour", "production", 0, "running:healthy"),
    ("catalogue", "service", "Harbour", "staging", 0, "running:healthy"),
    ("metrics", "service", "Platform", "production", 1, "running:healthy"),
    ("mail-relay", "service", "Platform", "production", 1, "exited"),
    ("shop-store", "standalone-postgresql", "Harbour", "production", 1, "running:healthy"),
    ("sessions", "standalone-valkey", "Harbour", "production", 1, "running:healthy"),
    ("events", "standalone-clickhouse", "Platform", "production", 1, "running:healthy"),
    ("edge-cache", "standalone-redis", "Platform", "production", 2, "running:unhealthy"),
)


async def _team(session: AsyncSession) -> tuple[Team, str]:
    team = Team(name="Harbour Works")
    user = User(name=PEOPLE[0], email="ada@example.com")
    session.add_all([team, user])
    await session.flush()
    session.add(TeamMember(team_id=team.id, user_id=user.id, role=TeamRole.OWNER))
    _, token = await create_token(session, team_id=team.id, user_id=user.id, name="ada", abilities=["root"])
    return team, token


async def _server(session: AsyncSession, team: Team, name: str, ip: str, is_reachable: bool, room: int) -> Server:
    key = PrivateKey(
        team_id=team.id, name=name, private_key="k", public_key="ssh-ed25519 A", fingerprint=f"SHA256:{name}"
    )
    session.add(key)
    await session.flush()
    server = Server(team_id=team.id, private_key_id=key.id, name=name, ip=ip, user="deploy")
    server.validated_at = utcnow() - timedelta(hours=5)
    server.docker_version, server.compose_version = "28.3.2", "2.39.1"
    server.validation_logs = _VALIDATION
    session.add(server)
    await session.flush()
    session.add(
        ServerSetting(
            server_id=server.id, is_reachable=is_reachable, is_usable=is_reachable, concurrent_deployments=room
        )
    )
    session.add(StandaloneDocker(server_id=server.id, name="shiplog", network="shiplog"))
    await session.flush()
    return server


_VALIDATION = """\
Connection: as deploy, SSH-2.0-OpenSSH_9.2p1
Host key: SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDaNmqx3Vm4nHhXhJY, as pinned
Data folder: /data/shiplog, writable, 212 GiB free
Docker: 28.3.2
Compose: 2.39.1
"""


async def _resources(
    session: AsyncSession, team: Team, servers: list[Server]
) -> dict[str, tuple[Service | StandaloneMixin, Place]]:
    places: dict[tuple[str, str, int], Place] = {}
    projects: dict[str, Project] = {}
    environments: dict[tuple[str, str], Environment] = {}
    made: dict[str, tuple[Service | StandaloneMixin, Place]] = {}
    for name, type_name, project_name, environment_name, number, status in _RESOURCES:
        if project_name not in projects:
            projects[project_name] = Project(team_id=team.id, name=project_name)
            session.add(projects[project_name])
            await session.flush()
        project = projects[project_name]
        if (project_name, environment_name) not in environments:
            environment = Environment(project_id=project.id, name=environment_name)
            environments[project_name, environment_name] = environment
            session.add(environment)
            await session.flush()
        key = (project_name, environment_name, number)
        if key not in places:
            destination = await _destination(session, servers[number])
            places[key] = Place(
                team, servers[number], destination, project, environments[project_name, environment_name]
            )
        place = places[key]
        seen = {"name": name, "status": status, "status_at": utcnow() - timedelta(seconds=40)}
        if type_name == "service":
            made[name] = (await create_service(session, place, **seen), place)
        else:
            made[name] = (await create_database(session, place, type_name, **seen), place)
    return made


async def _destination(session: AsyncSession, server: Server) -> StandaloneDocker:
    statement = select(StandaloneDocker).where(StandaloneDocker.server_id == server.id)
    return (await session.execute(statement)).scalar_one()


async def _variables(session: AsyncSession, team: Team, resource: Any) -> None:
    for key, value, is_locked in (
        ("DATABASE_URL", "postgres://shop:hunter2@shop-store:5432/shop", False),
        ("LOG_LEVEL", "info", False),
        ("STRIPE_KEY", "sk_live_51", True),
    ):
        session.add(
            EnvironmentVariable(
                team_id=team.id,
                resource_type=resource.resource_type,
                resource_id=resource.id,
                key=key,
                value=value,
                is_shown_once=is_locked,
            )
        )


def _deployed(resource: Any, number: int) -> dict[str, Any]:
    """Return what the deployment with this number of a service deployed: now another image, now another variable."""
    if not isinstance(resource, Service):
        return {}
    image = f"registry.example.com/harbour/{resource.name}:{number // 2}"
    env = [{"key": "LOG_LEVEL", "value": "debug" if number % 3 else "info"}, {"key": "ROOM", "value": str(number // 5)}]
    compose = f"services:\n  web:\n    image: {image}\n"
    return {
        "configuration_snapshot": {"columns": {}, "env": env, "compose": compose},
        "image_digests": {"web": {"image": image, "id": f"sha256:{number // 2:064x}", "digest": None}},
    }


async def _past(session: AsyncSession, chance: random.Random, place: Place, resource: Any, *, often: bool) -> None:
    number = 0
    for day in range(29, -1, -1):
        for _ in range(chance.choice((0, 1, 2, 3)) if often else chance.choice((0, 0, 0, 0, 1))):
            ended = utcnow() - timedelta(days=day, minutes=chance.randint(30, 600))
            status = chance.choices(("finished", "failed", "cancelled-by-user"), (90, 7, 3))[0]
            seconds = chance.lognormvariate(3.6, 0.5)
            started = ended - timedelta(seconds=seconds)
            columns = {
                "status": status,
                "created_at": started - timedelta(seconds=chance.expovariate(1 / 3)),
                "started_at": started,
                "finished_at": ended,
                "requested_by": chance.choice(PEOPLE),
                "is_api": chance.random() < 0.5,
                "action": chance.choice(("start", "start", "start", "restart")),
                "failure_reason": chance.choice(FAILURES) if status == "failed" else None,
            }
            number += 1
            await create_deployment(session, place, resource, **columns, **_deployed(resource, number))


async def _failed(session: AsyncSession, resource: Any, place: Place) -> AnyQueue:
    ended = utcnow() - timedelta(minutes=4)
    started = ended - timedelta(seconds=74)
    row = await create_deployment(
        session,
        place,
        resource,
        status="failed",
        created_at=started - timedelta(seconds=2),
        started_at=started,
        finished_at=ended,
        requested_by="Grace Hopper",
        failure_reason=FAILURES[0],
        exit_code=1,
        step=4,
        steps=_steps(started, 4, failed=True),
    )
    await _log(session, row, started, _FAILED_LINES)
    return row


async def _running(session: AsyncSession, resource: Any, place: Place, *, step: int = 2, seconds: int = 11) -> AnyQueue:
    started = utcnow() - timedelta(seconds=seconds)
    row = await create_deployment(
        session,
        place,
        resource,
        status="in_progress",
        created_at=started - timedelta(seconds=1),
        started_at=started,
        requested_by="Ada Lovelace",
        step=step,
        steps=_steps(started, step),
        **_deployed(resource, 99),
        lease_owner="seed",
        lease_until=utcnow() + timedelta(days=1),
    )
    await _log(session, row, started, PULLING if step == 2 else STARTING)
    return row


_FAILED_LINES = (
    "orders-web-1  Created",
    "orders-web-1  Started",
    "The last 50 lines of orders-web-1:",
    "Listening on 0.0.0.0:8080",
    "Reading the orders of today",
    "\x1b[31mError: connect ECONNREFUSED 10.0.4.7:5432\x1b[0m",
    "    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)",
    FAILURES[0],
    f"Deployment failed: {FAILURES[0]}",
)


async def _log(session: AsyncSession, row: AnyQueue, began: datetime, lines: tuple[str, ...]) -> None:
    entries = [
        log_entry(line, timestamp=began + timedelta(seconds=number), order=number, batch=row.step)
        for number, line in enumerate(lines, start=1)
    ]
    text = join_entries(entries)
    session.add(row.log_slice(deployment_id=row.id, first_order=1, entry_count=len(entries), entries=text))
    row.log_count, row.log_bytes = len(entries), len(text.encode())
    await session.flush()


def _steps(began: datetime, reached: int, *, failed: bool = False) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(STEPS, start=1):
        is_reached, is_over = number <= reached, number < reached or (failed and number == reached)
        begin, end = (began + timedelta(seconds=(0, *ENDS)[number - 1 + extra]) for extra in (0, 1))
        rows.append(
            {
                "name": name,
                "batch": number,
                "started_at": to_text(begin) if is_reached else None,
                "finished_at": to_text(end) if is_over else None,
                "exit_code": (1 if failed and number == reached else 0) if is_over else None,
                "first_order": 1 if is_reached else None,
                "last_order": None,
            }
        )
    return rows
