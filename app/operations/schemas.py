"""What the operation endpoints answer."""

from typing import Literal, Self

from pydantic import Field

from app.kit.schema import ResponseSchema, Timestamp
from app.models.resource_operation import ResourceOperation


class OperationAsked(ResponseSchema):
    """Answer of stop and delete, of what is done with a part of a service, and of taking one back."""

    message: str = Field(examples=["Service stopping request queued."])
    operation_uuid: str = Field(description="For `GET /operations/{uuid}`.", examples=["tz4a98xxat96iws9zmbrgj3a"])


class OperationOptions(ResponseSchema):
    """What was asked to be removed besides containers; of a stop `docker_cleanup` alone, of a part its name alone."""

    docker_cleanup: bool | None = None
    delete_volumes: bool | None = None
    delete_connected_networks: bool | None = None
    delete_configurations: bool | None = None
    force: bool | None = None
    part: str | None = Field(default=None, description="Of a part of a service: its name in the Compose file.")


class Operation(ResponseSchema):
    """One stop, start or delete and how it went. It outlives the resource that it removed."""

    uuid: str = Field(examples=["tz4a98xxat96iws9zmbrgj3a"])
    kind: Literal["stop", "delete", "stop-part", "start-part", "restart-part"]
    status: Literal["queued", "in_progress", "finished", "failed"]
    resource_type: str = Field(description="`service` or a database type.", examples=["standalone-postgresql"])
    resource_uuid: str = Field(examples=["k3v0q6n2m9x1c8b7z5a4s6d2"])
    resource_name: str = Field(examples=["shop"])
    options: OperationOptions
    requested_by: str | None
    request_id: str | None = Field(description="`X-Request-Id` of the request that asked for it.")
    failure_reason: str | None = Field(
        description="What went wrong; every step can be repeated by asking again. Of a queued one: why it has to wait."
    )
    retry_at: Timestamp | None = Field(description="When a delete whose server was away is tried again.")
    logs: str | None = Field(
        default=None,
        description="The redacted log so far as a JSON string, an array of entries. Only with `read:sensitive`.",
    )
    created_at: Timestamp
    updated_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None

    @classmethod
    def of(cls, row: ResourceOperation, *, with_logs: bool) -> Self:
        """Return the answer for a row; `logs` is not set, and so left out, unless the caller may see them."""
        values = {name: getattr(row, name) for name in cls.model_fields if name != "logs"}
        return cls(**values, **({"logs": row.logs or "[]"} if with_logs else {}))
