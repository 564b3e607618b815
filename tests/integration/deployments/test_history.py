"""The history as a client reads it: pages, filters, logs for those who may see them, one team's rows only."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.deployments.kinds import DATABASE, KINDS, SERVICE, AnyQueue, Kind
from app.deployments.presenting import LOGS_LIMIT_BYTES
from app.kit.clock import utcnow
from app.models import Service
from app.models.standalone.columns import StandaloneMixin
from app.postgres import Sessions
from tests.deploying import Place, create_deployment, create_place, create_resource, row_of
from tests.fixtures.api import MadeToken, MakeToken

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


async def make_history(
    sessions: Sessions, kind: Kind, count: int, **columns: Any
) -> tuple[Place, Service | StandaloneMixin, list[AnyQueue]]:
    """Return the rows newest first."""
    async with sessions.begin() as session:
        place = await create_place(session)
        resource = await create_resource(session, place, kind)
        moment = utcnow()
        rows = [
            await create_deployment(session, place, resource, created_at=moment - timedelta(seconds=age), **columns)
            for age in range(count)
        ]
    return place, resource, rows


async def uuids(api: httpx.AsyncClient, token: MadeToken, path: str) -> list[str]:
    answer = await api.get(path, headers=token.headers)
    assert answer.status_code == 200, answer.text
    return [row["deployment_uuid"] for row in answer.json()]


@by_kind
async def test_skip_and_take_cut_a_page(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind
) -> None:
    place, resource, rows = await make_history(sessions, kind, 25)
    token = await make_token(["read"], team_id=place.team.id)
    expected = [row.deployment_uuid for row in rows]
    path = f"/deployments/{kind.name}s/{resource.uuid}"
    assert await uuids(api, token, path) == expected[:10]
    assert await uuids(api, token, f"{path}?skip=20&take=10") == expected[20:]
    assert await uuids(api, token, f"{path}?take=100") == expected
    assert await uuids(api, token, f"{path}?skip=2147483647") == []


@by_kind
async def test_following_the_link_header_reads_every_row_once(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind
) -> None:
    place, resource, rows = await make_history(sessions, kind, 23)
    token = await make_token(["read"], team_id=place.team.id)
    url = f"/api/v1/deployments/{kind.name}s/{resource.uuid}?take=5&count=true"
    found: list[str] = []
    while url:
        answer = await api.get(f"http://api.test{url}", headers=token.headers)
        assert answer.headers["X-Total-Count"] == "23"
        found += [row["deployment_uuid"] for row in answer.json()]
        link = answer.headers.get("Link", "")
        url = link.split(">")[0].removeprefix("<")
    assert found == [row.deployment_uuid for row in rows]


@by_kind
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("skip=-1", "skip"),
        ("take=0", "take"),
        ("take=101", "take"),
        ("take=1000", "take"),
        ("skip=x", "skip"),
        ("status=done", "status"),
        ("cursor=nonsense", "cursor"),
        ("cursor=OTk5OS0xMi0zMVQyMzo1OTo1OSswMDowMCA5OTk5OTk5OTk5OTk5OTk5OTk5OQ==", "cursor"),  # an id beyond int4
        ("cursor=MjAyNi0xMS0yNFQwMDowMDowMCAx", "cursor"),  # a time without a zone
        ("include=everything", "include"),
    ],
)
async def test_a_wrong_parameter_is_named(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind, query: str, field: str
) -> None:
    place, resource, _ = await make_history(sessions, kind, 1)
    token = await make_token(["read"], team_id=place.team.id)
    answer = await api.get(f"/deployments/{kind.name}s/{resource.uuid}?{query}", headers=token.headers)
    assert answer.status_code == 422
    assert answer.json()["message"] == "Validation failed."
    assert list(answer.json()["errors"]) == [field]


@by_kind
async def test_a_status_can_be_asked_for(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind
) -> None:
    place, resource, _ = await make_history(sessions, kind, 2, status="failed", failure_reason="It broke.")
    async with sessions.begin() as session:
        waiting = await create_deployment(session, place, resource)
    token = await make_token(["read"], team_id=place.team.id)
    path = f"/deployments/{kind.name}s/{resource.uuid}"
    assert await uuids(api, token, f"{path}?status=queued") == [waiting.deployment_uuid]
    counted = await api.get(f"{path}?status=queued&count=true", headers=token.headers)
    assert counted.headers["X-Total-Count"] == "1"
    assert len(await uuids(api, token, f"{path}?status=failed")) == 2


@by_kind
async def test_logs_are_only_for_those_who_may_read_them(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind
) -> None:
    place, resource, rows = await make_history(sessions, kind, 1)
    async with sessions.begin() as session:
        row = await row_of(session, kind, rows[0].id)
        await row.add_log_entry("hello")
    reader = await make_token(["read"], team_id=place.team.id)
    sensitive = await make_token(["read:sensitive"], team_id=place.team.id)
    one = f"/deployments/{kind.name}s/deployment/{row.deployment_uuid}"
    either = f"/deployments/{row.deployment_uuid}"
    history = f"/deployments/{kind.name}s/{resource.uuid}"
    for path in (one, either):
        assert (await api.get(path, headers=reader.headers)).json()["logs"] is None
        (entry,) = json.loads((await api.get(path, headers=sensitive.headers)).json()["logs"])
        assert (entry["output"], entry["order"]) == ("hello", 1)
    for token, query, shown in (
        (reader, "?include=logs", False),
        (sensitive, "", False),
        (sensitive, "?include=logs", True),
    ):
        (listed,) = (await api.get(history + query, headers=token.headers)).json()
        assert (listed["logs"] is not None) is shown
    assert (await api.get(f"{one}/logs", headers=reader.headers)).status_code == 403
    page = (await api.get(f"{one}/logs", headers=sensitive.headers)).json()
    assert (page["status"], page["log_count"], page["entries"]) == ("queued", 1, [{**entry, "name": None}])


@by_kind
async def test_the_log_of_a_row_grows_while_it_is_read(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind
) -> None:
    place, _, rows = await make_history(sessions, kind, 1)
    token = await make_token(["read:sensitive"], team_id=place.team.id)
    path = f"/deployments/{rows[0].deployment_uuid}"
    for number in range(1, 4):
        async with sessions.begin() as session:
            row = await row_of(session, kind, rows[0].id)
            await row.add_log_entry(f"line {number}")
        logs = json.loads((await api.get(path, headers=token.headers)).json()["logs"])
        assert [entry["output"] for entry in logs] == [f"line {count}" for count in range(1, number + 1)]
        after = (await api.get(f"{path}/logs?after={number - 1}", headers=token.headers)).json()
        assert [entry["order"] for entry in after["entries"]] == [number]


async def test_what_runs_or_waits_is_listed_for_both_kinds(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken
) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        service = await create_resource(session, place, SERVICE)
        database = await create_resource(session, place, DATABASE)
        running = await create_deployment(session, place, service, status="in_progress", started_at=utcnow())
        first = await create_deployment(session, place, database)
        second = await create_deployment(session, place, database)
        await create_deployment(session, place, database, status="finished")
    token = await make_token(["read"], team_id=place.team.id)
    rows = (await api.get("/deployments", headers=token.headers)).json()
    assert [(row["deployment_uuid"], row["kind"], row["queue_position"]) for row in rows] == [
        (running.deployment_uuid, "service", None),
        (first.deployment_uuid, "database", 1),
        (second.deployment_uuid, "database", 2),
    ]


@by_kind
async def test_another_teams_deployments_look_like_unknown_ones(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind
) -> None:
    _, resource, (row,) = await make_history(sessions, kind, 1)
    stranger = await make_token(["root"])
    for known, unknown in (
        (f"/deployments/{kind.name}s/{resource.uuid}", f"/deployments/{kind.name}s/{'a' * 24}"),
        (
            f"/deployments/{kind.name}s/deployment/{row.deployment_uuid}",
            f"/deployments/{kind.name}s/deployment/{'a' * 24}",
        ),
        (f"/deployments/{row.deployment_uuid}", f"/deployments/{'a' * 24}"),
        (f"/deployments/{row.deployment_uuid}/logs", f"/deployments/{'a' * 24}/logs"),
    ):
        theirs, nobodys = [await api.get(path, headers=stranger.headers) for path in (known, unknown)]
        assert (theirs.status_code, theirs.json()["message"]) == (404, nobodys.json()["message"])
        assert set(theirs.json()) == {"message", "request_id"}
    assert (await api.get("/deployments", headers=stranger.headers)).json() == []
    cancelled = await api.post(f"/deployments/{row.deployment_uuid}/cancel", headers=stranger.headers)
    assert cancelled.status_code == 404
    other = SERVICE if kind is DATABASE else DATABASE
    owner = await make_token(["root"], team_id=row.team_id)
    for path in ("", "/logs"):
        wrong = f"/deployments/{other.name}s/deployment/{row.deployment_uuid}{path}"
        assert (await api.get(wrong, headers=owner.headers)).status_code == 404


@by_kind
async def test_a_list_carries_the_logs_that_fit_into_its_limit(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind
) -> None:
    place, resource, rows = await make_history(sessions, kind, 4, log_bytes=LOGS_LIMIT_BYTES // 3)
    token = await make_token(["read:sensitive"], team_id=place.team.id)
    answer = await api.get(f"/deployments/{kind.name}s/{resource.uuid}?include=logs", headers=token.headers)
    assert [row["logs"] for row in answer.json()] == ["[]", "[]", "[]", None]
    single = await api.get(f"/deployments/{rows[3].deployment_uuid}", headers=token.headers)
    assert single.json()["logs"] == "[]"
