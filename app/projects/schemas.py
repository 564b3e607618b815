"""What the endpoints of projects and environments take and answer."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from app.kit.schema import CONTROL, Description, Name, RequestSchema, ResponseSchema, Timestamp, refused

_UUID = "k3v0q6n2m9x1c8b7z5a4s6d2"
_NOT_IN_A_PATH = {".", "..", "environments", "envs"}


def _checked_environment(name: str) -> str:
    # /projects/{uuid}/{name} has to lead there: clients resolve dots, and two lists have the other words.
    if "/" in name or name in _NOT_IN_A_PATH:
        raise refused(
            "The name of an environment is part of its address: "
            "it may not have a slash, nor be `.`, `..`, `environments` or `envs`."
        )
    return name


EnvironmentName = Annotated[
    Name,
    AfterValidator(_checked_environment),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": rf"^(?!(\.|\.\.|environments|envs)$)[^/{CONTROL}]*[^/\s{CONTROL}][^/{CONTROL}]*$",
            "examples": ["production"],
        }
    ),
]
"""A name that an environment is found by."""


class ProjectCreate(RequestSchema):
    """Body of `POST /projects`."""

    name: Name
    description: Description | None = None


class ProjectUpdate(RequestSchema):
    """Body of `PATCH /projects/{uuid}`: what is left out stays."""

    name: Name | None = None
    description: Description | None = Field(default=None, description="Null removes it.")


class EnvironmentCreate(RequestSchema):
    """Body of `POST /projects/{uuid}/environments`."""

    name: EnvironmentName
    description: Description | None = None


class EnvironmentUpdate(RequestSchema):
    """Body of `PATCH /projects/{uuid}/environments/{environment_name_or_uuid}`: what is left out stays."""

    name: EnvironmentName | None = None
    description: Description | None = Field(default=None, description="Null removes it.")


class EnvironmentItem(ResponseSchema):
    """An environment in a list."""

    id: int
    uuid: str = Field(examples=[_UUID])
    name: str = Field(examples=["production"])
    description: str | None


class ProjectItem(ResponseSchema):
    """A project in a list."""

    id: int
    uuid: str = Field(examples=[_UUID])
    name: str = Field(examples=["shop"])
    description: str | None


class ProjectAnswer(ProjectItem):
    """A project with its environments."""

    environments: list[EnvironmentItem]
    created_at: Timestamp
    updated_at: Timestamp


class ChangedAnswer(ResponseSchema):
    """A project or environment as it is after the change."""

    uuid: str = Field(examples=[_UUID])
    name: str
    description: str | None


class ResourceAnswer(ResponseSchema):
    """A service or database in a list."""

    uuid: str = Field(examples=[_UUID])
    name: str = Field(examples=["shop"])
    type: str = Field(examples=["service", "standalone-postgresql"])
    status: str = Field(examples=["running:healthy"])
    created_at: Timestamp
    updated_at: Timestamp


class EnvironmentAnswer(EnvironmentItem):
    """An environment with what lives in it."""

    project_uuid: str
    resources: list[ResourceAnswer] = Field(description="Everything in it, oldest first; below the same by type.")
    applications: list[ResourceAnswer] = Field(default=[], description="Always empty: Shiplog builds no applications.")
    services: list[ResourceAnswer]
    postgresqls: list[ResourceAnswer]
    redis: list[ResourceAnswer]
    mongodbs: list[ResourceAnswer]
    mysqls: list[ResourceAnswer]
    mariadbs: list[ResourceAnswer]
    keydbs: list[ResourceAnswer]
    dragonflies: list[ResourceAnswer]
    clickhouses: list[ResourceAnswer]
    valkeys: list[ResourceAnswer]
    created_at: Timestamp
    updated_at: Timestamp


_LISTS = {
    "service": "services",
    "standalone-postgresql": "postgresqls",
    "standalone-redis": "redis",
    "standalone-mongodb": "mongodbs",
    "standalone-mysql": "mysqls",
    "standalone-mariadb": "mariadbs",
    "standalone-keydb": "keydbs",
    "standalone-dragonfly": "dragonflies",
    "standalone-clickhouse": "clickhouses",
    "standalone-valkey": "valkeys",
}


def by_type(resources: Sequence[ResourceAnswer]) -> dict[str, list[ResourceAnswer]]:
    """Return resources under the name that the reference's environment has for the list of each type."""
    return {name: [one for one in resources if one.type == type_] for type_, name in _LISTS.items()}
