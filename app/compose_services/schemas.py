"""What the service endpoints take and answer."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, field_validator
from pydantic.json_schema import SkipJsonSchema, WithJsonSchema

from app.compose_services.parts import Part
from app.kit.schema import Description, Line, Name, RequestSchema, ResponseSchema, Timestamp, UuidOf, refused
from app.models.service import Service
from app.projects.tags.schemas import NewTags

_EXAMPLE = "c2VydmljZXM6CiAgd2ViOgogICAgaW1hZ2U6IG5naW54OjEKICAgIHBvcnRzOiBbIjgwODA6ODAiXQo="


def _encodable(text: str) -> str:
    if not text.isascii():
        raise refused("The docker_compose_raw should be base64 encoded.")
    return text


ComposeInBase64 = Annotated[
    str,
    AfterValidator(_encodable),
    WithJsonSchema(
        {
            "type": "string",
            "format": "byte",
            "description": "The Compose file in base64, at most 256 KiB before encoding. It reaches the server byte for "
            "byte; what Shiplog adds goes into a second file.",
            "examples": [_EXAMPLE],
        }
    ),
]
_JOINS_NETWORK = (
    "Whether the containers also join the destination's network, where the databases are. False unless you ask: two "
    "services with a container of the same name would answer for each other there."
)


class ServiceCreate(RequestSchema):
    """Body of `POST /services`."""

    name: Name | None = Field(default=None, description="`service-…` when left out.")
    description: Description | None = None
    project_uuid: UuidOf
    environment_name: Line | None = Field(
        default=None, description="This or `environment_uuid` is needed.", examples=["production"]
    )
    environment_uuid: UuidOf | None = None
    server_uuid: UuidOf
    destination_uuid: UuidOf | None = Field(default=None, description="Needed when the server has several.")
    docker_compose_raw: ComposeInBase64
    connect_to_docker_network: bool = Field(default=False, description=_JOINS_NETWORK)
    instant_deploy: bool = Field(default=False, description="Also queue the first deployment.")
    tags: NewTags | None = Field(default=None, description="Names of tags to put on it.")
    type: SkipJsonSchema[Any] = None

    @field_validator("type")
    @classmethod
    def _no_templates(cls, _: Any) -> Any:
        raise refused("There are no one-click services here: send your Compose file in docker_compose_raw instead.")


class ServiceUpdate(RequestSchema):
    """Body of `PATCH /services/{uuid}`: what is left out stays; a change counts from the next deployment on."""

    name: Name | None = None
    description: Description | None = Field(default=None, description="Null removes it.")
    docker_compose_raw: ComposeInBase64 | None = None
    connect_to_docker_network: bool | None = Field(default=None, description=_JOINS_NETWORK)
    instant_deploy: bool = Field(default=False, description="Also queue a deployment with the changes.")


class ServiceUuid(ResponseSchema):
    """Which service was made or changed."""

    uuid: str = Field(examples=["k3v0q6n2m9x1c8b7z5a4s6d2"])
    domains: list[str] = Field(default=[], description="Always empty: Shiplog routes no domains.")


class ContainerAnswer(ResponseSchema):
    """A container of a service as it was seen."""

    name: str = Field(examples=["k3v0q6n2m9x1c8b7z5a4s6d2-web-1"])
    service: str = Field(description="Its name in the Compose file.", examples=["web"])
    image: str = Field(examples=["nginx:1"])
    state: str = Field(description="`running`, `restarting`, `exited` …, as Docker says.", examples=["running"])
    health: str | None = Field(description="`healthy`, `unhealthy`, `starting`; null without a health check.")
    exit_code: int | None = Field(description="Null until it has ended.")
    started_at: str | None = Field(examples=["2025-10-30T15:29:39.123456Z"])


class PartAnswer(ResponseSchema):
    """An entry of a service's Compose file."""

    uuid: str = Field(examples=["b7z5a4s6d2k3v0q6n2m9x1c8"])
    name: str = Field(description="Its name in the Compose file.", examples=["web"])
    human_name: str | None = Field(description="What people call it.", examples=["Shop window"])
    description: str | None
    image: str | None = Field(
        description="As the Compose file has it; null for one that is built.", examples=["nginx:1"]
    )
    status: str = Field(description="As its containers were at `containers_at` of the service.", examples=["exited"])
    exclude_from_status: bool = Field(description="Always false.")
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, service: Service, part: Part) -> Self:
        """Return the answer for a part."""
        return cls(
            uuid=part.uuid,
            name=part.name,
            human_name=part.human_name,
            description=part.description,
            exclude_from_status=False,
            image=part.image,
            status=part.status,
            created_at=service.created_at,
            updated_at=service.updated_at,
        )


class PartUpdate(RequestSchema):
    """Body of `PATCH /services/{uuid}/applications|databases/{…}`: what is left out stays, null removes it."""

    human_name: Line | None = Field(default=None, examples=["Shop window"])
    description: Description | None = None


class ServiceAnswer(ResponseSchema):
    """A service."""

    uuid: str = Field(examples=["k3v0q6n2m9x1c8b7z5a4s6d2"])
    description: str | None
    name: str = Field(examples=["shop"])
    status: str = Field(
        description="`running:healthy`, `running:unhealthy`, `exited`, `unknown` …", examples=["exited"]
    )
    status_at: Timestamp | None = Field(description="When that was seen; null before the first deployment.")
    containers: list[ContainerAnswer] = Field(description="Its containers as they were at `containers_at`.")
    containers_at: Timestamp | None = Field(
        description="When somebody looked last, with `GET /services/{uuid}?look=true`; null before."
    )
    project_uuid: str
    environment_uuid: str
    environment_name: str = Field(examples=["production"])
    server_uuid: str
    destination_uuid: str
    connect_to_docker_network: bool
    docker_compose_raw: str | None = Field(
        default=None, description="The Compose file as text. Only with `read:sensitive`: people write secrets into it."
    )
    docker_compose: str | None = Field(
        default=None,
        description="The Compose file as it is deployed: the same text, nothing in it is rewritten. Only with "
        "`read:sensitive`.",
    )
    applications: list[PartAnswer] | None = Field(
        default=None, description="What of the Compose file is no database; not in lists."
    )
    databases: list[PartAnswer] | None = Field(
        default=None, description="What of the Compose file is a database, going by the image; not in lists."
    )
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, service: Service, *, with_secrets: bool, parts: Sequence[Part] | None = None) -> Self:
        """Return the answer for a row; fields that the caller may not see are not set, and so left out."""
        kinds: dict[str, Any] = {}
        if parts is not None:
            kinds = {
                f"{kind}s": [PartAnswer.of(service, part) for part in parts if part.kind == kind]
                for kind in ("application", "database")
            }
        secrets = {"docker_compose_raw": service.docker_compose_raw, "docker_compose": service.docker_compose_raw}
        return cls(
            uuid=service.uuid,
            description=service.description,
            name=service.name,
            status=service.status,
            status_at=service.status_at,
            containers=[ContainerAnswer.model_validate(container) for container in service.containers],
            containers_at=service.containers_at,
            project_uuid=service.environment.project.uuid,
            environment_uuid=service.environment.uuid,
            environment_name=service.environment.name,
            server_uuid=service.server.uuid,
            destination_uuid=service.destination.uuid,
            connect_to_docker_network=service.connect_to_docker_network,
            created_at=service.created_at,
            updated_at=service.updated_at,
            **(secrets if with_secrets else {}),
            **kinds,
        )
