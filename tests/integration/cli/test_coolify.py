"""`shiplog import coolify` on a recorded Coolify: what it shows, makes, leaves out, and that it can be run again."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.cli.client import Api, Refused
from app.cli.coolify.command import bring_over
from app.cli.output import Output
from app.remote.keys import generate_private_key
from tests.integration.cli import recorded_coolify
from tests.integration.cli.terminal import Terminal

EVERYTHING = [
    ("key", "main"),
    ("server", "web1"),
    ("variables", "team: REGION"),
    ("project", "yard"),
    ("variables", "yard: STAGE"),
    ("environment", "staging area"),
    ("service", "shop"),
    ("variables", "shop: GREETING"),
    ("database", "orders"),
    ("database", "cache"),
]
Bring = Callable[..., Any]


@asynccontextmanager
async def coolify(private_key: str | None, token: str = recorded_coolify.TOKEN) -> AsyncIterator[Api]:
    """The recorded Coolify."""
    transport = recorded_coolify.transport(recorded_coolify.answers(private_key))
    async with Api("http://coolify.test", token, name="Coolify", transport=transport) as api:
        yield api


def bringing(there: Api) -> Bring:
    """Return the command that brings it over."""

    async def work(api: Api, out: Output, *, is_applied: bool) -> int:
        return await bring_over(there, api, out, is_applied=is_applied)

    return work


async def counts(terminal: Terminal) -> list[int]:
    """Return how many keys, servers, projects, services and databases there are."""
    paths = ("/security/keys", "/servers", "/projects", "/services", "/databases")
    return [len(await terminal.api.get(path)) for path in paths]


async def test_what_would_be_made_is_shown_and_nothing_is_made(terminal: Terminal) -> None:
    async with coolify(generate_private_key()) as there:
        answer = await terminal.json(bringing(there), is_applied=False)
        shown = await terminal.run(bringing(there), is_applied=False)
    assert [(step["kind"], step["name"]) for step in answer["steps"]] == EVERYTHING
    assert {step["state"] for step in answer["steps"]} == {"would be made"}
    assert "Nothing was made. With --apply it is." in shown
    assert await counts(terminal) == [0, 0, 0, 0, 0]
    left_out = "\n".join(answer["left_out"])
    for part in ("github is for git", "localhost is Coolify's own machine", "application site", "HIDDEN"):
        assert part in left_out
    assert "service local needs something" in left_out
    assert "old-password" not in shown + str(answer)


async def test_what_was_made_is_as_it_was_and_is_made_once(terminal: Terminal) -> None:
    async with coolify(generate_private_key()) as there:
        first = await terminal.json(bringing(there), is_applied=True)
        assert {(step["state"], step["reason"]) for step in first["steps"]} == {("made", "")}
        again = await terminal.json(bringing(there), is_applied=True)
    assert {step["state"] for step in again["steps"]} == {"there"}
    assert await counts(terminal) == [1, 1, 1, 1, 2]

    (server,), (service,) = await terminal.api.get("/servers"), await terminal.api.get("/services")
    assert (server["name"], server["ip"]) == ("web1", "192.0.2.10")
    assert (service["docker_compose_raw"], service["description"]) == (recorded_coolify.COMPOSE, "sells")
    assert (service["environment_name"], service["server_uuid"]) == ("staging area", server["uuid"])
    (variable,) = await terminal.api.get(f"/services/{service['uuid']}/envs")
    assert (variable["key"], variable["value"], variable["is_literal"]) == ("GREETING", "a$b", True)
    databases = {one["name"]: one for one in await terminal.api.get("/databases")}
    orders, cache = databases["orders"], databases["cache"]
    assert (orders["postgres_user"], orders["postgres_password"]) == ("ada", "old-password")
    assert (orders["postgres_conf"], orders["public_port"]) == ("max_connections = 50\n", 5433)
    assert orders["init_scripts"] == [{"filename": "1.sql", "content": "SELECT 1;"}]
    assert cache["redis_password"] == "redis-password"
    assert await terminal.api.get("/deployments") == []


async def test_a_key_that_cannot_be_read_takes_with_it_what_needs_it(terminal: Terminal) -> None:
    async with coolify(None) as there:
        answer = await terminal.json(bringing(there), is_applied=True)
    assert [step["name"] for step in answer["steps"]] == ["team: REGION", "yard", "yard: STAGE", "staging area"]
    assert any("key main cannot be read" in sentence for sentence in answer["left_out"])
    assert await counts(terminal) == [0, 0, 1, 0, 0]


async def test_what_is_refused_is_told_with_its_reason(terminal: Terminal) -> None:
    async with coolify("no key") as there:
        code, printed = await terminal.ended(bringing(there), is_applied=True)
    assert code == 1
    assert "The API refuses POST /security/keys with 422" in printed
    assert "no key" not in printed
    assert await counts(terminal) == [0, 0, 1, 0, 0]


async def test_a_token_that_coolify_does_not_know_is_told(terminal: Terminal) -> None:
    async with coolify(None, token="4|other") as there:
        with pytest.raises(Refused, match=r"^Coolify refuses GET /security/keys with 401: Unauthenticated"):
            await terminal.run(bringing(there), is_applied=False)
