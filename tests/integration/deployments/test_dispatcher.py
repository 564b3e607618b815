"""What a worker process claims, takes over and hands over, and when."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy import text

from app.deployments.claim import Claimed, release_leases, take_over_expired
from app.deployments.dispatcher import Dispatcher
from app.deployments.kinds import SERVICE
from app.postgres import Sessions, create_engine, create_sessions
from app.settings import Settings
from tests.deploying import Place, create_deployment, create_place, create_resource

LEASE = 30.0
SETTINGS = Settings(lease_seconds=round(LEASE))
ENDED = text("UPDATE service_deployment_queues SET status = 'finished', finished_at = now() WHERE id = :id")


async def queue(sessions: Sessions, count: int, *, at_once: int) -> Place:
    """Queue deployments of as many services on one server."""
    async with sessions.begin() as session:
        place = await create_place(session, concurrent_deployments=at_once)
        for _ in range(count):
            await create_deployment(session, place, await create_resource(session, place, SERVICE))
    return place


def dispatcher_of(sessions: Sessions, owner: str, run: Callable[[Claimed], Awaitable[None]]) -> Dispatcher:
    async def run_claimed(claimed: Claimed, _: asyncio.Event) -> None:
        await run(claimed)

    async def no_operations(_: int) -> None:
        pass

    return Dispatcher(sessions, SETTINGS, owner, run_claimed, no_operations)


async def for_ever(_: Claimed) -> None:
    await asyncio.Event().wait()


async def test_a_worker_that_stops_hands_its_runs_over_at_once(sessions: Sessions) -> None:
    place = await queue(sessions, 3, at_once=3)
    stopping = dispatcher_of(sessions, "stopping", for_ever)
    await stopping.look(place.server.id)
    assert stopping.running == 3
    assert await take_over_expired(sessions, "next", LEASE) == []
    await stopping.stop()
    assert len(await take_over_expired(sessions, "next", LEASE)) == 3
    await stopping.look(place.server.id)
    assert stopping.running == 0


async def test_a_worker_stops_in_order_without_postgres() -> None:
    engine = create_engine(Settings(database_url="postgresql://nobody@127.0.0.1:1/nothing"))
    await dispatcher_of(create_sessions(engine), "worker", for_ever).stop()
    await engine.dispose()


async def test_the_next_deployment_starts_when_a_slot_is_free_and_not_at_the_next_sweep(sessions: Sessions) -> None:
    place = await queue(sessions, 2, at_once=1)
    started: asyncio.Queue[Claimed] = asyncio.Queue()
    end = asyncio.Event()

    async def run(claimed: Claimed) -> None:
        started.put_nowait(claimed)
        await end.wait()
        async with sessions.begin() as session:
            await session.execute(ENDED, {"id": claimed.deployment_id})

    dispatcher = dispatcher_of(sessions, "worker", run)
    await dispatcher.look(place.server.id)
    first = await started.get()
    assert started.empty()
    end.set()
    async with asyncio.timeout(20):
        second = await started.get()
    assert second.deployment_id != first.deployment_id
    await dispatcher.stop()


async def test_a_sweep_takes_over_what_expired_but_not_right_after_an_outage(sessions: Sessions) -> None:
    place = await queue(sessions, 1, at_once=1)
    lost = dispatcher_of(sessions, "lost", for_ever)
    await lost.look(place.server.id)
    await release_leases(sessions, "lost")
    engine = create_engine(Settings(database_url="postgresql://nobody@127.0.0.1:1/nothing"))
    after_outage = dispatcher_of(create_sessions(engine), "after an outage", for_ever)
    sweeping = asyncio.create_task(after_outage.sweep())
    async with asyncio.timeout(20):
        while not after_outage._trusted_from:
            await asyncio.sleep(0.01)
    sweeping.cancel()
    after_outage._sessions = sessions
    await after_outage.sweep_once()
    assert after_outage.running == 0
    other = dispatcher_of(sessions, "other", for_ever)
    await other.sweep_once()
    assert other.running == 1
    for dispatcher in (lost, after_outage, other):
        await dispatcher.stop()
    await engine.dispose()
