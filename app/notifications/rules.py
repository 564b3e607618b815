"""Which events a channel is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.notifications.events import NotificationEvent


@dataclass(frozen=True)
class Subject:
    """What an event is about; None where it is about no such thing."""

    event: NotificationEvent
    resource_uuid: str | None = None
    project_uuid: str | None = None
    server_uuid: str | None = None


def is_told(rules: Sequence[Mapping[str, Any]], subject: Subject) -> bool:
    """Return whether one of the rules fits, or there are none.

    A rule fits when each of its lists is empty or holds what the event is about: one that names projects is never told
    that a server does not answer.
    """
    return not rules or any(_fits(rule, subject) for rule in rules)


def _fits(rule: Mapping[str, Any], subject: Subject) -> bool:
    wanted = {
        "events": subject.event.value,
        "resource_uuids": subject.resource_uuid,
        "project_uuids": subject.project_uuid,
        "server_uuids": subject.server_uuid,
    }
    return all(not rule.get(name) or value in rule[name] for name, value in wanted.items())
