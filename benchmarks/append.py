"""Appending log lines: ours against the plan's read-modify-write of one JSON value and against COPY, in one run.

.venv/bin/python -m app.embedded sh -c '.venv/bin/python -m alembic upgrade head && .venv/bin/python -m benchmarks.append'
"""

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable

import asyncpg

from app.deployments.claim import claim_next
from app.deployments.kinds import SERVICE
from app.deployments.log import LogWriter, Position, Stretch, own_entry
from app.kit import encryption
from app.postgres import Sessions, create_engine, create_sessions
from app.settings import get_settings
from tests.deploying import create_deployment, create_place, create_service

LINE = "x" * 93  # an entry of about 220 bytes
ROUNDS = 5


async def a_writer(sessions: Sessions) -> LogWriter:
    async with sessions.begin() as session:
        place = await create_place(session)
        await create_deployment(session, place, await create_service(session, place))
    claimed = await claim_next(sessions, place.server.id, "benchmark", 3600)
    assert claimed is not None
    position = Position(claimed.lease_epoch, 0, 0, 0)
    return LogWriter(sessions, SERVICE, claimed.deployment_id, position, lease_seconds=3600)


async def ours(writer: LogWriter, lines: int, batch: int) -> None:
    for begin in range(0, lines, batch):
        entries = [own_entry(LINE, batch=1) for _ in range(min(batch, lines - begin))]
        position = writer.position
        await writer.append(Stretch(entries, position.stdout_offset + len(entries), position.stderr_offset, 0, []))


async def plans(connection: "asyncpg.Connection[asyncpg.Record]", lines: int) -> None:
    for _ in range(lines):
        async with connection.transaction():
            logs = json.loads(await connection.fetchval("SELECT logs FROM plan WHERE id = 1 FOR NO KEY UPDATE"))
            logs.append({**own_entry(LINE, batch=1), "order": len(logs) + 1})
            await connection.execute("UPDATE plan SET logs = $1 WHERE id = 1", json.dumps(logs))


async def timed(lines: int, work: Callable[[], Awaitable[None]]) -> str:
    rates = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await work()
        rates.append(lines / (time.perf_counter() - began))
    return f"{statistics.median(rates):>9,.0f} lines/s  ({min(rates):,.0f} to {max(rates):,.0f})"


async def main() -> None:
    encryption.install(encryption.Keyring([encryption.new_key()]))
    settings = get_settings()
    engine = create_engine(settings)
    sessions = create_sessions(engine)
    connection = await asyncpg.connect(settings.database().replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE plan (id int PRIMARY KEY, logs text); CREATE TABLE bare (entry text)")
    for there in (200, 3_000, 100_000):
        writer = await a_writer(sessions)
        await ours(writer, there, 500)
        for batch in (1, 500):
            count = 200 if batch == 1 else 5_000
            print(
                f"ours, {there:>7,} there, {batch:>3} at once: ",
                await timed(count, lambda c=count, b=batch, w=writer: ours(w, c, b)),
            )
        if there < 100_000:
            entries = [{**own_entry(LINE, batch=1), "order": order} for order in range(1, there + 1)]
            await connection.execute("DELETE FROM plan")
            await connection.execute("INSERT INTO plan VALUES (1, $1)", json.dumps(entries))
            print(f"plan, {there:>7,} there,   1 at once: ", await timed(40, lambda: plans(connection, 40)))
    rows = [(json.dumps(own_entry(LINE, batch=1)),) for _ in range(20_000)]

    async def copy() -> None:
        await connection.copy_records_to_table("bare", records=rows)

    print("COPY of bare rows:                ", await timed(len(rows), copy))
    await connection.execute("DROP TABLE plan; DROP TABLE bare")
    await connection.close()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
