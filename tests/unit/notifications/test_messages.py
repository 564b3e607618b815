"""What is told is short, redacted, and has the reference's fields."""

from datetime import UTC, datetime
from typing import Any

from app.kit.redaction import Redactor
from app.models import ServiceDeploymentQueue
from app.notifications.events import NotificationEvent
from app.notifications.excerpt import CHARACTERS, LINE_CHARACTERS, LINES, excerpt_of
from app.notifications.messages import LOG, Home, message, of_deployment, redacted, text_of, title_of

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = "correct-horse-battery"


def _entries(*outputs: str) -> list[dict[str, Any]]:
    return [{"output": output, "hidden": False} for output in outputs]


def test_the_excerpt_is_the_last_lines_without_colours_secrets_and_bookkeeping() -> None:
    entries = [*_entries("first", f"\x1b[31mit is {SECRET}\x1b[0m\n\nlast"), {"output": "ours", "hidden": True}]
    assert excerpt_of(entries, Redactor([SECRET])) == ["first", "it is <REDACTED>", "last"]


def test_the_excerpt_is_bounded() -> None:
    many = excerpt_of(_entries(*(str(number) for number in range(100))), Redactor([]))
    assert many == [str(number) for number in range(100 - LINES, 100)]
    assert [len(line) for line in excerpt_of(_entries("x" * 5000), Redactor([]))] == [LINE_CHARACTERS]
    assert 0 < sum(map(len, excerpt_of(_entries(*["y" * 290] * 20), Redactor([])))) <= CHARACTERS


def test_a_secret_at_the_cut_does_not_come_out() -> None:
    line = "x" * (LINE_CHARACTERS - 10) + SECRET
    assert SECRET[:5] not in excerpt_of(_entries(line), Redactor([SECRET]))[0]


def _failed() -> ServiceDeploymentQueue:
    return ServiceDeploymentQueue(
        service_id=1,
        service_name="shop",
        resource_uuid="r",
        deployment_uuid="d",
        deployment_url="/services/r/deployment/d",
        server_uuid="s",
        server_name="web1",
        status="failed",
        action="start",
        requested_by="Ada",
        failure_reason=f"password {SECRET} refused",
        exit_code=1,
        steps=[{"name": "Pull images", "exit_code": 0}, {"name": "Start", "exit_code": 1}],
        started_at=AT,
        finished_at=AT.replace(second=7),
    )


def test_a_failed_deployment_has_the_references_fields_and_ours() -> None:
    home = Home("p", "store", "production")
    told = of_deployment(NotificationEvent.DEPLOYMENT_FAILED, AT, _failed(), home, "https://s.example", {})
    told = redacted(told, Redactor([SECRET]))
    assert {name: told[name] for name in ("success", "message", "event")} == {
        "success": False,
        "message": "Deployment of shop failed",
        "event": "deployment_failed",
    }
    reference = ("application_name", "application_uuid", "deployment_uuid", "deployment_url", "project", "environment")
    assert [told[name] for name in reference] == [
        "shop",
        "r",
        "d",
        "https://s.example/services/r/deployment/d",
        "store",
        "production",
    ]
    assert (told["kind"], told["duration_ms"], told["failed_step"]) == ("service", 2000, "Start")
    assert told["failure_reason"] == "password <REDACTED> refused"
    assert title_of(told) == "Deployment of shop failed"
    assert text_of({**told, LOG: ["a", "b"]}).splitlines() == [
        "Project: store",
        "Environment: production",
        "Server: web1",
        "Requested by: Ada",
        "Took: 2.0 s",
        "Reason: password <REDACTED> refused",
        "Step: Start",
        "At: 2026-01-02T03:04:05.000000Z",
        "https://s.example/services/r/deployment/d",
        "",
        "Last lines of the log:",
        "a",
        "b",
    ]


def test_what_retention_removed_is_told_in_numbers() -> None:
    told = message(NotificationEvent.RETENTION_DONE, AT, removed={"deployments": 3})
    assert (told["success"], told["removed"]) == (True, {"deployments": 3})
    assert "deployments: 3" in text_of(told)
