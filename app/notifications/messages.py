"""What is told of an event: the JSON of a webhook, and the title and text that people read elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.deployments.kinds import AnyQueue, kind_named
from app.deployments.schemas import kind_name_of
from app.kit.clock import to_text
from app.kit.redaction import Redactor
from app.notifications.events import NotificationEvent

Payload = dict[str, Any]

LOG = "log_excerpt"
"""The one field that a channel gets only if it was made by somebody who may read logs."""

_REDACTED = ("message", "application_name", "resource_name", "project", "environment", "server_name")
_REDACTED_TOO = ("failure_reason", "failed_step", "requested_by", "reason")

_SENTENCES = {
    NotificationEvent.DEPLOYMENT_SUCCESS: "Deployment of {name} finished",
    NotificationEvent.DEPLOYMENT_FAILED: "Deployment of {name} failed",
    NotificationEvent.DEPLOYMENT_CANCELLED: "Deployment of {name} was cancelled",
    NotificationEvent.DEPLOYMENT_STUCK: "Deployment of {name} is stuck",
    NotificationEvent.SERVER_UNREACHABLE: "Server {name} does not answer",
    NotificationEvent.SERVER_REACHABLE: "Server {name} answers again",
    NotificationEvent.RETENTION_DONE: "Old deployments were removed",
    NotificationEvent.TEST: "This is a test of Shiplog's notifications",
}


@dataclass(frozen=True)
class Home:
    """Where a resource lives; None for one that is gone."""

    project_uuid: str | None = None
    project: str | None = None
    environment: str | None = None


def message(event: NotificationEvent, at: datetime, *, name: str = "", **fields: Any) -> Payload:
    """Return what is told of any event: the reference's three fields, when it was, and `fields`."""
    return {
        "success": event.is_good,
        "message": _SENTENCES[event].format(name=name),
        "event": event.value,
        "created_at": to_text(at),
        **fields,
    }


def of_deployment(
    event: NotificationEvent, at: datetime, row: AnyQueue, home: Home, public_url: str, more: Mapping[str, Any]
) -> Payload:
    """Return what is told of a deployment: the reference's fields under its names, and our own."""
    name = kind_named(kind_name_of(row)).resource_name(row)
    ended = row.finished_at
    took = round((ended - row.started_at).total_seconds() * 1000) if ended and row.started_at else None
    return message(
        event,
        at,
        name=name,
        application_name=name,
        application_uuid=row.resource_uuid,
        deployment_uuid=row.deployment_uuid,
        deployment_url=f"{public_url}{row.deployment_url}" if row.deployment_url else None,
        project=home.project,
        environment=home.environment,
        kind=kind_name_of(row),
        resource_name=name,
        resource_uuid=row.resource_uuid,
        project_uuid=home.project_uuid,
        server_name=row.server_name,
        server_uuid=row.server_uuid,
        status=row.status,
        action=row.action,
        requested_by=row.requested_by,
        failure_reason=row.failure_reason,
        failed_step=next((one["name"] for one in row.steps if one.get("exit_code")), None),
        exit_code=row.exit_code,
        started_at=to_text(row.started_at) if row.started_at else None,
        finished_at=to_text(ended) if ended else None,
        duration_ms=took,
        **more,
    )


def redacted(payload: Payload, redactor: Redactor) -> Payload:
    """Return the payload with its texts redacted; names and reasons are typed by people, or by a server."""
    texts = {name: payload[name] for name in (*_REDACTED, *_REDACTED_TOO) if isinstance(payload.get(name), str)}
    return {**payload, **{name: redactor.redact(text) for name, text in texts.items()}}


def title_of(payload: Mapping[str, Any]) -> str:
    """Return the line above a text."""
    return str(payload["message"])


def text_of(payload: Mapping[str, Any]) -> str:
    """Return what people read, a fact a line, the log's last lines at its end."""
    return "\n".join(_lines(payload))


def _lines(payload: Mapping[str, Any]) -> Iterator[str]:
    facts = {
        "Project": payload.get("project"),
        "Environment": payload.get("environment"),
        "Server": payload.get("server_name"),
        "Requested by": payload.get("requested_by"),
        "Took": _duration(payload.get("duration_ms")),
        "Reason": payload.get("failure_reason") or payload.get("reason"),
        "Step": payload.get("failed_step"),
        "At": payload["created_at"],
    }
    yield from (f"{name}: {value}" for name, value in facts.items() if value)
    yield from (f"{name}: {count}" for name, count in (payload.get("removed") or {}).items())
    if payload.get("deployment_url"):
        yield str(payload["deployment_url"])
    lines: Sequence[str] = payload.get(LOG) or ()
    if lines:
        yield "\nLast lines of the log:"
        yield from lines


def _duration(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else f"{milliseconds / 1000:.1f} s"
