"""The claim, by its rules: one per resource, no more than the server allows, first come first served."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from app.deployments.claim import (
    cancel_requests,
    claim_next,
    release_leases,
    renew_leases,
    servers_with_waiting_work,
    settled_among,
    take_over_expired,
)
from app.deployments.kinds import DATABASE, KINDS, SERVICE, AnyQueue, Kind
from app.kit.clock import utcnow
from app.models import ResourceOperation
from app.postgres import Sessions
from tests.deploying import Place, create_deployment, create_place, create_resource, create_service, fresh, row_of

LEASE = 30.0


async def queue_one_each(sessions: Sessions, place: Place, kinds: Sequence[Kind]) -> list[AnyQueue]:
    async with sessions.begin() as session:
        return [await create_deployment(session, place, await create_resource(session, place, kind)) for kind in kinds]


async def place_with(sessions: Sessions, **settings: Any) -> Place:
    async with sessions.begin() as session:
        return await create_place(session, **settings)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_a_claim_takes_the_row_and_leases_it(sessions: Sessions, kind: Kind) -> None:
    place = await place_with(sessions)
    (row,) = await queue_one_each(sessions, place, [kind])
    claimed = await claim_next(sessions, place.server.id, "worker", LEASE)
    assert claimed is not None
    assert (claimed.kind, claimed.deployment_id, claimed.lease_epoch) == (kind, row.id, 1)
    assert 3500 < claimed.seconds_left <= 3600
    async with fresh(sessions, row) as stored:
        assert (stored.status, stored.phase, stored.lease_owner) == ("in_progress", "claimed", "worker")
        assert stored.started_at is not None
        assert stored.deadline_at is not None
        assert stored.lease_until is not None
        assert stored.lease_until > stored.started_at


async def test_the_oldest_of_both_kinds_comes_first(sessions: Sessions) -> None:
    place = await place_with(sessions, concurrent_deployments=10)
    rows = await queue_one_each(sessions, place, [DATABASE, SERVICE, DATABASE, SERVICE])
    for age, row in zip((1, 4, 3, 2), rows, strict=True):
        async with sessions.begin() as session:
            model: Any = type(row)
            moment = utcnow() - timedelta(minutes=age)
            await session.execute(update(model).where(model.id == row.id).values(created_at=moment))
    claimed = [await claim_next(sessions, place.server.id, "worker", LEASE) for _ in rows]
    expected = [rows[1].deployment_uuid, rows[2].deployment_uuid, rows[3].deployment_uuid, rows[0].deployment_uuid]
    assert [one.deployment_uuid if one else None for one in claimed] == expected


async def test_claims_of_both_kinds_at_once_never_exceed_the_servers_limit(sessions: Sessions) -> None:
    """200 rounds: a service and a database, claimed at the same moment on a server with one slot."""
    place = await place_with(sessions, concurrent_deployments=1)
    for _ in range(200):
        rows = await queue_one_each(sessions, place, [SERVICE, DATABASE])
        claimed = await asyncio.gather(
            *(claim_next(sessions, place.server.id, f"worker{number}", LEASE) for number in range(4))
        )
        assert sum(one is not None for one in claimed) == 1
        async with sessions.begin() as session:
            for row in rows:
                await session.execute(text(f"DELETE FROM {type(row).__tablename__} WHERE id = {row.id}"))


async def test_twenty_four_claimers_fill_two_slots(sessions: Sessions) -> None:
    place = await place_with(sessions, concurrent_deployments=2)
    await queue_one_each(sessions, place, [SERVICE, DATABASE] * 5)
    claimed = await asyncio.gather(
        *(claim_next(sessions, place.server.id, f"worker{number}", LEASE) for number in range(24))
    )
    assert sum(one is not None for one in claimed) == 2


async def test_a_resource_has_one_active_deployment_and_the_others_wait(sessions: Sessions) -> None:
    place = await place_with(sessions, concurrent_deployments=10)
    async with sessions.begin() as session:
        service = await create_service(session, place)
        first = await create_deployment(session, place, service)
        second = await create_deployment(session, place, service)
    claimed = await claim_next(sessions, place.server.id, "worker", LEASE)
    assert claimed is not None
    assert claimed.deployment_uuid == first.deployment_uuid
    assert await claim_next(sessions, place.server.id, "worker", LEASE) is None
    async with sessions.begin() as session:
        row = await row_of(session, SERVICE, first.id)
        row.lease_owner = None
        await row.set_status("failed")
    claimed = await claim_next(sessions, place.server.id, "worker", LEASE)
    assert claimed is not None
    assert claimed.deployment_uuid == second.deployment_uuid


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_a_resource_that_is_being_stopped_is_not_claimed(sessions: Sessions, kind: Kind) -> None:
    place = await place_with(sessions)
    async with sessions.begin() as session:
        resource = await create_resource(session, place, kind)
        await create_deployment(session, place, resource)
        operation = ResourceOperation(
            team_id=place.team.id,
            server_id=place.server.id,
            kind="stop",
            resource_type=resource.resource_type,
            resource_id=resource.id,
            resource_uuid=resource.uuid,
            resource_name=resource.name,
        )
        session.add(operation)
    assert await claim_next(sessions, place.server.id, "worker", LEASE) is None
    async with sessions.begin() as session:
        await session.execute(update(ResourceOperation).values(status="finished"))
    assert await claim_next(sessions, place.server.id, "worker", LEASE) is not None


async def test_a_database_of_an_unknown_type_is_left_to_a_worker_that_knows_it(sessions: Sessions) -> None:
    place = await place_with(sessions)
    async with sessions.begin() as session:
        database = await create_resource(session, place, DATABASE)
        row = await create_deployment(session, place, database)
        await session.execute(
            text("UPDATE database_deployment_queues SET database_type = 'standalone-tenth' WHERE id = :id"),
            {"id": row.id},
        )
    assert await claim_next(sessions, place.server.id, "worker", LEASE) is None


async def test_nothing_is_claimed_on_a_server_that_is_gone(sessions: Sessions) -> None:
    place = await place_with(sessions)
    await queue_one_each(sessions, place, [SERVICE])
    async with sessions.begin() as session:
        await session.execute(text("UPDATE servers SET deleted_at = now()"))
    assert await claim_next(sessions, place.server.id, "worker", LEASE) is None


async def test_waiting_servers_are_found(sessions: Sessions) -> None:
    places = [await place_with(sessions) for _ in range(3)]
    await queue_one_each(sessions, places[2], [DATABASE])
    await queue_one_each(sessions, places[0], [SERVICE, SERVICE])
    assert await servers_with_waiting_work(sessions) == [places[0].server.id, places[2].server.id]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_only_an_expired_lease_is_taken_over_and_once(sessions: Sessions, kind: Kind) -> None:
    place = await place_with(sessions)
    await queue_one_each(sessions, place, [kind])
    claimed = await claim_next(sessions, place.server.id, "first", LEASE)
    assert claimed is not None
    assert await take_over_expired(sessions, "second", LEASE) == []
    await release_leases(sessions, "first")
    taken = await asyncio.gather(*(take_over_expired(sessions, f"worker{number}", LEASE) for number in range(8)))
    (again,) = [one for batch in taken for one in batch]
    assert (again.deployment_uuid, again.lease_epoch) == (claimed.deployment_uuid, 2)


async def test_no_more_is_taken_over_than_there_is_room_for(sessions: Sessions) -> None:
    place = await place_with(sessions, concurrent_deployments=10)
    await queue_one_each(sessions, place, [SERVICE, DATABASE, SERVICE])
    for _ in range(3):
        assert await claim_next(sessions, place.server.id, "first", LEASE) is not None
    await release_leases(sessions, "first")
    assert len(await take_over_expired(sessions, "second", LEASE, count=2)) == 2
    assert len(await take_over_expired(sessions, "second", LEASE, count=2)) == 1


async def test_renewing_tells_which_leases_are_still_held(sessions: Sessions) -> None:
    place = await place_with(sessions, concurrent_deployments=10)
    await queue_one_each(sessions, place, [SERVICE, DATABASE])
    mine = await claim_next(sessions, place.server.id, "mine", LEASE)
    other = await claim_next(sessions, place.server.id, "other", LEASE)
    assert mine is not None
    assert other is not None
    key = (mine.kind.name, mine.deployment_id)
    assert await renew_leases(sessions, "mine", LEASE, {key}) == {key}
    assert await renew_leases(sessions, "nobody", LEASE, {key}) == set()
    assert await renew_leases(sessions, "mine", LEASE, set()) == set()


async def test_a_worker_learns_of_the_cancel_of_its_own_runs_only(sessions: Sessions) -> None:
    place = await place_with(sessions, concurrent_deployments=10)
    await queue_one_each(sessions, place, [SERVICE, DATABASE])
    mine = await claim_next(sessions, place.server.id, "mine", LEASE)
    assert mine is not None
    assert await claim_next(sessions, place.server.id, "other", LEASE) is not None
    assert await cancel_requests(sessions, "mine") == set()
    async with sessions.begin() as session:
        for kind in KINDS:
            await session.execute(text(f"UPDATE {kind.table} SET cancel_requested_at = now()"))
    assert await cancel_requests(sessions, "mine") == {(mine.kind.name, mine.deployment_id)}


async def test_what_is_settled_has_no_lease_to_lose(sessions: Sessions) -> None:
    place = await place_with(sessions, concurrent_deployments=10)
    await queue_one_each(sessions, place, [SERVICE, DATABASE])
    first = await claim_next(sessions, place.server.id, "mine", LEASE)
    second = await claim_next(sessions, place.server.id, "mine", LEASE)
    assert first is not None
    assert second is not None
    keys = {(one.kind.name, one.deployment_id) for one in (first, second)}
    assert await settled_among(sessions, keys) == set()
    async with sessions.begin() as session:
        await session.execute(
            text(f"UPDATE {first.kind.table} SET status = 'failed' WHERE id = :id"), {"id": first.deployment_id}
        )
    assert await settled_among(sessions, keys) == {(first.kind.name, first.deployment_id)}
