"""Retention: what a policy keeps stays, what it does not goes, in batches that no other transaction waits for."""

import asyncio
import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text

from app.deployments.kinds import KINDS, SERVICE, AnyQueue, Kind
from app.kit.clock import utcnow
from app.models import (
    ApiToken,
    IdempotencyKey,
    OutboxEvent,
    ResourceOperation,
    RetentionPolicy,
    Service,
    ServiceDeploymentLogSlice,
)
from app.models.log_entry import join_entries, log_entry
from app.models.standalone.columns import StandaloneMixin
from app.postgres import Sessions
from app.retention.pruning import BATCH_SECONDS, Pace, prune_due_team, prune_expired
from app.retention.repository import BEGIN, EXPIRED, Position, change_policy, policy_of, remove_old, take_due_team
from tests.deploying import Place, create_deployment, create_place, create_resource
from tests.desk import UNKNOWN_UUID, Desk, error_of, open_desk
from tests.fixtures.api import MakeToken

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
POLICY = "/teams/current/retention"
ENTRIES = [log_entry(f"line {order}", timestamp=utcnow(), order=order) for order in (1, 2, 3)]


def aged(days: float, status: str = "finished", **columns: Any) -> dict[str, Any]:
    """Return the columns of a counted deployment that was asked for so many days ago."""
    moment = utcnow() - timedelta(days=days)
    return {"status": status, "created_at": moment, "finished_at": moment, "counted_at": moment, **columns}


async def history(
    sessions: Sessions, place: Place, kind: Kind, rows: Iterable[dict[str, Any]]
) -> tuple[Service | StandaloneMixin, list[str]]:
    """Make a resource with these deployments; return it with their uuids."""
    async with sessions.begin() as session:
        resource = await create_resource(session, place, kind)
        made = [await create_deployment(session, place, resource, **columns) for columns in rows]
    return resource, [row.deployment_uuid for row in made]


async def place_with(sessions: Sessions, **policy: Any) -> Place:
    """Make a place whose team has a policy."""
    async with sessions.begin() as session:
        place = await create_place(session)
        await change_policy(session, place.team.id, policy)
    return place


async def left(sessions: Sessions, kind: Kind) -> set[str]:
    async with sessions() as session:
        return set((await session.execute(select(kind.queue.deployment_uuid))).scalars())


def every(status: str) -> Callable[[float], dict[str, Any]]:
    return lambda days: aged(days, status)


@by_kind
async def test_each_status_has_its_days_and_none_means_for_good(sessions: Sessions, kind: Kind) -> None:
    place = await place_with(sessions, finished_days=10, failed_days=20, cancelled_days=None)
    rows = [
        *map(every("finished"), (1, 9, 11, 21)),
        *map(every("failed"), (11, 19, 21)),
        *map(every("cancelled-by-user"), (11, 900)),
        {"status": "queued", "created_at": utcnow() - timedelta(days=900)},
        {"status": "in_progress", "created_at": utcnow() - timedelta(days=900)},
        aged(900, counted_at=None),
    ]
    _, uuids = await history(sessions, place, kind, rows)
    assert await prune_due_team(sessions)
    assert await left(sessions, kind) == {one for place, one in enumerate(uuids) if place not in {2, 3, 6}}


@by_kind
async def test_the_last_of_each_resource_stay_and_its_last_finished_one(sessions: Sessions, kind: Kind) -> None:
    place = await place_with(sessions, finished_days=1, failed_days=1, keep_last=2)
    _, much = await history(sessions, place, kind, map(every("finished"), (5, 4, 3, 2)))
    _, broken = await history(sessions, place, kind, [aged(9), aged(8), *map(every("failed"), (7, 6, 5, 4))])
    assert await prune_due_team(sessions)
    assert await left(sessions, kind) == {*much[-2:], broken[1], *broken[-2:]}


async def test_without_a_policy_of_its_own_a_team_keeps_ninety_days(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
    _, uuids = await history(sessions, place, SERVICE, map(every("finished"), (91, 89, 1)))
    assert await prune_due_team(sessions)
    assert await left(sessions, SERVICE) == set(uuids[1:])


async def test_a_round_is_told_once_with_what_it_removed_and_logs_go_with_their_rows(sessions: Sessions) -> None:
    place = await place_with(sessions, finished_days=1)
    async with sessions.begin() as session:
        service = await create_resource(session, place, SERVICE)
        old = await create_deployment(session, place, service, **aged(3, log_count=3, log_bytes=1000))
        await create_deployment(session, place, service, **aged(2))
        session.add(
            ServiceDeploymentLogSlice(deployment_id=old.id, first_order=1, entry_count=3, entries=join_entries(ENTRIES))
        )
    # One worker removed a batch and was killed: the next one tells of both.
    async with sessions.begin() as session:
        await session.execute(text("UPDATE retention_policies SET removed_deployments = 5"))
    assert await prune_due_team(sessions)
    assert not await prune_due_team(sessions)
    async with sessions() as session:
        events = (await session.execute(select(OutboxEvent))).scalars().all()
        policy = await policy_of(session, place.team.id)
        slices = (await session.execute(select(func.count()).select_from(ServiceDeploymentLogSlice))).scalar_one()
    removed = {"deployments": 6, "operations": 0, "log_bytes": 1000}
    assert [(event.name, event.team_id, event.payload) for event in events] == [
        ("RetentionDone", place.team.id, removed)
    ]
    assert policy is not None
    assert (policy.last_removed, policy.removed_deployments, slices) == (removed, 0, 0)


async def test_a_round_that_removes_nothing_tells_nobody(sessions: Sessions) -> None:
    await place_with(sessions)
    assert await prune_due_team(sessions)
    async with sessions() as session:
        assert (await session.execute(select(func.count()).select_from(OutboxEvent))).scalar_one() == 0


async def test_each_team_is_taken_by_one_worker(sessions: Sessions) -> None:
    teams = [(await place_with(sessions)).team.id for _ in range(3)]

    async def take() -> int | None:
        async with sessions.begin() as session:
            return await take_due_team(session)

    taken = await asyncio.gather(*(take() for _ in range(6)))
    assert sorted(team for team in taken if team is not None) == teams


async def test_what_another_transaction_holds_is_left_and_not_waited_for(sessions: Sessions) -> None:
    place = await place_with(sessions, finished_days=1)
    _, uuids = await history(sessions, place, SERVICE, map(every("finished"), (5, 4, 3)))
    async with sessions.begin() as other:
        model = SERVICE.queue
        await other.execute(select(model.id).where(model.deployment_uuid == uuids[0]).with_for_update())
        assert await prune_due_team(sessions)
    assert await left(sessions, SERVICE) == {uuids[0], uuids[2]}


@by_kind
async def test_batches_walk_the_whole_history_and_large_logs_make_them_smaller(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    monkeypatch.setattr("app.retention.repository.BATCH_BYTES", 2500)
    place = await place_with(sessions, finished_days=1)
    _, uuids = await history(sessions, place, kind, (aged(60 - n, log_bytes=1000) for n in range(25)))
    policy = RetentionPolicy(team_id=place.team.id, finished_days=1, failed_days=1, cancelled_days=1, keep_last=3)
    position: Position | None = BEGIN
    sizes = []
    while position is not None:
        async with sessions.begin() as session:
            found = await remove_old(session, kind, policy, position, count=4)
        sizes.append(found.deployments)
        position = found.position
    assert (max(sizes), sum(sizes)) == (3, 22)
    assert await left(sessions, kind) == set(uuids[-3:])


async def test_a_batch_is_as_large_as_its_time_allows() -> None:
    pace = Pace(size=100)
    await pace.rest(2 * BATCH_SECONDS)
    assert pace.size == 50
    await pace.rest(0.0)
    assert pace.size == 100


async def test_what_has_a_time_of_its_own_goes_after_it(sessions: Sessions, make_token: MakeToken) -> None:
    place = await place_with(sessions)
    old, young = utcnow() - timedelta(days=31), utcnow() - timedelta(hours=23)
    expired = await make_token(team_id=place.team.id, expires_at=old)
    alive = await make_token(team_id=place.team.id, expires_at=utcnow() - timedelta(days=1))
    async with sessions.begin() as session:
        for moment, key in ((old, "old"), (young, "young")):
            session.add(IdempotencyKey(token_id=alive.id, key=key, body_hash="", created_at=moment))
            session.add(OutboxEvent(team_id=place.team.id, name=key, payload={}, created_at=moment))
    removed = await prune_expired(sessions)
    async with sessions() as session:
        tokens = set((await session.execute(select(ApiToken.id))).scalars())
        keys = (await session.execute(select(IdempotencyKey.key))).scalars().all()
        events = (await session.execute(select(OutboxEvent.name))).scalars().all()
    assert (expired.id in tokens, alive.id in tokens, keys, events) == (False, True, ["young"], ["young"])
    counts = {table: count for table, count in removed.items() if count}
    assert counts == {"api_tokens": 1, "idempotency_keys": 1, "outbox_events": 1}
    assert removed.keys() == EXPIRED.keys()


async def test_old_operations_go_as_failed_or_finished_deployments_do(sessions: Sessions) -> None:
    place = await place_with(sessions, finished_days=10, failed_days=20)
    async with sessions.begin() as session:
        for number, (days, status) in enumerate([(11, "finished"), (11, "failed"), (21, "failed"), (900, "queued")]):
            operation = ResourceOperation(
                team_id=place.team.id,
                server_id=place.server.id,
                kind="stop",
                resource_type="service",
                resource_id=number,
                resource_uuid=f"{number}",
                resource_name="shop",
                status=status,
                created_at=utcnow() - timedelta(days=days),
            )
            session.add(operation)
    assert await prune_due_team(sessions)
    async with sessions() as session:
        assert set((await session.execute(select(ResourceOperation.resource_uuid))).scalars()) == {"1", "3"}
        policy = await policy_of(session, place.team.id)
    assert policy is not None
    assert policy.last_removed == {"deployments": 0, "operations": 2, "log_bytes": 0}


async def test_the_policy_over_the_api(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> None:
    desk = await open_desk(api, sessions, make_token)
    default = {
        "finished_days": 90,
        "failed_days": 90,
        "cancelled_days": 90,
        "keep_last": 0,
        "pruned_at": None,
        "last_removed": None,
    }
    assert (await desk.ask("GET", POLICY, by="read")).json() == default
    changed = await desk.ask("PATCH", POLICY, by="write", json={"failed_days": None, "keep_last": 5})
    expected = {**default, "failed_days": None, "keep_last": 5}
    assert (changed.status_code, changed.json()) == (200, expected)
    assert (await desk.ask("GET", POLICY, by="read")).json() == expected
    assert (await desk.ask("GET", POLICY, by="other")).json() == default
    refused = await desk.ask("PATCH", POLICY, json={"finished_days": 0, "keep_last": 1001})
    assert (refused.status_code, set(error_of(refused)["errors"])) == (422, {"finished_days", "keep_last"})


async def test_a_dry_run_says_what_a_round_would_remove_and_removes_nothing(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken
) -> None:
    desk = await open_desk(api, sessions, make_token)
    rows = [*map(every("finished"), (200, 100, 1)), aged(100, "failed", log_bytes=77), aged(95, "cancelled-by-user")]
    for kind in KINDS:
        await history(sessions, desk.place, kind, rows)
    answer = (await desk.ask("POST", f"{POLICY}/prune?dry_run=true", by="write")).json()
    would = {"finished": 4, "failed": 2, "cancelled": 2, "operations": 0, "log_bytes": 154, "is_complete": True}
    assert (answer["dry_run"], answer["would_remove"]) == (True, would)
    assert [len(await left(sessions, kind)) for kind in KINDS] == [5, 5]
    assert await prune_due_team(sessions)  # the daily round of the desk's team; the other's is next
    assert await prune_due_team(sessions)
    assert [len(await left(sessions, kind)) for kind in KINDS] == [1, 1]


async def test_a_prune_out_of_turn_makes_the_team_due(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken
) -> None:
    desk = await open_desk(api, sessions, make_token)
    while await prune_due_team(sessions):
        pass
    answer = await desk.ask("POST", f"{POLICY}/prune", by="write")
    assert (answer.status_code, answer.json()["dry_run"], answer.json()["would_remove"]) == (200, False, None)
    assert await prune_due_team(sessions)
    assert not await prune_due_team(sessions)


async def logged(desk: Desk, kind: Kind, *, sealed: bool, **columns: Any) -> AnyQueue:
    """Make a deployment with a log of three entries."""
    text_of_log = join_entries(ENTRIES)
    steps = [{"name": "Start", "batch": 1, "first_order": 1, "last_order": 3}]
    async with desk.sessions.begin() as session:
        resource = await create_resource(session, desk.place, kind)
        values = {"log_count": 3, "log_bytes": len(text_of_log), "steps": steps, **aged(1), **columns}
        row = await create_deployment(
            session, desk.place, resource, logs=f"[{text_of_log}]" if sealed else None, **values
        )
        if not sealed:
            session.add(kind.slices(deployment_id=row.id, first_order=1, entry_count=3, entries=text_of_log))
    return row


@by_kind
@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "slices"])
async def test_a_deleted_log_is_empty_for_every_reader_and_the_row_says_so(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind, sealed: bool
) -> None:
    desk = await open_desk(api, sessions, make_token)
    row = await logged(desk, kind, sealed=sealed)
    path = f"/deployments/{row.deployment_uuid}"
    tag = (await desk.ask("GET", path)).headers["etag"]
    for _ in range(2):
        deleted = await desk.ask("DELETE", f"{path}/logs", by="write")
        assert (deleted.status_code, deleted.json()) == (200, {"message": "Log deleted."})
    answer = (await desk.ask("GET", path, headers={"If-None-Match": tag})).json()
    assert (answer["log_count"], answer["log_bytes"], json.loads(answer["logs"])) == (0, 0, [])
    assert (answer["logs_deleted_at"][-1], answer["status"]) == ("Z", "finished")
    assert [(one["name"], one["first_order"]) for one in answer["steps"]] == [("Start", None)]
    page = (await desk.ask("GET", f"{path}/logs")).json()
    assert (page["entries"], page["log_count"], page["next_after"]) == ([], 0, 0)
    tail = (await desk.ask("GET", f"{path}/logs?tail=5")).json()
    assert tail["entries"] == []
    assert (await desk.ask("GET", f"{path}/logs", headers={"Accept": "text/plain"})).text == ""
    stream = await desk.ask("GET", f"{path}/logs/stream")
    assert "event: end" in stream.text
    assert "data: {" not in stream.text.partition("event: end")[0].replace("event: status\ndata: {", "")
    assert (await desk.ask("GET", f"{path}/logs/stream", headers={"Last-Event-ID": "3"})).status_code == 204


@by_kind
async def test_a_deployment_is_deleted_with_its_log_once_it_has_ended(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind
) -> None:
    desk = await open_desk(api, sessions, make_token)
    row = await logged(desk, kind, sealed=False)
    path = f"/deployments/{row.deployment_uuid}"
    deleted = await desk.ask("DELETE", path, by="write")
    assert (deleted.status_code, deleted.json()) == (200, {"message": "Deployment deleted."})
    for method in ("GET", "DELETE"):
        assert (await desk.ask(method, path)).status_code == 404
    async with sessions() as session:
        assert (await session.execute(select(func.count()).select_from(kind.slices))).scalar_one() == 0


@by_kind
@pytest.mark.parametrize("status", ["queued", "in_progress"])
async def test_what_has_not_ended_is_not_deleted(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind, status: str
) -> None:
    desk = await open_desk(api, sessions, make_token)
    row = await logged(desk, kind, sealed=False, status=status)
    for path in (f"/deployments/{row.deployment_uuid}", f"/deployments/{row.deployment_uuid}/logs"):
        answer = await desk.ask("DELETE", path, by="write")
        message = f"The deployment has not ended: it is {status}. Cancel it first."
        assert (answer.status_code, error_of(answer)) == (409, {"message": message})
        assert (await desk.ask("DELETE", path, by="other")).status_code == 404
        unknown = path.replace(row.deployment_uuid, UNKNOWN_UUID)
        assert (await desk.ask("DELETE", unknown)).status_code == 404
    assert (await desk.ask("GET", f"/deployments/{row.deployment_uuid}")).json()["log_count"] == 3
