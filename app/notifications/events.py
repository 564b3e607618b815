"""What can be told, and which of it an event of the outbox is."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from app.deployments.kinds import KINDS


class NotificationEvent(StrEnum):
    """What happened, as rules and receivers spell it; the first two are the reference's words."""

    DEPLOYMENT_SUCCESS = "deployment_success"
    DEPLOYMENT_FAILED = "deployment_failed"
    DEPLOYMENT_CANCELLED = "deployment_cancelled"
    DEPLOYMENT_STUCK = "deployment_stuck"
    SERVER_UNREACHABLE = "server_unreachable"
    SERVER_REACHABLE = "server_reachable"
    RETENTION_DONE = "retention_done"
    TEST = "test"

    @property
    def is_good(self) -> bool:
        """Whether nobody has to do anything."""
        return self in _GOOD


_GOOD = {
    NotificationEvent.DEPLOYMENT_SUCCESS,
    NotificationEvent.SERVER_REACHABLE,
    NotificationEvent.RETENTION_DONE,
    NotificationEvent.TEST,
}
_BY_STATUS = {
    "finished": NotificationEvent.DEPLOYMENT_SUCCESS,
    "failed": NotificationEvent.DEPLOYMENT_FAILED,
    "cancelled-by-user": NotificationEvent.DEPLOYMENT_CANCELLED,
}
STUCK = "DeploymentStuck"
_BY_NAME = {
    STUCK: NotificationEvent.DEPLOYMENT_STUCK,
    "ServerUnreachable": NotificationEvent.SERVER_UNREACHABLE,
    "ServerReachable": NotificationEvent.SERVER_REACHABLE,
    "RetentionDone": NotificationEvent.RETENTION_DONE,
}
_OF_STATUS = {kind.status_event for kind in KINDS}


def event_of(name: str, payload: Mapping[str, Any]) -> NotificationEvent | None:
    """Return what an outbox event is to the channels; None for what nobody is told, such as a changed container."""
    if name in _OF_STATUS:
        return _BY_STATUS.get(payload.get("status", "")) if "deployment_uuid" in payload else None
    return _BY_NAME.get(name)
