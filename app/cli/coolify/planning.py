"""What would be made here of what was read there, in the order in which it can be made."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.cli.coolify.reading import Coolify, Environment, environment_path
from app.cli.output import Item

_OWN_HOST = "host.docker.internal"
_VARIABLE_FIELDS = ("key", "value", "is_literal", "is_multiline", "is_shown_once", "comment")

_NOT_COPIED = {
    "project_uuid",
    "environment_uuid",
    "environment_name",
    "server_uuid",
    "destination_uuid",
    "instant_deploy",
}


@dataclass(frozen=True)
class Step:
    """One thing to make. `uuid` is Coolify's, and so are those that `path`, with a `{}` each, and `links` refer to."""

    kind: str
    name: str
    uuid: str
    path: str
    of: tuple[str, ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    links: Mapping[str, str] = field(default_factory=dict)
    variables: tuple[Item, ...] = field(default=(), repr=False)

    @property
    def needs(self) -> set[str]:
        """What has to be there before it."""
        return {*self.of, *self.links.values()}


@dataclass(frozen=True)
class ImportPlan:
    """The steps, and a sentence for whatever is left out."""

    steps: tuple[Step, ...]
    left_out: tuple[str, ...]


def plan_import(coolify: Coolify, here: Mapping[str, str]) -> ImportPlan:
    """Return what to make; `here` has our uuid of whatever is there already, by Coolify's."""
    planner = _Planner(coolify, here)
    planner.plan()
    return ImportPlan(tuple(planner.steps), tuple(planner.left_out))


class _Planner:
    def __init__(self, coolify: Coolify, here: Mapping[str, str]) -> None:
        self._coolify = coolify
        self._possible = set(here)
        self.steps: list[Step] = []
        self.left_out = list(coolify.left_out)

    def plan(self) -> None:
        for key in self._coolify.keys:
            self._plan_key(key)
        for server in self._coolify.servers:
            self._plan_server(server)
        self._add(Step("variables", "team", "", "/team/envs", variables=self._variables("/team/envs")))
        for project in self._coolify.projects:
            body = {"name": project["name"], "description": project.get("description")}
            self._add(Step("project", project["name"], project["uuid"], "/projects", body=body))
            self._add_variables(
                project["name"], f"/projects/{project['uuid']}/envs", "/projects/{}/envs", project["uuid"]
            )
        for environment in self._coolify.environments:
            self._plan_environment(environment)
        for service in self._coolify.services:
            self._plan_service(service)
        for database in self._coolify.databases:
            self._plan_database(database)

    def _plan_key(self, key: Item) -> None:
        name = key["name"]
        if key.get("is_git_related"):
            self.left_out.append(f"The key {name} is for git, which Shiplog does not use.")
        elif not key.get("private_key") and key["uuid"] not in self._possible:
            self.left_out.append(
                f"The key {name} cannot be read: take a token with read:sensitive, or `shiplog key add {name}`."
            )
        else:
            body = {"name": name, "description": key.get("description"), "private_key": key.get("private_key")}
            self._add(Step("key", name, key["uuid"], "/security/keys", body=body))

    def _plan_server(self, server: Item) -> None:
        name, uuid = server["name"], server["uuid"]
        key = self._key_of(server)
        remedy = f"`shiplog server add {name}`, then import again"
        if uuid not in self._possible and server["ip"] == _OWN_HOST:
            self.left_out.append(
                f"The server {name} is Coolify's own machine, whose address it does not tell: {remedy}."
            )
            return
        if uuid not in self._possible and key is None:
            self.left_out.append(f"Which key the server {name} has cannot be read: {remedy}.")
            return
        body = {field: server.get(field) for field in ("name", "description", "ip", "port", "user")}
        links = {"private_key_uuid": key} if key else {}
        self._add(Step("server", name, uuid, "/servers", body=body, links=links))
        self._add_variables(name, f"/servers/{uuid}/envs", "/servers/{}/envs", uuid)

    def _key_of(self, server: Item) -> str | None:
        keys = [key for key in self._coolify.keys if not key.get("is_git_related")]
        number = server.get("private_key_id")
        for key in keys:
            if key["uuid"] == server.get("private_key_uuid") or (number is not None and key.get("id") == number):
                return str(key["uuid"])
        return str(keys[0]["uuid"]) if len(keys) == 1 else None

    def _plan_environment(self, one: Environment) -> None:
        path = "/projects/{}/environments"
        self._add(Step("environment", one.name, one.uuid, path, (one.project_uuid,), {"name": one.name}))
        old = f"{environment_path(one.project_uuid, one.name)}/envs"
        self._add_variables(one.name, old, environment_path("{}", one.name) + "/envs", one.project_uuid)

    def _plan_service(self, service: Item) -> None:
        compose = service.get("docker_compose_raw")
        if not compose:
            self.left_out.append(f"The Compose file of the service {service['name']} cannot be read.")
            return
        body: dict[str, Any] = {"docker_compose_raw": base64.b64encode(compose.encode()).decode()}
        if service.get("connect_to_docker_network"):
            body["connect_to_docker_network"] = True
        self._plan_resource("service", service, "/services", body, self._variables(f"/services/{service['uuid']}/envs"))

    def _plan_database(self, database: Item) -> None:
        from app.databases.schemas import SCHEMAS

        kind = str(database.get("database_type") or database.get("type"))
        if kind not in SCHEMAS:
            self.left_out.append(f"The database {database['name']} is of a type that Shiplog does not have: {kind}.")
            return
        variables = self._variables(f"/databases/{database['uuid']}/envs")
        # Redis keeps its login in variables there.
        login = {one["key"]: one["value"] for one in variables if one["key"] in {"REDIS_PASSWORD", "REDIS_USERNAME"}}
        if kind == "standalone-redis":
            variables = tuple(one for one in variables if one["key"] not in login)
            password = database.get("redis_password") or login.get("REDIS_PASSWORD")
            database = {**database, "redis_password": password}
        wanted = SCHEMAS[kind].create.model_fields.keys() - _NOT_COPIED
        body = {name: value for name, value in database.items() if name in wanted and value is not None}
        missing = sorted(name for name in wanted if name.endswith("_password") and not body.get(name))
        if missing:
            self.left_out.append(f"The database {database['name']} gets a new {', '.join(missing)}: it cannot be read.")
        slug = kind.removeprefix("standalone-")
        self._plan_resource("database", database, f"/databases/{slug}", _encoded(body), variables)

    def _plan_resource(
        self, kind: str, item: Item, path: str, body: Mapping[str, Any], variables: tuple[Item, ...]
    ) -> None:
        uuid, name = item["uuid"], item["name"]
        place = next((one for one in self._coolify.environments if uuid in one.resources), None)
        server = self._coolify.server_of.get(uuid)
        if place is None or server is None:
            self.left_out.append(f"Where the {kind} {name} is cannot be read.")
            return
        named = {"name": name, "description": item.get("description"), "environment_name": place.name}
        links = {"project_uuid": place.project_uuid, "server_uuid": server}
        self._add(Step(kind, name, uuid, path, (), {**body, **named}, links))
        self._add(Step("variables", name, "", f"/{kind}s/{{}}/envs", (uuid,), variables=variables))

    def _variables(self, path: str) -> tuple[Item, ...]:
        listed: Iterable[Item] = self._coolify.variables.get(path, ())
        return tuple({name: one[name] for name in _VARIABLE_FIELDS if one.get(name) is not None} for one in listed)

    def _add_variables(self, name: str, old_path: str, path: str, of: str) -> None:
        self._add(Step("variables", name, "", path, (of,), variables=self._variables(old_path)))

    def _add(self, step: Step) -> None:
        """Take a step when it is here already, or what it needs is by then."""
        if step.kind == "variables" and not step.variables:
            return
        is_here = bool(step.uuid) and step.uuid in self._possible
        if is_here or step.needs <= self._possible:
            self._possible.add(step.uuid)
            self.steps.append(step)
        elif step.kind != "variables":
            self.left_out.append(f"The {step.kind} {step.name} needs something that is not brought over.")


def _encoded(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as our API takes them: files in base64, scripts without what Coolify notes on them."""
    fields = dict(body)
    for name, value in body.items():
        if name.endswith("_conf"):
            fields[name] = base64.b64encode(value.encode()).decode()
        if name == "init_scripts":
            fields[name] = [{part: script[part] for part in ("filename", "content")} for script in value]
    return fields
