"""What the log says about a changed configuration: names, never values."""

from typing import Any

import pytest

from app.deployments.changes import change_notes

BEFORE: dict[str, Any] = {
    "name": "store",
    "compose": "",
    "connect_to_network": False,
    "type": "standalone-redis",
    "nonce": "a",
    "secrets": ["old-value"],
    "previous_image": None,
    "columns": {"image": "redis:7.2", "redis_password": "old-value"},
    "env": [{"key": "KEPT", "value": "1"}, {"key": "GONE", "value": "1"}, {"key": "TZ", "value": "old-value"}],
    "registries": [{"registry": "one.example", "username": "u", "password": "old-value"}],
}
IN_FORCE = "Changed since the last finished deployment, in force from this start: "


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"columns": {"image": "redis:8", "redis_password": "new-value"}}, "image, redis_password"),
        (
            {"env": [{"key": "KEPT", "value": "1"}, {"key": "NEW", "value": "x"}, {"key": "TZ", "value": "new-value"}]},
            "the variable GONE, the variable NEW, the variable TZ",
        ),
        ({"registries": []}, "the login of one.example"),
        (
            {"name": "shop", "compose": "services: {}", "connect_to_network": True},
            "name, docker_compose_raw, connect_to_docker_network",
        ),
        (
            {"env": [*BEFORE["env"], *({"key": f"K{n:02d}", "value": ""} for n in range(22))]},
            ", ".join(f"the variable K{n:02d}" for n in range(20)) + " and 2 more",
        ),
    ],
    ids=["columns", "variables", "registries", "a service", "many"],
)
def test_what_changed_is_named_without_its_value(changes: dict[str, Any], names: str) -> None:
    notes = change_notes(BEFORE, {**BEFORE, **changes})
    assert notes == (f"{IN_FORCE}{names}.",)
    assert "-value" not in "".join(notes)


def test_what_an_image_reads_once_is_told_apart() -> None:
    before = {"type": "standalone-postgresql", "columns": {"image": "postgres:16", "init_scripts": None}}
    after = {**before, "columns": {"image": "postgres:16.1", "init_scripts": [{"filename": "a.sql", "content": "b"}]}}
    assert change_notes(before, after) == (
        f"{IN_FORCE}image.",
        "Changed, but the image reads it only over an empty data folder: init_scripts.",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, BEFORE),
        (BEFORE, {**BEFORE, "nonce": "b", "secrets": [], "deadline_seconds": 1, "previous_image": "x"}),
        (BEFORE, {**BEFORE, "network": "shiplog", "columns": {**BEFORE["columns"], "limits_memory": "0"}}),
    ],
    ids=["the first deployment", "what every deployment has of its own", "what a new version of Shiplog brings"],
)
def test_nothing_is_said_when_nothing_changed(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert change_notes(before, after) == ()
