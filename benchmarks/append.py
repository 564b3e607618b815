"""Appending log lines: ours against the plan's read-modify-write of one JSON value and against COPY, in one run.

Sizes from the environment: ROUNDS, LINES of each measurement, and how many lines are THERE at most.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable
from typing import TypeAlias

import asyncpg

from app.deployments.claim import claim_next
from app.deployments.kinds import SERVICE
from app.deployments.log import LogWriter, Position, Stretch, own_entry
from app.kit.clock import utcnow
from app.models.log_entry import AlikeEntries
from app.postgres import Sessions, create_autocommit_sessions, create_engine, create_sessions
from app.settings import Settings, get_settings
from benchmarks.measuring import configured, size, spread
from tests.deploying import create_deployment, create_place, create_service

LINE = "x" * 93  # an entry of about 220 bytes
ROUNDS, LINES, MOST = size("ROUNDS", 7), size("LINES", 5_000), size("THERE", 100_000)
PLAN_LINES = 30
TRIES = 3  # of which the median counts: each is but some milliseconds

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def a_writer(sessions: Sessions, there: int) -> LogWriter:
    """Return the writer of a new deployment whose log has so many lines."""
    async with sessions.begin() as session:
        place = await create_place(session)
        await create_deployment(session, place, await create_service(session, place))
    claimed = await claim_next(sessions, place.server.id, "benchmark", 3600)
    assert claimed is not None
    position = Position(claimed.lease_epoch, 0, 0, 0)
    appending = create_autocommit_sessions(sessions.kw["bind"], get_settings())
    writer = LogWriter(appending, SERVICE, claimed.deployment_id, position, lease_seconds=3600)
    await ours(writer, there, 500)
    return writer


async def ours(writer: LogWriter, lines: int, batch: int) -> None:
    """Append as a worker does."""
    for begin in range(0, lines, batch):
        count = min(batch, lines - begin)
        entries = AlikeEntries("\n".join([LINE] * count), count, "stdout", utcnow(), batch=1, hidden=False)
        position = writer.position
        await writer.append(Stretch([entries], position.stdout_offset + count, position.stderr_offset, 0, []))


async def both(writer: LogWriter) -> tuple[float, float]:
    """Append one by one and in stretches; return lines a second of each."""
    return await rate(200, ours(writer, 200, 1)), await rate(LINES, ours(writer, LINES, 500))


async def plans(connection: Connection, there: int) -> float:
    """Append to one JSON value that has so many entries; return lines a second."""
    entries = [{**own_entry(LINE, batch=1), "order": order} for order in range(1, there + 1)]
    await connection.execute("DELETE FROM plan")
    await connection.execute("INSERT INTO plan VALUES (1, $1)", json.dumps(entries))

    async def append() -> None:
        for _ in range(PLAN_LINES):
            async with connection.transaction():
                logs = json.loads(await connection.fetchval("SELECT logs FROM plan WHERE id = 1 FOR NO KEY UPDATE"))
                logs.append({**own_entry(LINE, batch=1), "order": len(logs) + 1})
                await connection.execute("UPDATE plan SET logs = $1 WHERE id = 1", json.dumps(logs))

    return await rate(PLAN_LINES, append())


async def copied(connection: Connection) -> float:
    """Copy the same entries, one a row, made before; return lines a second."""
    rows = [(json.dumps(own_entry(LINE, batch=1)),) for _ in range(20_000)]
    return await rate(len(rows), connection.copy_records_to_table("bare", records=rows))


async def rate(lines: int, work: Awaitable[object]) -> float:
    """Do the work and return lines a second."""
    began = time.perf_counter()
    await work
    return lines / (time.perf_counter() - began)


async def measure(settings: Settings) -> None:
    """Print the figures, then the row."""
    engine = create_engine(settings)
    sessions = create_sessions(engine)
    connection = await asyncpg.connect(settings.database().replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE plan (id int PRIMARY KEY, logs text); CREATE TABLE bare (entry text)")
    sizes = (200, 3_000, MOST)
    found: dict[str, list[float]] = {}
    for number in range(ROUNDS):  # every size in every round: a machine that is busy for a while slows all of them
        for there in sizes if number % 2 else reversed(sizes):
            found.setdefault(f"ours, {there:>7,} there, one at a time", [])
            found.setdefault(f"ours, {there:>7,} there, 500 at a time", [])
            pairs = [await both(await a_writer(sessions, there)) for _ in range(TRIES)]
            for how, of_each in zip(("one", "500"), zip(*pairs, strict=True), strict=True):
                found[f"ours, {there:>7,} there, {how} at a time"].append(statistics.median(of_each))
        for there in sizes[:2]:
            found.setdefault(f"plan, {there:>7,} there", []).append(await plans(connection, there))
        found.setdefault("COPY of the entries as bare rows", []).append(await copied(connection))
    await connection.execute("DROP TABLE plan; DROP TABLE bare")
    await connection.close()
    await engine.dispose()
    for name, rates in found.items():
        print(f"{name:36} {spread(rates, ' lines/s')}")

    def ratio(one: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(found[one], found[other], strict=True))

    at = [f"ours, {there:>7,} there, 500 at a time" for there in sizes]
    print(
        f"append: {ratio(at[0], 'plan,     200 there'):,.0f}x at 200, {ratio(at[1], 'plan,   3,000 there'):,.0f}x at 3000, "
        f"flat {ratio(at[0], at[2]):.2f} at {MOST}, {ratio(at[0], 'COPY of the entries as bare rows'):.2f} of COPY"
    )


if __name__ == "__main__":
    with configured() as found_settings:
        asyncio.run(measure(found_settings))
