"""Every operation of the API × who must not: nobody, expired, revoked, without the ability, a mere member, another team.

The rules below say of each operation what it needs; one without a rule fails by name.
"""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from app.compose_services.parts import uuid_of
from app.kit.clock import utcnow
from app.models import (
    ApiToken,
    EnvironmentVariable,
    NotificationChannel,
    NotificationDelivery,
    PrivateKey,
    RegistryCredential,
    ResourceOperation,
    SharedEnvironmentVariable,
    Tag,
    TeamRole,
)
from app.openapi import FILE
from app.postgres import Sessions
from tests.deploying import create_database, create_deployment, create_place, create_service
from tests.desk import error_of, row_counts
from tests.fixtures.api import MadeToken, MakeToken

DOCUMENT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
NEEDS = {
    "nothing": "healthcheck",
    "read": """
        create-sign-in-link
        get-ca-certificate-by-server-uuid get-current-team get-current-team-members get-current-team-retention
        get-database-by-uuid get-database-deployment-by-uuid get-database-logs-by-uuid
        get-delivery-by-notification-channel-uuid get-deployment-by-uuid get-deployment-statistics
        get-destination-by-uuid get-environment-by-name-or-uuid get-environments get-members-by-team-id
        get-notification-channel-by-uuid get-operation-by-uuid get-private-key-by-uuid get-project-by-uuid
        get-registry-by-uuid get-resources-by-server-uuid get-server-by-uuid
        get-service-application-by-service-and-app-uuid get-service-application-logs-by-service-and-app-uuid
        get-service-by-uuid get-service-database-by-service-and-database-uuid
        get-service-database-logs-by-service-and-database-uuid get-service-deployment-by-uuid get-service-logs-by-uuid
        get-team-by-id get-token-team get-token-team-members list-databases
        list-deliveries-by-notification-channel-uuid list-deployments list-deployments-by-database-uuid
        list-deployments-by-service-uuid list-destinations list-environment-shared-envs list-envs-by-database-uuid
        list-envs-by-service-uuid list-notification-channels list-operations-by-resource-uuid list-private-keys
        list-project-shared-envs list-projects list-registries list-resources list-server-destinations
        list-server-shared-envs list-servers list-service-applications-by-service-uuid
        list-service-databases-by-service-uuid list-services list-tags list-tags-by-database-uuid
        list-tags-by-service-uuid list-team-shared-envs list-teams
        post-service-application-logs-by-service-and-app-uuid version
    """,
    "read:sensitive": """
        create-database-deployment-log-ticket create-deployment-log-ticket create-service-deployment-log-ticket
        get-database-deployment-diff get-deployment-diff get-service-deployment-diff
        list-database-deployment-log-entries list-deployment-log-entries list-service-deployment-log-entries
        plan-database-by-uuid plan-service-by-uuid stream-database-deployment-log stream-deployment-log
        stream-service-deployment-log
    """,
    "write": """
        clone-database-by-uuid clone-service-by-uuid create-database-clickhouse create-database-dragonfly
        create-database-keydb create-database-mariadb create-database-mongodb create-database-mysql
        create-database-postgresql create-database-redis create-database-valkey create-env-by-database-uuid
        create-env-by-service-uuid create-environment create-environment-shared-env create-notification-channel
        create-private-key create-project create-project-shared-env create-registry create-server
        create-server-destination create-server-shared-env create-service create-tag create-tag-by-database-uuid
        create-tag-by-service-uuid create-team-shared-env delete-database-by-uuid delete-deployment-by-uuid
        delete-deployment-log-by-uuid delete-destination-by-uuid delete-env-by-database-uuid
        delete-env-by-service-uuid delete-environment delete-environment-shared-env
        delete-notification-channel-by-uuid delete-private-key-by-uuid delete-project-by-uuid
        delete-project-shared-env delete-registry-by-uuid delete-server-by-uuid delete-server-shared-env
        delete-service-by-uuid delete-tag-by-database-uuid delete-tag-by-service-uuid delete-tag-by-uuid
        delete-team-shared-env disable-api enable-api migrate-database-by-uuid migrate-service-by-uuid
        move-database-by-uuid move-service-by-uuid prune-current-team resend-delivery-by-notification-channel-uuid
        test-notification-channel-by-uuid update-current-team-retention update-database-by-uuid
        update-destination-by-uuid update-env-by-database-uuid update-env-by-service-uuid update-environment
        update-environment-shared-env update-envs-by-database-uuid update-envs-by-service-uuid
        patch-service-application-by-service-and-app-uuid patch-service-database-by-service-and-database-uuid
        update-notification-channel-by-uuid update-private-key update-project-by-uuid update-project-shared-env
        update-registry-by-uuid update-server-by-uuid update-server-shared-env update-service-by-uuid
        update-tag-by-uuid update-team-shared-env validate-server-by-uuid
    """,
    "deploy": """
        cancel-deployment-by-uuid cancel-operation-by-uuid deploy-by-tag-or-uuid
        post-restart-service-application-by-service-and-app-uuid post-start-service-application-by-service-and-app-uuid
        post-stop-service-application-by-service-and-app-uuid restart-service-database-by-service-and-database-uuid
        start-service-database-by-service-and-database-uuid stop-service-database-by-service-and-database-uuid
        restart-database-by-uuid
        restart-service-by-uuid rollback-database-deployment-by-uuid rollback-deployment-by-uuid
        rollback-service-deployment-by-uuid start-database-by-uuid start-service-by-uuid stop-database-by-uuid
        stop-service-by-uuid
    """,
    "root": "export-audit-events list-audit-events",
}
ABILITY = {operation_id: ability for ability, ids in NEEDS.items() for operation_id in ids.split()}

HAS_NOT = {"read": "write", "read:sensitive": "read", "write": "read:sensitive", "deploy": "write", "root": "write"}
"""For each ability one that does not include it."""

NOT_FOUND = {
    "services": "Service not found.",
    "databases": "Database not found.",
    "deployments": "Deployment not found.",
    "operations": "Operation not found.",
    "projects": "Project not found.",
    "servers": "Server not found.",
    "destinations": "Destination not found.",
    "registries": "Registry login not found.",
    "security": "Private Key not found.",
    "tags": "Tag not found.",
    "notifications": "Notification channel not found.",
    "teams": "Team not found.",
    "team": "Environment variable not found.",
    "deploy": "No resources found.",
}
"""What a path answers to another team, by its first word."""

NOT_FOUND_BY_ID = {
    "list-deployments-by-service-uuid": "Service not found.",
    "list-deployments-by-database-uuid": "Database not found.",
    "create-server": "Private key not found.",
    "create-service": "Project not found.",
    **{
        methods["post"]["operationId"]: "Project not found."
        for path, methods in DOCUMENT["paths"].items()
        if re.fullmatch("/databases/[a-z]+", path)
    },
}


@dataclass(frozen=True)
class Operation:
    """One operation as the document has it."""

    name: str
    method: str
    path: str
    operation_id: str
    body: dict[str, Any] | None
    query: tuple[str, ...]

    @property
    def names_something(self) -> bool:
        """Whether it is about a thing that has an owner; else it makes or lists what is the caller's own."""
        return "{" in self.path or self.operation_id in {*NOT_FOUND_BY_ID, "deploy-by-tag-or-uuid"}


@dataclass(frozen=True)
class World:
    """A team with one of everything: what its paths and bodies hold."""

    team_id: int
    uuids: dict[str, str]
    mine: tuple[str, ...]

    def path_of(self, operation: Operation) -> str:
        """Return the path with this team's things in it."""
        word = operation.path.split("/")[1]
        kind = "service" if "/services/" in operation.path else "database"
        main = {"deployments": f"{kind}-deployment"}.get(word, word)
        if operation.operation_id.startswith("list-deployments-by-"):
            main = f"{kind}s"

        def value(match: re.Match[str]) -> str:
            name = match.group(1)
            if name == "env_id":
                return self.uuids[
                    f"env_id of {operation.path.split('/')[-4] if 'environments' in operation.path else word}"
                ]
            return self.uuids.get(name) or self.uuids[main]

        return re.sub(r"\{([^}]+)\}", value, operation.path)

    def body_of(self, operation: Operation) -> Any:
        """Return the smallest body that is accepted, with this team's things in it."""
        if operation.body is None:
            return None
        if operation.operation_id == "deploy-by-tag-or-uuid":
            return {"uuid": self.uuids["services"]}
        return {name: self.uuids.get(name) or _example(schema) for name, schema in operation.body.items()}


def _operations() -> list[Operation]:
    return [
        Operation(f"{method.upper()} {path}", method.upper(), path, one["operationId"], _needed(one), _query(one))
        for path, methods in DOCUMENT["paths"].items()
        for method, one in methods.items()
    ]


def _needed(operation: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schemas of the fields that a body needs; None without a body."""
    if "requestBody" not in operation:
        return None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    schema = _resolved(schema.get("anyOf", [schema])[0])
    needed = set(schema.get("required", ())) | schema["properties"].keys() & {"environment_name", "tag_name"}
    return {name: schema["properties"][name] for name in sorted(needed)}


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _example(schema: dict[str, Any]) -> Any:
    schema = _resolved(schema)
    if "anyOf" in schema:
        return _example(schema["anyOf"][0])
    if "examples" in schema:
        return schema["examples"][0]
    if schema.get("type") == "array":
        return [
            {name: _example(one) for name, one in _resolved(schema["items"])["properties"].items() if name == "key"}
        ]
    return "word"


async def _world(sessions: Sessions, make_token: MakeToken) -> World:
    async with sessions.begin() as session:
        place = await create_place(session)
        team_id = place.team.id
        service, database = await create_service(session, place), await create_database(session, place)
        deployments = [await create_deployment(session, place, resource) for resource in (service, database)]
        operation = ResourceOperation(
            team_id=team_id,
            server_id=place.server.id,
            kind="stop",
            resource_type="service",
            resource_id=service.id,
            resource_uuid=service.uuid,
            resource_name=service.name,
        )
        variable = EnvironmentVariable(
            team_id=team_id, resource_type="service", resource_id=service.id, key="A", value="a"
        )
        tag = Tag(team_id=team_id, name="nightly")
        registry = RegistryCredential(team_id=team_id, registry_host="r.example", username="u", password="p")
        channel = NotificationChannel(team_id=team_id, name="hook", type="webhook", url="https://h.example", secret="s")
        told = {"message": "A test", "event": "test"}
        delivery = NotificationDelivery(channel=channel, event="test", payload=told, expires_at=utcnow())
        owners: dict[str, dict[str, int]] = {
            "team": {},
            "project": {"project_id": place.project.id},
            "environment": {"environment_id": place.environment.id},
            "server": {"server_id": place.server.id},
        }
        shared = {
            kind: SharedEnvironmentVariable(team_id=team_id, type=kind, key="A", value="a", **owner)
            for kind, owner in owners.items()
        }
        session.add_all([operation, variable, tag, registry, delivery, *shared.values()])
        await session.flush()
        key = await session.get_one(PrivateKey, place.server.private_key_id)
    uuids = {
        "services": service.uuid,
        "databases": database.uuid,
        "service-deployment": deployments[0].deployment_uuid,
        "database-deployment": deployments[1].deployment_uuid,
        "operations": operation.uuid,
        "projects": place.project.uuid,
        "project_uuid": place.project.uuid,
        "environment_name": place.environment.name,
        "environment_uuid": place.environment.uuid,
        "environment_name_or_uuid": place.environment.uuid,
        "servers": place.server.uuid,
        "server_uuid": place.server.uuid,
        "destinations": place.destination.uuid,
        "security": key.uuid,
        "private_key_uuid": key.uuid,
        "registries": registry.uuid,
        "tags": tag.uuid,
        "notifications": channel.uuid,
        "delivery_uuid": delivery.uuid,
        "tag_uuid": tag.uuid,
        "env_uuid": variable.uuid,
        "app_uuid": uuid_of(service.uuid, "web"),
        "database_uuid": uuid_of(service.uuid, "web"),
        "destination_uuid": place.destination.uuid,
        "team_id": str(team_id),
        "teams": str(team_id),
        "env_id of team": shared["team"].uuid,
        "env_id of projects": shared["project"].uuid,
        "env_id of environments": shared["environment"].uuid,
        "env_id of servers": shared["server"].uuid,
    }
    return World(team_id, uuids, tuple(one for one in uuids.values() if len(one) == 24))


def _query(operation: dict[str, Any]) -> tuple[str, ...]:
    parameters = operation.get("parameters", ())
    return tuple(one["name"] for one in parameters if one["in"] == "query" and one.get("required"))


async def _ask(api: httpx.AsyncClient, world: World, operation: Operation, token: MadeToken | None) -> httpx.Response:
    return await api.request(
        operation.method,
        world.path_of(operation),
        params=dict.fromkeys(operation.query, world.uuids["services"]),
        json=world.body_of(operation),
        headers={} if token is None else token.headers,
    )


def test_every_operation_has_a_rule() -> None:
    assert {operation.operation_id for operation in _operations()} == ABILITY.keys()


async def _revoked(sessions: Sessions, make_token: MakeToken, team_id: int) -> MadeToken:
    token = await make_token(team_id=team_id)
    async with sessions.begin() as session:
        await session.execute(delete(ApiToken).where(ApiToken.id == token.id))
    return token


STRANGERS: dict[str, Callable[[Sessions, MakeToken, int], Awaitable[MadeToken | None]]] = {
    "expired": lambda _, make, team_id: make(team_id=team_id, expires_at=utcnow() - timedelta(seconds=1)),
    "revoked": _revoked,
}


@pytest.mark.parametrize("who", ["nobody", *STRANGERS])
async def test_who_has_no_good_token_is_answered_401(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, who: str
) -> None:
    world = await _world(sessions, make_token)
    token = None if who == "nobody" else await STRANGERS[who](sessions, make_token, world.team_id)
    before = await row_counts(sessions)
    wrong = []
    for operation in _operations():
        if ABILITY[operation.operation_id] == "nothing":
            continue
        answer = await _ask(api, world, operation, token)
        if (answer.status_code, error_of(answer)) != (401, {"message": "Unauthenticated."}):
            wrong.append((operation.name, answer.status_code, answer.text))
    assert wrong == []
    assert await row_counts(sessions) == before


@pytest.mark.parametrize("who", ["another ability", "a mere member"])
async def test_who_may_not_is_answered_403(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, who: str
) -> None:
    world = await _world(sessions, make_token)
    tokens = {ability: await make_token([other], team_id=world.team_id) for ability, other in HAS_NOT.items()}
    member = await make_token(["root"], team_id=world.team_id, role=TeamRole.MEMBER)
    before = await row_counts(sessions)
    wrong = []
    for operation in _operations():
        ability = ABILITY[operation.operation_id]
        if ability == "nothing":
            continue
        is_member = who == "a mere member"
        answer = await _ask(api, world, operation, member if is_member else tokens[ability])
        text = "Missing required team role." if is_member else f"Missing required permissions: {ability}"
        if (answer.status_code, error_of(answer)) != (403, {"message": text}):
            wrong.append((operation.name, answer.status_code, answer.text))
    assert wrong == []
    assert await row_counts(sessions) == before


async def test_another_teams_things_are_not_found(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken
) -> None:
    world = await _world(sessions, make_token)
    token = await make_token(["root"])
    before = await row_counts(sessions)
    wrong = []
    for operation in (one for one in _operations() if one.names_something):
        answer = await _ask(api, world, operation, token)
        word = operation.path.split("/")[1]
        text = NOT_FOUND_BY_ID.get(operation.operation_id, NOT_FOUND[word])
        if (answer.status_code, error_of(answer)) != (404, {"message": text}):
            wrong.append((operation.name, answer.status_code, answer.text))
    assert wrong == []
    assert await row_counts(sessions) == before


async def test_what_is_not_about_one_thing_tells_nothing_of_another_team(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken
) -> None:
    world = await _world(sessions, make_token)
    token = await make_token(["root"])
    wrong = []
    for operation in (one for one in _operations() if not one.names_something):
        answer = await _ask(api, world, operation, token)
        if answer.status_code >= 500 or any(uuid in answer.text for uuid in world.mine):
            wrong.append((operation.name, answer.status_code, answer.text))
    assert wrong == []
