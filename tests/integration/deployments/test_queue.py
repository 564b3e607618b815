"""Asking for deployments: once per key, in an order of locks that never deadlocks, never of what is being deleted."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from app.deployments.kinds import DATABASE, KINDS, SERVICE, Kind
from app.postgres import Sessions
from tests.deploying import create_deployment, create_place, create_resource
from tests.desk import Desk, error_of, open_desk, row_counts
from tests.fixtures.api import MakeToken

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest_asyncio.fixture
async def desk(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> AsyncIterator[Desk]:
    yield await open_desk(api, sessions, make_token)


async def resource_uuid(desk: Desk, kind: Kind) -> str:
    async with desk.sessions.begin() as session:
        return (await create_resource(session, desk.place, kind)).uuid


async def test_a_deploy_answers_for_every_uuid_and_leaves_out_unknown_ones(desk: Desk) -> None:
    service, database = await resource_uuid(desk, SERVICE), await resource_uuid(desk, DATABASE)
    answer = await desk.ask("POST", f"/deploy?uuid={service},unknown,{database},{service}", by="deploy")
    assert answer.status_code == 200
    items = answer.json()["deployments"]
    assert [(item["resource_uuid"], item["message"]) for item in items] == [
        (service, "Service shop started. It could take a while, be patient."),
        (database, "Database store started."),
    ]
    rows = (await desk.ask("GET", "/deployments")).json()
    assert [row["deployment_uuid"] for row in rows] == [item["deployment_uuid"] for item in items]
    assert {row["is_api"] for row in rows} == {True}


async def test_deploys_of_the_same_two_in_opposite_order_never_deadlock(desk: Desk) -> None:
    service, database = await resource_uuid(desk, SERVICE), await resource_uuid(desk, DATABASE)
    orders = [f"{service},{database}", f"{database},{service}"] * 6
    answers = await asyncio.gather(*(desk.ask("POST", f"/deploy?uuid={order}") for order in orders))
    assert {answer.status_code for answer in answers} == {200}
    assert len((await desk.ask("GET", "/deployments")).json()) == 24


@by_kind
async def test_a_full_queue_is_429_and_makes_no_row(desk: Desk, kind: Kind) -> None:
    async with desk.sessions.begin() as session:
        await session.execute(text("UPDATE server_settings SET deployment_queue_limit = 2"))
    uuid = await resource_uuid(desk, kind)
    for _ in range(2):
        assert (await desk.ask("POST", f"/{kind.name}s/{uuid}/restart")).status_code == 200
    before = await row_counts(desk.sessions)
    full = {"message": "Deployment queue is full. Please wait for existing deployments to complete."}
    for path in (f"/{kind.name}s/{uuid}/restart", f"/{kind.name}s/{uuid}/start", f"/deploy?uuid={uuid}"):
        answer = await desk.ask("POST", path)
        assert (answer.status_code, error_of(answer), answer.headers["Retry-After"]) == (429, full, "60")
    assert await row_counts(desk.sessions) == before


async def test_of_concurrent_deploys_no_more_are_queued_than_the_limit(desk: Desk) -> None:
    uuid = await resource_uuid(desk, SERVICE)
    async with desk.sessions.begin() as session:
        await session.execute(text("UPDATE server_settings SET deployment_queue_limit = 5"))
    answers = await asyncio.gather(*(desk.ask("POST", f"/services/{uuid}/restart") for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 7


async def somebody_waits_for_a_lock(desk: Desk) -> bool:
    # In a transaction of its own each time: within one, the view shows what it showed first.
    async with desk.sessions() as session:
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return bool((await session.execute(waiting)).scalar_one())


@by_kind
async def test_what_is_deleted_while_a_deploy_waits_for_it_is_not_found(desk: Desk, kind: Kind) -> None:
    uuid = await resource_uuid(desk, kind)
    table = "services" if kind is SERVICE else "standalone_postgresql"
    async with desk.sessions() as deleting:
        await deleting.execute(text(f"SELECT id FROM {table} FOR UPDATE"))
        await deleting.execute(text(f"UPDATE {table} SET deleted_at = now()"))
        waiting = asyncio.create_task(desk.ask("POST", f"/deploy?uuid={uuid}"))
        async with asyncio.timeout(9):  # an idle transaction is ended after 10 s
            while not await somebody_waits_for_a_lock(desk):
                await asyncio.sleep(0.02)
        await deleting.commit()
    answer = await waiting
    assert (answer.status_code, error_of(answer)) == (404, {"message": f"{kind.name.capitalize()} not found."})
    assert (await desk.ask("GET", "/deployments")).json() == []


async def start(desk: Desk, uuid: str, key: str, **arguments: Any) -> httpx.Response:
    return await desk.ask("POST", f"/services/{uuid}/start", headers={"Idempotency-Key": key}, **arguments)


async def test_the_same_key_gets_the_same_answer_and_makes_one_row(desk: Desk) -> None:
    uuid = await resource_uuid(desk, SERVICE)
    answers = await asyncio.gather(*(start(desk, uuid, "once") for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len((await desk.ask("GET", "/deployments")).json()) == 1
    async with desk.sessions.begin() as session:
        await session.execute(text("UPDATE services SET status = 'running:healthy', status_at = now()"))
    assert (await start(desk, uuid, "once")).text == answers[0].text


async def test_the_same_key_with_another_request_is_a_conflict(desk: Desk) -> None:
    uuid, other = await resource_uuid(desk, SERVICE), await resource_uuid(desk, SERVICE)
    assert (await start(desk, uuid, "key")).status_code == 200
    for answer in (await start(desk, other, "key"), await start(desk, uuid, "key", json={"force": True})):
        assert answer.status_code == 409
        assert error_of(answer) == {"message": "This Idempotency-Key was used for another request: take a new one."}
    assert (await start(desk, other, "another key")).status_code == 200


async def test_another_tokens_key_is_another_key(desk: Desk) -> None:
    uuid = await resource_uuid(desk, SERVICE)
    first, second = await start(desk, uuid, "key"), await start(desk, uuid, "key", by="deploy")
    assert first.json()["deployment_uuid"] != second.json()["deployment_uuid"]


async def test_a_key_is_forgotten_after_a_day_and_a_refused_request_keeps_none(desk: Desk) -> None:
    uuid = await resource_uuid(desk, SERVICE)
    first = await start(desk, uuid, "key")
    async with desk.sessions.begin() as session:
        await session.execute(text("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'"))
        await session.execute(text("UPDATE server_settings SET deployment_queue_limit = 1"))
    assert (await start(desk, uuid, "key")).status_code == 429
    async with desk.sessions.begin() as session:
        await session.execute(text("UPDATE server_settings SET deployment_queue_limit = 9"))
    again = await start(desk, uuid, "key")
    assert again.status_code == 200
    assert again.json()["deployment_uuid"] != first.json()["deployment_uuid"]


@by_kind
async def test_a_queued_deployment_is_cancelled_at_once(desk: Desk, kind: Kind) -> None:
    uuid = await resource_uuid(desk, kind)
    deployment = (await desk.ask("POST", f"/{kind.name}s/{uuid}/start")).json()["deployment_uuid"]
    answer = await desk.ask("POST", f"/deployments/{deployment}/cancel", by="deploy")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "message": "Deployment cancelled successfully.",
            "deployment_uuid": deployment,
            "status": "cancelled-by-user",
        },
    )
    row = (await desk.ask("GET", f"/deployments/{deployment}")).json()
    assert (row["status"], row["started_at"]) == ("cancelled-by-user", None)
    assert "cancelled by Ada before it started" in row["logs"]
    again = await desk.ask("POST", f"/deployments/{deployment}/cancel")
    assert (again.status_code, error_of(again)) == (
        400,
        {"message": "Deployment cannot be cancelled. Current status: cancelled-by-user"},
    )


@by_kind
async def test_a_running_deployment_is_marked_for_the_worker_that_holds_it(
    sessions: Sessions, api: httpx.AsyncClient, make_token: MakeToken, kind: Kind
) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(
            session, place, await create_resource(session, place, kind), status="in_progress", lease_owner="w"
        )
    token = await make_token(["deploy"], team_id=place.team.id)
    path = f"/deployments/{row.deployment_uuid}/cancel"
    first = await api.post(path, headers=token.headers)
    assert (first.status_code, first.json()["status"]) == (200, "in_progress")
    statement = text(f"SELECT status, cancel_requested_at FROM {kind.table}")
    async with sessions() as session:
        status, asked_at = (await session.execute(statement)).one()
    assert (status, asked_at is None) == ("in_progress", False)
    assert (await api.post(path, headers=token.headers)).status_code == 200
    async with sessions() as session:
        assert (await session.execute(statement)).one() == (status, asked_at)
