"""A million old deployments with logs go, while others are read and deployed: how long anyone waits, and what is left.

Sizes from the environment: ROWS. A tenth of the logs is in slices, the rest sealed. Beside it a reader, a writer that makes
a deployment and appends to it, and a look at every lock that somebody has waited for.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from app.deployments.kinds import SERVICE
from app.kit.clock import utcnow
from app.kit.ids import new_uuid
from app.logs import configure_logging
from app.models.log_entry import join_entries, log_entry
from app.postgres import create_engine, create_sessions
from app.retention.pruning import prune_due_team
from app.retention.repository import change_policy
from app.settings import Settings
from benchmarks.measuring import configured, percentile, size
from tests.deploying import create_deployment, create_place, create_service

ROWS = size("ROWS", 1_000_000)
RESOURCES = 1000
AGAIN = max(1, ROWS // 10)
QUEUE, SLICES = SERVICE.table, SERVICE.slice_table
LINES = join_entries(
    [log_entry(f"web Pulling fs layer {new_uuid()}", timestamp=utcnow(), order=order) for order in range(1, 9)]
)
SIZE = f"SELECT pg_total_relation_size('{QUEUE}') + pg_total_relation_size('{SLICES}')"
WAITING = """SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted),
    coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)) * 1000, 0)::float8 FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""
"""Whether somebody waits for a lock, and how old the oldest transaction is: no lock is older."""


async def fill(connection: asyncpg.Connection, row: Any, count: int, age: str) -> None:
    """Make `count` settled deployments of many services out of one row, each with a log."""
    names = [c.name for c in SERVICE.queue.__table__.columns if c.name not in {"id", "deployment_uuid"}]
    values = {
        "created_at": f"now() - {age} - make_interval(secs => n)",
        "status": "CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'finished' END",
        "service_id": f"service_id + n % {RESOURCES}",
        "resource_uuid": f"'r' || n % {RESOURCES}",
        "logs": f"CASE WHEN n % 10 > 0 THEN '[{LINES}]' END",
        "log_count": "8",
        "log_bytes": str(len(LINES)),
        "counted_at": "now()",
    }
    chosen = ", ".join(values.get(name, name) for name in names)
    made = (
        f"INSERT INTO {QUEUE} ({', '.join(names)}, deployment_uuid) SELECT {chosen}, substr(md5(random()::text), 1, 24)"
    )
    await connection.execute(
        f"""WITH made AS ({made} FROM {QUEUE}, generate_series(1, {count}) AS n WHERE id = {row.id}
        RETURNING id, logs) INSERT INTO {SLICES} SELECT id, 1, 8, '{LINES}' FROM made WHERE logs IS NULL""",
        timeout=600,
    )


async def timed(times: list[float], work: Callable[[], Awaitable[object]]) -> None:
    """Do a thing for ever, each hundredth of a second, and note how long it took in milliseconds."""
    while True:
        began = time.perf_counter()
        await work()
        times.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.01)


def wait(times: Sequence[float]) -> str:
    """Return what a person wants to know of waits."""
    return f"p99 {percentile(times, 0.99):.1f} ms, most {max(times):.1f} ms of {len(times):,}"


async def vacuumed(connection: asyncpg.Connection) -> int:
    """Do what autovacuum does in its time; return the bytes that are left."""
    for table in (QUEUE, SLICES):
        await connection.execute(f"VACUUM ANALYZE {table}", timeout=600)
    return int(await connection.fetchval(SIZE))


async def measure(settings: Settings) -> None:
    """Print the figures, then the row."""
    engine = create_engine(settings)
    sessions = create_sessions(engine)
    url = settings.database().replace("+asyncpg", "")
    connections = [await asyncpg.connect(url) for _ in range(3)]
    filler, reader, writer = connections
    async with sessions.begin() as session:
        place = await create_place(session)
        services = [await create_service(session, place) for _ in range(RESOURCES)]
        row = await create_deployment(session, place, services[0], status="finished")
        running = await create_deployment(session, place, services[1], status="in_progress")
        await change_policy(session, place.team.id, {"finished_days": 90, "failed_days": 180})
    began = time.monotonic()
    await fill(filler, row, ROWS, "interval '200 days'")
    full = await vacuumed(filler)
    print(f"{ROWS:,} deployments with logs, {full / 2**20:,.0f} MiB, made in {time.monotonic() - began:.0f} s")

    async def deploy_and_append() -> None:
        async with writer.transaction():
            names = [c.name for c in SERVICE.queue.__table__.columns if c.name not in {"id", "deployment_uuid"}]
            await writer.execute(
                f"INSERT INTO {QUEUE} ({', '.join(names)}, deployment_uuid) "
                f"SELECT {', '.join(names)}, $1 FROM {QUEUE} WHERE id = $2",
                new_uuid(),
                row.id,
            )
            await writer.execute(f"UPDATE {QUEUE} SET log_count = log_count + 1 WHERE id = $1", running.id)

    async def read() -> None:
        await reader.fetch(
            f"SELECT * FROM {QUEUE} WHERE team_id = $1 ORDER BY created_at DESC, id DESC LIMIT 10", place.team.id
        )

    times: dict[str, list[float]] = {"reader": [], "deployments and appends": []}
    waited: list[float] = []
    held: list[float] = []
    others = [
        asyncio.create_task(timed(times["reader"], read)),
        asyncio.create_task(timed(times["deployments and appends"], deploy_and_append)),
        asyncio.create_task(watch_locks(filler, waited, held)),
    ]
    began = time.monotonic()
    await prune_due_team(sessions)
    took = time.monotonic() - began
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    left = await filler.fetchval(f"SELECT count(*) FROM {QUEUE} WHERE created_at < now() - interval '190 days'")
    empty = await vacuumed(filler)
    await fill(filler, row, AGAIN, "interval '1 day'")
    again = await vacuumed(filler)
    removed = ROWS - left
    print(
        f"removed {removed:,} in {took:.0f} s, {removed / took:,.0f} a second; the last finished of each stay: {left:,}"
    )
    for name, values in times.items():
        print(f"{name}: {wait(values)}")
    print(f"somebody waited for a lock: {wait(waited)} looks")
    print(f"the oldest transaction: {wait(held)} looks")
    print(f"{full / 2**20:,.0f} MiB before, {empty / 2**20:,.0f} after, {again / 2**20:,.0f} with {AGAIN:,} new ones")
    for connection in connections:
        await connection.close()
    await engine.dispose()
    most = max(max(values) for values in (*times.values(), waited))
    print(
        f"retention: {removed:,} with logs in {took:.0f} s, no lock longer than {max(held):.0f} ms, nobody waited longer "
        f"than {most:.0f} ms, "
        f"{100 * empty / full:.0f} % of the size left, {100 * again / full:.0f} % after {100 * AGAIN // ROWS} % came anew"
    )


async def watch_locks(connection: asyncpg.Connection, waited: list[float], held: list[float]) -> None:
    """Note for ever how long, in milliseconds, somebody has been waiting for a lock, and how long one was held at most."""
    since: float | None = None
    while True:
        is_waiting, oldest = await connection.fetchrow(WAITING)
        now = time.perf_counter()
        since = (since or now) if is_waiting else None
        waited.append(0.0 if since is None else (now - since) * 1000)
        held.append(oldest)
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    configure_logging("WARNING")
    with configured() as found_settings:
        asyncio.run(measure(found_settings))
