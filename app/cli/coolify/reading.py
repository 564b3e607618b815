"""Everything that a Coolify's API tells of what can be brought over."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from app.cli.client import Api, Refused
from app.cli.output import Item


@dataclass(frozen=True)
class Environment:
    """An environment of a project and the uuids of what lives in it."""

    project_uuid: str
    uuid: str
    name: str
    resources: frozenset[str]


@dataclass(frozen=True)
class Coolify:
    """What was read; `left_out` has a sentence for whatever could not be."""

    keys: tuple[Item, ...]
    servers: tuple[Item, ...]
    projects: tuple[Item, ...]
    environments: tuple[Environment, ...]
    services: tuple[Item, ...]
    databases: tuple[Item, ...]
    server_of: Mapping[str, str]
    """The uuid of the server that a resource is on, by the resource's uuid."""
    variables: Mapping[str, tuple[Item, ...]]
    """Variables by the path that lists them."""
    left_out: tuple[str, ...]


async def read(api: Api) -> Coolify:
    """Read it; raise Problem when not even the lists can be read."""
    reader = _Reader(api)
    keys = await api.get("/security/keys")
    # One alone may tell more than the list does.
    servers = [await api.get(f"/servers/{server['uuid']}") for server in await api.get("/servers")]
    server_of = {}
    for server in servers:
        for resource in await reader.optional(f"/servers/{server['uuid']}/resources", "What is on which server"):
            server_of[resource["uuid"]] = server["uuid"]
    projects = await api.get("/projects")
    environments = [one for project in projects for one in await _environments_of(api, project)]
    services = [await api.get(f"/services/{service['uuid']}") for service in await api.get("/services")]
    databases = await api.get("/databases")
    for application in await reader.optional("/applications", "Applications"):
        reader.leave_out(f"The application {application.get('name')} is built from git: Shiplog builds nothing.")
    for path, what in _variable_paths(servers, projects, environments, services, databases):
        await reader.read_variables(path, what)
    return Coolify(
        keys=tuple(keys),
        servers=tuple(servers),
        projects=tuple(projects),
        environments=tuple(environments),
        services=tuple(services),
        databases=tuple(databases),
        server_of=server_of,
        variables=reader.variables,
        left_out=tuple(reader.left_out),
    )


def environment_path(project: str, name: str) -> str:
    """Return where the API has an environment."""
    return f"/projects/{project}/environments/{quote(name, safe='')}"


class _Reader:
    def __init__(self, api: Api) -> None:
        self._api = api
        self.left_out: dict[str, None] = {}
        self.variables: dict[str, tuple[Item, ...]] = {}

    def leave_out(self, sentence: str) -> None:
        self.left_out[sentence] = None

    async def optional(self, path: str, what: str) -> list[Item]:
        """Return a list that a token or a version may not have."""
        try:
            items: list[Item] = await self._api.get(path)
        except Refused as refused:
            self.leave_out(f"{what} cannot be read: Coolify answers {refused.status_code}.")
            return []
        return items

    async def read_variables(self, path: str, what: str) -> None:
        listed = [variable for variable in await self.optional(path, what) if not variable.get("is_preview")]
        hidden = [variable["key"] for variable in listed if variable.get("value") is None]
        if hidden:
            self.leave_out(f"{what}: the values of {', '.join(hidden)} cannot be read.")
        self.variables[path] = tuple(variable for variable in listed if variable.get("value") is not None)


async def _environments_of(api: Api, project: Item) -> list[Environment]:
    uuid = project["uuid"]
    found = []
    for one in (await api.get(f"/projects/{uuid}"))["environments"]:
        whole = await api.get(f"/projects/{uuid}/{quote(one['name'], safe='')}")
        # Its resources stand in a list for each type.
        lists: list[list[Any]] = [value for value in whole.values() if isinstance(value, list)]
        resources = frozenset(item["uuid"] for items in lists for item in items if "uuid" in item)
        found.append(Environment(uuid, one.get("uuid") or f"{uuid}/{one['name']}", one["name"], resources))
    return found


def _variable_paths(
    servers: list[Item],
    projects: list[Item],
    environments: list[Environment],
    services: list[Item],
    databases: list[Item],
) -> list[tuple[str, str]]:
    """Return each path that lists variables, and what they are called in a sentence."""
    named = (
        ("servers", "server", servers),
        ("projects", "project", projects),
        ("services", "service", services),
        ("databases", "database", databases),
    )
    return [
        ("/team/envs", "Variables of the team"),
        *(
            (f"/{path}/{item['uuid']}/envs", f"Variables of the {noun} {item['name']}")
            for path, noun, items in named
            for item in items
        ),
        *(
            (f"{environment_path(one.project_uuid, one.name)}/envs", f"Variables of the environment {one.name}")
            for one in environments
        ),
    ]
