"""Statistics of a million deployments: what a request costs by each group, and how fast settled ones are counted.

Sizes from the environment: ROWS, RESOURCES, SERVERS, DAYS, ASKED times each.
"""

import asyncio
import time
from datetime import timedelta
from typing import Any

import asyncpg

from app.deployments.kinds import SERVICE
from app.kit.clock import utcnow
from app.logs import configure_logging
from app.postgres import create_autocommit_sessions, create_engine, create_sessions
from app.settings import Settings
from app.statistics.answering import statistics_of
from app.statistics.counting import count_all
from app.statistics.schemas import GroupBy, StatisticsQuery
from benchmarks.measuring import configured, percentile, size, spread
from tests.deploying import create_deployment, create_place, create_service

ROWS, RESOURCES, SERVERS = size("ROWS", 1_000_000), size("RESOURCES", 200), size("SERVERS", 20)
DAYS, ASKED = size("DAYS", 365), size("ASKED", 50)


async def fill(connection: asyncpg.Connection, row: Any) -> None:
    """Make ROWS settled deployments out of one, which waited and ran for log-normal times."""
    names = [c.name for c in SERVICE.queue.__table__.columns if c.name not in {"id", "deployment_uuid"}]
    values = {
        "created_at": "began",
        "started_at": "began + wait",
        "finished_at": "began + wait + took",
        "status": "CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'finished' END",
        "resource_uuid": f"'r' || n % {RESOURCES}",
        "server_uuid": f"'s' || n % {RESOURCES} % {SERVERS}",
    }
    chosen = ", ".join(values.get(name, name) for name in names)
    await connection.execute(
        f"""INSERT INTO {SERVICE.table} ({", ".join(names)}, deployment_uuid)
        SELECT {chosen}, 'd' || n FROM {SERVICE.table}, generate_series(1, {ROWS}) AS n, LATERAL (
            SELECT now() - make_interval(secs => n::float8 * {DAYS * 86400} / {ROWS}) AS began,
                make_interval(secs => exp(random_normal(-3, 2))) AS wait,
                make_interval(secs => exp(random_normal(3 + n % {RESOURCES} % 5, 0.7))) AS took
        ) AS times WHERE id = {row.id}""",
        timeout=600,
    )
    await connection.execute(f"VACUUM ANALYZE {SERVICE.table}", timeout=600)


async def measure(settings: Settings) -> None:
    """Print the figures, then the row."""
    engine = create_engine(settings)
    sessions = create_sessions(engine)
    connection = await asyncpg.connect(settings.database().replace("+asyncpg", ""))
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(session, place, await create_service(session, place), status="queued")
    await fill(connection, row)
    began = time.monotonic()
    counted = await count_all(sessions)
    took = time.monotonic() - began
    print(f"{counted:,} deployments counted in {took:.0f} s, half of it pauses: {counted / took:,.0f} a second")
    await connection.execute("VACUUM ANALYZE deployment_statistics")
    kept = await connection.fetchrow(
        "SELECT count(*), pg_total_relation_size('deployment_statistics') / 1048576 FROM deployment_statistics"
    )
    print(f"roll-up: {kept[0]:,} rows, {kept[1]:,} MiB")
    today = utcnow().date()
    readers = create_autocommit_sessions(engine, settings)
    medians = []
    for days in (30, 90, DAYS):
        for group_by in GroupBy:
            query = StatisticsQuery(since=today - timedelta(days=days - 1), until=today, group_by=group_by)
            times = []
            for _ in range(ASKED):
                began = time.perf_counter()
                async with readers() as session:
                    answer = await statistics_of(session, place.team.id, query)
                times.append((time.perf_counter() - began) * 1000)
            assert answer.groups
            print(f"{days} days by {group_by}: {spread(times, ' ms', 1)}, p99 {percentile(times, 0.99):.1f} ms")
            medians.append(sorted(times)[len(times) // 2])
    await connection.close()
    await engine.dispose()
    print(f"statistics: the slowest of {len(medians)} questions {max(medians):.0f} ms at {ROWS:,}")


if __name__ == "__main__":
    configure_logging("WARNING")
    with configured() as found_settings:
        asyncio.run(measure(found_settings))
