"""What the deployment endpoints answer: the plan's columns and what surrounds them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter

from app.deployments.diff_schemas import RanImage
from app.deployments.kinds import AnyQueue, KindName
from app.kit.clock import to_text, utcnow
from app.kit.schema import RequestSchema, ResponseSchema, Timestamp
from app.models.deployment_status import DeploymentStatus
from app.models.service_deployment_queue import ServiceDeploymentQueue


class DeploymentStep(ResponseSchema):
    """One named stage of a deployment."""

    name: str = Field(examples=["Pull images"])
    batch: int = Field(description="The step's number, as `batch` in its log entries.")
    started_at: str | None = None
    finished_at: str | None = None
    exit_code: int | None = Field(default=None, description="Null while it runs or when it was never reached.")
    first_order: int | None = Field(default=None, description="`order` of its first log entry.")
    last_order: int | None = Field(default=None, description="`order` of its last log entry.")


class AskedWith(ResponseSchema):
    """What a deployment was asked for with."""

    deadline_seconds: int | None = Field(default=None, description="After so long it is killed.")
    no_output_seconds: int | None = Field(default=None, description="After so long without any output it is killed.")
    rollback_of: str | None = Field(default=None, description="The deployment that a rollback goes back to.")


class Deployment(ResponseSchema):
    """What both kinds of deployment have."""

    id: int
    deployment_uuid: str = Field(examples=["k3v0q6n2m9x1c8b7z5a4s6d2"])
    resource_uuid: str
    status: DeploymentStatus
    action: str
    is_api: bool
    requested_by: str | None
    request_id: str | None = Field(description="`X-Request-Id` of the request that asked for it.")
    server_id: str
    server_uuid: str
    server_name: str
    deployment_url: str | None
    current_process_id: str | None = Field(description="Pid of the run's supervisor on the server.")
    failure_reason: str | None
    options: AskedWith
    image_digests: dict[str, RanImage] | None = Field(
        description="What each Compose service ran once it had finished; null when that is not known.",
        examples=[{"web": {"image": "nginx:1", "id": "sha256:2a85d3…", "digest": "nginx@sha256:f54cb7…"}}],
    )
    exit_code: int | None
    log_count: int
    log_bytes: int
    dropped_bytes: int
    logs_deleted_at: Timestamp | None = Field(description="When the log was deleted; `log_count` is 0 since then.")
    queue_position: int | None = Field(
        default=None, description="Place in the server's queue, from 1; null unless queued."
    )
    duration_ms: int | None = Field(default=None, description="From start to end, or to now while it runs.")
    steps: list[DeploymentStep]
    logs: str | None = Field(
        default=None,
        description="The log as a JSON string, an array of entries. Only with `read:sensitive`, in lists only with "
        "`include=logs`; it grows while the deployment runs.",
    )
    created_at: Timestamp
    updated_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    cancel_requested_at: Timestamp | None


class ServiceDeployment(Deployment):
    """One deployment of a service."""

    kind: Literal["service"] = "service"
    service_id: int
    service_name: str
    pull_latest_images: bool
    stop_before_start: bool


class DatabaseDeployment(Deployment):
    """One deployment of a database."""

    kind: Literal["database"] = "database"
    database_id: str
    database_type: str = Field(examples=["standalone-postgresql"])
    database_name: str


AnyDeployment = ServiceDeployment | DatabaseDeployment


class LogEntry(ResponseSchema):
    """One redacted line."""

    command: str | None
    output: str
    type: Literal["stdout", "stderr"]
    timestamp: str
    hidden: bool
    batch: int
    order: int
    name: str | None = Field(default=None, description="Name of the step, on the entry that opens it.")


class LogPageAnswer(ResponseSchema):
    """A page of the log and where the deployment stood when it was read."""

    status: DeploymentStatus
    log_count: int
    next_after: int = Field(
        description="How far was looked: the `after` of the next page. The last one has `log_count` here, or more."
    )
    entries: list[LogEntry]


class TicketAnswer(ResponseSchema):
    """A way to follow one log without a header."""

    ticket: str = Field(description="For `?ticket=` of this deployment's `…/logs/stream`.")
    url: str = Field(description="That stream's path with the ticket in it, for `new EventSource(url)`.")


Limit = Annotated[int, Field(ge=1, le=7 * 24 * 3600)]


class RunLimits(RequestSchema):
    """How long a deployment may take; what any start can carry."""

    deployment_timeout: Limit | None = Field(
        default=None, description="Seconds until it is killed and `failed`; the server's setting when left out."
    )
    no_output_timeout: Limit | None = Field(
        default=None, description="Seconds without any output until it is killed and `failed`; no limit when left out."
    )


class StartOptions(RunLimits):
    """What a start of a service can carry, in the query or in the body."""

    pull_latest_images: bool | None = Field(default=None, description="Pull every image again before starting.")
    stop_before_start: bool | None = Field(default=None, description="Stop the running containers first.")
    force: bool | None = Field(default=None, description="Means `pull_latest_images`.")
    latest: bool | None = Field(default=None, description="Means `pull_latest_images`.")

    @property
    def pull(self) -> bool:
        """Whether images are pulled again."""
        return bool(self.pull_latest_images or self.force or self.latest)


class DeployRequest(StartOptions):
    """Body of `POST /deploy`; every field can stand in the query instead."""

    uuid: str | None = Field(default=None, description="Uuids of services and databases, separated by commas.")
    tag: str | None = Field(default=None, description="Tags, separated by commas. Not together with `uuid`.")


class StartQuery(StartOptions):
    """The same in a query."""

    is_query = True


class DeployQuery(DeployRequest):
    """The same in a query."""

    is_query = True


class DatabaseStartOptions(RunLimits):
    """What a start of a database can carry."""


class DatabaseStart(DatabaseStartOptions):
    """Body of `POST /databases/{uuid}/start`."""

    allow_major_upgrade: bool = Field(
        default=False, description="Start an image of which it is known that it may not be able to use the data."
    )


class DeployedItem(ResponseSchema):
    """What became of one resource of `POST /deploy`."""

    message: str = Field(examples=["Service shop started. It could take a while, be patient."])
    resource_uuid: str
    deployment_uuid: str | None = Field(default=None, description="Null only when the server's queue is full.")


class DeployedDetail(ResponseSchema):
    """Which deployment a resource got."""

    resource_uuid: str
    deployment_uuid: str


class DeployAnswer(ResponseSchema):
    """Answer of `POST /deploy`."""

    deployments: list[DeployedItem]
    message: list[str] | None = Field(default=None, description="Each one's message again. Only with `tag`.")
    details: list[DeployedDetail] | None = Field(default=None, description="What was queued. Only with `tag`.")

    @classmethod
    def by_tag(cls, items: Sequence[DeployedItem]) -> Self:
        """Return the answer to a deploy by tag: what the reference says then beside what it says by uuid."""
        details = [
            DeployedDetail(resource_uuid=item.resource_uuid, deployment_uuid=item.deployment_uuid)
            for item in items
            if item.deployment_uuid is not None
        ]
        return cls(deployments=list(items), message=[item.message for item in items], details=details)


class StartAnswer(ResponseSchema):
    """Answer of start and restart."""

    message: str = Field(examples=["Service starting request queued."])
    deployment_uuid: str


class CancelAnswer(ResponseSchema):
    """Answer of a cancel."""

    message: str = Field(examples=["Deployment cancelled successfully."])
    deployment_uuid: str
    status: DeploymentStatus = Field(description="`in_progress` until the run on the server has been ended.")


_ANSWERS: dict[KindName, type[AnyDeployment]] = {"service": ServiceDeployment, "database": DatabaseDeployment}
_COMPUTED = ("kind", "logs", "queue_position", "duration_ms")
COLUMNS = {
    name: tuple(field for field in schema.model_fields if field not in _COMPUTED) for name, schema in _ANSWERS.items()
}
"""The columns of a row that are in its answer, by kind; the first is its id."""
JSON_COLUMNS = ("steps", "options", "image_digests")
_BLANKS = {name: {**dict.fromkeys(schema.model_fields), "kind": name} for name, schema in _ANSWERS.items()}
_MOMENTS = tuple(name for name, field in Deployment.model_fields.items() if "datetime" in repr(field.annotation))
_PARTS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(Deployment.__annotations__[name]) for name in ("options", "image_digests", "steps")
}
"""The columns that are JSON: what is stored in them may have more, or less, than an answer shows."""


def deployment_answer(
    kind: KindName, columns: Mapping[str, Any], *, logs: str | None, queue_position: int | None
) -> dict[str, Any]:
    """Return the answer for the COLUMNS of a row as JSON knows it; `logs` is None unless the caller may see them.

    What PostgreSQL has is what we have put in: to validate all of it again took longer than to read it.
    """
    answer = {**_BLANKS[kind], **columns, "logs": logs, "queue_position": queue_position}
    answer["duration_ms"] = _duration_ms(columns["started_at"], columns["finished_at"])
    for name, part in _PARTS.items():
        answer[name] = part.dump_python(part.validate_python(answer[name]))
    for name in _MOMENTS:
        if answer[name] is not None:
            answer[name] = to_text(answer[name])
    return answer


def columns_of(row: AnyQueue) -> dict[str, Any]:
    """Return the COLUMNS of a row."""
    return {name: getattr(row, name) for name in COLUMNS[kind_name_of(row)]}


def model_of(answer: Mapping[str, Any]) -> AnyDeployment:
    """Return a deployment's answer with its types, for who shows it himself."""
    return _ANSWERS[answer["kind"]](**answer)


def kind_name_of(row: AnyQueue) -> KindName:
    """Return `service` or `database`."""
    return "service" if isinstance(row, ServiceDeploymentQueue) else "database"


def _duration_ms(started_at: datetime | None, finished_at: datetime | None) -> int | None:
    if started_at is None:
        return None
    return max(0, round(((finished_at or utcnow()) - started_at).total_seconds() * 1000))
