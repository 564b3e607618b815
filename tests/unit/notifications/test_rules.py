"""Which events a channel is told, and what an outbox event is to it."""

from typing import Any

import pytest

from app.notifications.events import NotificationEvent, event_of
from app.notifications.rules import Subject, is_told

FAILED = Subject(NotificationEvent.DEPLOYMENT_FAILED, "resource", "project", "server")
UNREACHABLE = Subject(NotificationEvent.SERVER_UNREACHABLE, server_uuid="server")
RULES: dict[str, tuple[list[dict[str, Any]], Subject, bool]] = {
    "no rule": ([], FAILED, True),
    "a rule that asks for nothing": ([{}], FAILED, True),
    "the event": ([{"events": ["deployment_failed"]}], FAILED, True),
    "another event": ([{"events": ["deployment_success"]}], FAILED, False),
    "the resource": ([{"resource_uuids": ["resource"]}], FAILED, True),
    "the project of another": ([{"project_uuids": ["other"]}], FAILED, False),
    "the event, and not the server": ([{"events": ["deployment_failed"], "server_uuids": ["other"]}], FAILED, False),
    "the second rule": ([{"server_uuids": ["other"]}, {"project_uuids": ["project"]}], FAILED, True),
    "a server where projects are wanted": ([{"project_uuids": ["project"]}], UNREACHABLE, False),
    "a server": ([{"server_uuids": ["server"]}], UNREACHABLE, True),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_fits_when_all_it_asks_for_is_there(name: str) -> None:
    rules, subject, is_wanted = RULES[name]
    assert is_told(rules, subject) is is_wanted


@pytest.mark.parametrize(
    ("name", "payload", "event"),
    [
        ("ServiceStatusChanged", {"deployment_uuid": "a", "status": "finished"}, "deployment_success"),
        ("DatabaseStatusChanged", {"deployment_uuid": "a", "status": "failed"}, "deployment_failed"),
        ("ServiceStatusChanged", {"deployment_uuid": "a", "status": "cancelled-by-user"}, "deployment_cancelled"),
        ("ServiceStatusChanged", {"status": "exited"}, None),
        ("DeploymentStuck", {"deployment_uuid": "a"}, "deployment_stuck"),
        ("ServerUnreachable", {}, "server_unreachable"),
        ("RetentionDone", {}, "retention_done"),
        ("SomethingElse", {}, None),
    ],
)
def test_what_an_outbox_event_is(name: str, payload: dict[str, str], event: str | None) -> None:
    assert event_of(name, payload) == event
