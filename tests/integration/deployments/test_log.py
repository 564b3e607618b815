"""Append exactly once, settle once, read without a gap: the rules of the log against a real PostgreSQL."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text

from app.deployments.claim import claim_next, release_leases, take_over_expired
from app.deployments.kinds import KINDS, Kind
from app.deployments.log import LeaseLost, LogWriter, Position, Stretch, own_entry
from app.deployments.reading import read_page
from app.deployments.settling import SEAL_LIMIT_BYTES, Verdict, settle
from app.models import DeploymentStatus, EnvironmentVariable, OutboxEvent
from app.models.deployment_queue import LogClosed
from app.postgres import Sessions
from tests.deploying import create_deployment, create_place, create_resource, create_service, fresh, row_of

LEASE = 30.0
by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def stretch(*outputs: str, stdout_offset: int = 0, stderr_offset: int = 0) -> Stretch:
    return Stretch([own_entry(output, batch=1) for output in outputs], stdout_offset, stderr_offset, 0, [])


async def claimed_log(sessions: Sessions, kind: Kind) -> LogWriter:
    async with sessions.begin() as session:
        place = await create_place(session)
        await create_deployment(session, place, await create_resource(session, place, kind))
    claimed = await claim_next(sessions, place.server.id, "worker", LEASE)
    assert claimed is not None
    return LogWriter(sessions, kind, claimed.deployment_id, Position(claimed.lease_epoch, 0, 0, 0), lease_seconds=LEASE)


async def outputs_of(sessions: Sessions, writer: LogWriter) -> list[str]:
    async with sessions() as session:
        page = await read_page(session, writer.kind, writer.deployment_id, after=0, limit=100_000)
    assert page is not None
    assert [entry["order"] for entry in page.entries] == list(range(1, page.log_count + 1))
    return [entry["output"] for entry in page.entries]


async def end(sessions: Sessions, writer: LogWriter, status: DeploymentStatus, reason: str | None = None) -> None:
    position = writer.position
    last = stretch("The end.", stdout_offset=position.stdout_offset, stderr_offset=position.stderr_offset)
    async with sessions.begin() as session:
        verdict = Verdict(status, reason, resource_status="running:healthy")
        await settle(session, writer.kind, writer.deployment_id, position, last=last, verdict=verdict)


@by_kind
async def test_appends_follow_each_other_without_a_gap(sessions: Sessions, kind: Kind) -> None:
    writer = await claimed_log(sessions, kind)
    for number in range(20):
        await writer.append(stretch(f"a{number}", f"b{number}", stdout_offset=(number + 1) * 10))
    assert await outputs_of(sessions, writer) == [f"{letter}{number}" for number in range(20) for letter in "ab"]


@by_kind
async def test_a_batch_whose_answer_was_lost_is_stored_once(sessions: Sessions, kind: Kind) -> None:
    writer = await claimed_log(sessions, kind)
    before = writer.position
    await writer.append(stretch("one", "two", stdout_offset=8))
    writer.position = before  # the commit got through, its answer did not
    await writer.append(stretch("one", "two", stdout_offset=8))
    await writer.append(stretch("three", stdout_offset=14))
    assert await outputs_of(sessions, writer) == ["one", "two", "three"]


@by_kind
async def test_ten_writers_with_the_same_batch_store_it_once(sessions: Sessions, kind: Kind) -> None:
    writer = await claimed_log(sessions, kind)
    writers = [LogWriter(sessions, kind, writer.deployment_id, writer.position, lease_seconds=LEASE) for _ in range(10)]
    await asyncio.gather(*(one.append(stretch("once", stderr_offset=5)) for one in writers))
    assert await outputs_of(sessions, writer) == ["once"]


@by_kind
async def test_the_old_owner_writes_nothing_after_a_takeover(sessions: Sessions, kind: Kind) -> None:
    old = await claimed_log(sessions, kind)
    await old.append(stretch("old", stdout_offset=4))
    await release_leases(sessions, "worker")
    (taken,) = await take_over_expired(sessions, "other", LEASE)
    new = LogWriter(
        sessions, kind, old.deployment_id, replace(old.position, lease_epoch=taken.lease_epoch), lease_seconds=LEASE
    )
    with pytest.raises(LeaseLost):
        await old.append(stretch("late", stdout_offset=9))
    await new.append(stretch("new", stdout_offset=8))
    with pytest.raises(LeaseLost):
        await old.append(stretch("later", stdout_offset=14))
    assert await outputs_of(sessions, new) == ["old", "new"]


@by_kind
@pytest.mark.parametrize("field", ["log_count", "stdout_offset", "stderr_offset"])
async def test_an_append_from_another_place_is_refused(sessions: Sessions, kind: Kind, field: str) -> None:
    writer = await claimed_log(sessions, kind)
    await writer.append(stretch("one", stdout_offset=4, stderr_offset=3))
    elsewhere: dict[str, Any] = {field: getattr(writer.position, field) + 1}
    writer.position = replace(writer.position, **elsewhere)
    with pytest.raises(LeaseLost):
        await writer.append(stretch("two", stdout_offset=20, stderr_offset=20))


@by_kind
async def test_an_own_entry_goes_in_with_its_phase_and_a_retry_adds_none(sessions: Sessions, kind: Kind) -> None:
    writer = await claimed_log(sessions, kind)
    before = writer.position
    await writer.append(stretch("begins"), phase="claimed", new_phase="launching")
    writer.position = before
    await writer.append(stretch("begins"), phase="claimed", new_phase="launching")
    with pytest.raises(LeaseLost):
        await writer.append(stretch("again"), phase="claimed", new_phase="launching")
    assert await outputs_of(sessions, writer) == ["begins"]


@by_kind
async def test_a_settle_seals_the_log_and_leaves_the_event(sessions: Sessions, kind: Kind) -> None:
    writer = await claimed_log(sessions, kind)
    await writer.append(stretch("one", stdout_offset=4))
    await end(sessions, writer, DeploymentStatus.FINISHED)
    assert await outputs_of(sessions, writer) == ["one", "The end."]
    async with sessions() as session:
        row = await row_of(session, kind, writer.deployment_id)
        assert (row.status, row.lease_owner, row.phase) == ("finished", None, "settled")
        assert row.finished_at is not None
        assert await row.awaitable_attrs.logs is not None
        slices = (await session.execute(text(f"SELECT count(*) FROM {kind.slice_table}"))).scalar_one()
        assert slices == 0
        (event,) = (await session.execute(select(OutboxEvent))).scalars().all()
        assert event.name == kind.status_event
        assert event.payload["deployment_uuid"] == row.deployment_uuid
        assert event.payload["status"] == "finished"
        resource = await row.resource()
        assert resource is not None
        assert resource.status == "running:healthy"


@by_kind
async def test_a_deployment_is_settled_once_and_nothing_is_written_after(sessions: Sessions, kind: Kind) -> None:
    writer = await claimed_log(sessions, kind)
    await end(sessions, writer, DeploymentStatus.FAILED, "It broke.")
    with pytest.raises(LeaseLost):
        await end(sessions, writer, DeploymentStatus.FINISHED)
    with pytest.raises(LeaseLost):
        await writer.append(stretch("late", stdout_offset=5))
    async with sessions.begin() as session:
        row = await row_of(session, kind, writer.deployment_id)
        with pytest.raises(LogClosed):
            await row.add_log_entry("later")
    async with fresh(sessions, row) as stored:
        assert (stored.status, stored.failure_reason, stored.log_count) == ("failed", "It broke.", 1)


@by_kind
async def test_a_large_log_stays_in_slices_and_reads_the_same(sessions: Sessions, kind: Kind) -> None:
    writer = await claimed_log(sessions, kind)
    line = "x" * 4000
    count = 0
    while writer.position.log_bytes <= SEAL_LIMIT_BYTES:
        await writer.append(stretch(*[line] * 200, stdout_offset=(count + 1) * 10))
        count += 1
    await end(sessions, writer, DeploymentStatus.FINISHED)
    async with sessions() as session:
        row = await row_of(session, kind, writer.deployment_id)
        assert await row.awaitable_attrs.logs is None
        assert await row.log_entries() == (await _page(sessions, writer, 0, 10_000))
    assert await outputs_of(sessions, writer) == [line] * 200 * count + ["The end."]


async def _page(sessions: Sessions, writer: LogWriter, after: int, limit: int) -> list[dict[str, Any]]:
    async with sessions() as session:
        page = await read_page(session, writer.kind, writer.deployment_id, after=after, limit=limit)
    assert page is not None
    return page.entries


@by_kind
@pytest.mark.parametrize("sealed", [False, True], ids=["running", "sealed"])
async def test_pages_cut_at_any_order_whatever_the_slices(sessions: Sessions, kind: Kind, sealed: bool) -> None:
    writer = await claimed_log(sessions, kind)
    number = 0
    for size in (1, 5, 2, 7, 3):
        outputs = [str(number + index) for index in range(1, size + 1)]
        number += size
        await writer.append(stretch(*outputs, stdout_offset=number))
    if sealed:
        await end(sessions, writer, DeploymentStatus.FINISHED)
        number += 1
    for after in range(number + 1):
        page = await _page(sessions, writer, after, 4)
        assert [entry["order"] for entry in page] == list(range(after + 1, min(after + 4, number) + 1))


@by_kind
async def test_own_entries_on_a_queued_row_are_numbered_under_its_lock(sessions: Sessions, kind: Kind) -> None:
    """Ten writers at once kept 28 of 200 lines when the row was read without its lock."""
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(session, place, await create_resource(session, place, kind))

    async def write(number: int) -> None:
        async with sessions.begin() as session:
            own = await row_of(session, kind, row.id)
            await own.add_log_entry(f"line {number}")

    await asyncio.gather(*(write(number) for number in range(20)))
    async with fresh(sessions, row) as stored:
        entries = await stored.log_entries()
    assert [entry["order"] for entry in entries] == list(range(1, 21))
    assert {entry["output"] for entry in entries} == {f"line {number}" for number in range(20)}


async def test_an_entry_of_our_own_shows_no_variable_whose_name_says_secret(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        service = await create_service(session, place)
        values = {"resource_type": service.resource_type, "resource_id": service.id, "value": "tied-to-the-mast"}
        session.add(EnvironmentVariable(team_id=place.team.id, key="API_TOKEN", **values))
        row = await create_deployment(session, place, service)
        await row.add_log_entry("the token is tied-to-the-mast")
        assert [entry["output"] for entry in await row.log_entries()] == ["the token is <REDACTED>"]
