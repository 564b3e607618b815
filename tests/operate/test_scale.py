"""Several worker processes on one database, as the benchmark has them: nothing is claimed twice, nothing is lost."""

from sqlalchemy import text

from app.postgres import Sessions
from app.settings import Settings
from benchmarks.scale import Asking, Figures, prepare, queue, run_phases
from benchmarks.scale_worker import Done, fleet

SERVERS, QUEUED, WORKERS = 4, 100, 2

RUNNING = text("SELECT count(*) FROM service_deployment_queues WHERE status = 'in_progress' AND lease_epoch = 1")
OWNERS = text("SELECT count(DISTINCT lease_owner) FROM service_deployment_queues WHERE status = 'in_progress'")
STORED = text(
    "SELECT coalesce(sum(log_count), 0) AS counted, (SELECT coalesce(sum(entry_count), 0) "
    "FROM service_deployment_log_slices) AS in_slices FROM service_deployment_queues"
)


async def test_two_processes_share_a_queue(sessions: Sessions, api_settings: Settings) -> None:
    token = await prepare(sessions, QUEUED, SERVERS)
    uuid = await queue(sessions)
    async with fleet(api_settings, WORKERS) as workers:
        found = await run_phases(workers, sessions, 0.3, Asking([], token, uuid))

    async with sessions() as session:
        running = (await session.execute(RUNNING)).scalar_one()
        owners = (await session.execute(OWNERS)).scalar_one()
        stored = (await session.execute(STORED)).one()
    assert 0 < found.claim.count <= running <= QUEUED  # a sweep claims, too
    assert 1 <= owners <= 2 * WORKERS
    assert found.append.count > 0
    assert stored.counted == stored.in_slices == found.append.count
    assert 0 < found.connections < WORKERS * (api_settings.database_pool_size + 5) + 30


def test_the_figures_are_a_line() -> None:
    done = Done(30, [1.0, 2.0, 10.0])
    assert Figures(done, done, done, requests=6, connections=9).text(3) == (
        "10 claims/s, p50 2.0 p99 10 ms; sweep p50 2 ms; 10 lines/s, append p50 2.0 ms, beside 2 requests/s; 9 connections"
    )
