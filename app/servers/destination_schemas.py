"""What the endpoints of destinations take and answer."""

from typing import Literal, Self

from pydantic import Field

from app.kit.schema import Name, RequestSchema, ResponseSchema, Timestamp
from app.models.destination import StandaloneDocker
from app.servers.fields import NetworkName


class DestinationCreate(RequestSchema):
    """Body of `POST /servers/{server_uuid}/destinations`."""

    network: NetworkName
    name: Name | None = Field(default=None, description="The network's when left out.")
    type: Literal["standalone"] = Field(default="standalone", description="There are no Swarm destinations here.")


class DestinationUpdate(RequestSchema):
    """Body of `PATCH /destinations/{uuid}`: what is left out stays."""

    name: Name | None = None


class DestinationAnswer(ResponseSchema):
    """A Docker network of a server."""

    uuid: str = Field(examples=["k3v0q6n2m9x1c8b7z5a4s6d2"])
    name: str = Field(examples=["shiplog"])
    network: str = Field(description="Its name on the server.", examples=["shiplog"])
    type: Literal["standalone"] = "standalone"
    server_uuid: str
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, destination: StandaloneDocker) -> Self:
        """Return the answer for a row with its server loaded."""
        return cls(
            uuid=destination.uuid,
            name=destination.name,
            network=destination.network,
            server_uuid=destination.server.uuid,
            created_at=destination.created_at,
            updated_at=destination.updated_at,
        )
