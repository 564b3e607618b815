"""Every statement that the reading part of the API runs, at 10,000 and at 1,000,000 deployments.

Sizes from the environment: FEW and MANY rows, ASKED times each. With `--plans` it writes docs/performance.md instead.
"""

import asyncio
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg
import httpx
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncEngine

from app.auth.dependencies import Caller
from app.deployments.kinds import DATABASE, SERVICE, Kind
from app.kit.clock import utcnow
from app.logs import configure_logging
from app.lookups import Lookup, Lookups
from app.main import create_app
from app.models.api_token import ApiToken
from app.models.log_entry import join_entries, log_entry
from app.models.team import TeamRole
from app.postgres import create_engine, create_sessions
from app.settings import Settings
from benchmarks.measuring import ROOT, configured, make_token, percentile, size
from benchmarks.plans import Asked, Subject, document, explain, of_pages_and_worker
from tests.deploying import create_database, create_deployment, create_place, create_service

FEW, MANY, ASKED = size("FEW", 10_000), size("MANY", 1_000_000), size("ASKED", 300)
RUNNING, LOGGED, PAGE = 20, 50, 10
TARGETS = {"one": 1.0, "page": 2.0, "running": 5.0}
ENTRY = join_entries([log_entry("hello", timestamp=utcnow(), order=1)])


async def fill(connection: asyncpg.Connection, kind: Kind, row: Any, begin: int, end: int) -> None:
    """Make rows out of one: a tenth is of its resource, the rest of others on a thousand other servers.

    The resource's own are spread over the whole time; few have logs, and few of the server's are running.
    """
    columns = [column.name for column in kind.queue.__table__.columns if column.name not in {"id", "deployment_uuid"}]
    values = {
        "created_at": "now() - make_interval(secs => n)",
        "status": "CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'finished' END",
        "server_id": "CASE WHEN n % 10 = 0 THEN server_id ELSE (n % 1000 + 1000)::text END",
        "resource_uuid": "CASE WHEN n % 10 = 0 THEN resource_uuid ELSE 'r' || n % 1000 END",
        "service_id": "service_id + CASE WHEN n % 10 = 0 THEN 0 ELSE n % 1000 + 1 END",
        "database_id": "CASE WHEN n % 10 = 0 THEN database_id ELSE (n % 1000 + 1000)::text END",
        "team_id": "team_id + CASE WHEN n % 10 < 5 THEN 0 ELSE n % 100 + 1 END",
        "counted_at": "now()",
        "logs": f"CASE WHEN n <= {LOGGED} THEN '[{ENTRY}]' END",
        "log_count": f"CASE WHEN n <= {LOGGED} THEN 1 ELSE 0 END",
    }
    chosen = ", ".join(values.get(name, name) for name in columns)
    await connection.execute(
        f"""INSERT INTO {kind.table} ({", ".join(columns)}, deployment_uuid)
        SELECT {chosen}, left('{kind.name}', 1) || lpad(n::text, 23, '0')
        FROM {kind.table}, generate_series({begin + 1}, {end}) AS n WHERE id = {row.id}""",
        timeout=600,
    )
    await connection.execute(f"VACUUM ANALYZE {kind.table}", timeout=600)


@asynccontextmanager
async def listening(engine: AsyncEngine) -> AsyncIterator[list[Asked]]:
    """Yield a list that gets every statement of an engine, and of look-ups past it."""
    asked: list[Asked] = []
    look = Lookups.one

    async def note_lookup(self: Lookups, lookup: Lookup, **values: Any) -> Any:
        asked.append(Asked(lookup.sql, tuple(lookup.values(values))))
        return await look(self, lookup, **values)

    def note(_: Any, __: Any, sql: str, values: Any, *___: Any) -> None:
        asked.append(Asked(sql, tuple(values)))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    Lookups.one = note_lookup  # type: ignore[method-assign]
    yield asked
    Lookups.one = look  # type: ignore[method-assign]
    event.remove(engine.sync_engine, "before_cursor_execute", note)


async def statements(client: httpx.AsyncClient, asked: list[Asked], path: str) -> list[Asked]:
    """Return what a request runs, but for the look at its token."""
    asked.clear()
    answer = await client.get(path)
    assert answer.status_code == 200, (path, answer.text)
    return [one for one in asked if "deployment_queues" in one.sql or "api_tokens" not in one.sql]


async def slowest(connection: asyncpg.Connection, found: list[Asked]) -> tuple[float, float]:
    """Run a request's statements many times; return median and 99th percentile of their sum, in milliseconds."""
    prepared = [(await connection.prepare(one.sql), one.values) for one in found]
    took = []
    for _ in range(ASKED):
        began = time.perf_counter()
        for statement, values in prepared:
            await statement.fetch(*values)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), percentile(took, 0.99)


class Desk(NamedTuple):
    """What the questions are about."""

    service: str
    database: str
    client: httpx.AsyncClient


async def questions(desk: Desk, rows: int) -> dict[str, str]:
    """Return the requests by name; what a target is about begins with its name."""
    deep = rows // 10 - PAGE  # the last page of the resource
    path = f"/deployments/services/{desk.service}"
    cursor = await next_page(desk.client, f"{path}?take=1&skip={max(0, deep - 1)}")
    return {
        "one: either kind": f"/deployments/{'d' + str(rows // 2).zfill(23)}",
        "one: a service's": f"/deployments/services/deployment/{'s' + str(rows // 2).zfill(23)}",
        "one: a database's": f"/deployments/databases/deployment/{'d' + str(rows // 2).zfill(23)}",
        "one: with its log": f"/deployments/{'s' + str(LOGGED).zfill(23)}",
        "page: first of a service": path,
        "page: last of a service, by cursor": f"{path}?cursor={cursor}",
        "page: first of a database": f"/deployments/databases/{desk.database}",
        "page: failed ones": f"{path}?status=failed",
        "page: counted to 10,000": f"{path}?count=true",
        "page: with logs": f"{path}?include=logs",
        "running: all of the team": "/deployments",
        "log: a page": f"/deployments/{'s' + str(LOGGED).zfill(23)}/logs",
    }


async def next_page(client: httpx.AsyncClient, path: str) -> str:
    """Return the cursor behind a page."""
    found = re.search(r"cursor=([^&>]+)", (await client.get(path)).headers["link"])
    assert found is not None
    return found[1]


async def measure(settings: Settings, *, plans: bool) -> None:
    """Print the figures, then the row; or write the plans."""
    engine = create_engine(settings)
    sessions = create_sessions(engine)
    connection = await asyncpg.connect(settings.database().replace("+asyncpg", ""))
    await connection.execute("SET session_replication_role = replica")  # rows of services that there are not
    async with sessions.begin() as session:
        place = await create_place(session)
        service, database = await create_service(session, place), await create_database(session, place)
        of = {
            SERVICE: await create_deployment(session, place, service, status="finished"),
            DATABASE: await create_deployment(session, place, database, status="finished"),
        }
        others = [await create_service(session, place) for _ in range(RUNNING)]
        running = {"status": "in_progress", "lease_owner": "worker"}
        ids = [(await create_deployment(session, place, other, **running)).id for other in others]
    token = await make_token(sessions, place.team.id, "read:sensitive")
    async with sessions() as session:
        known = (await session.execute(select(ApiToken))).scalar_one()
    caller = Caller(known.id, place.team.id, known.user_id, "benchmark", TeamRole.OWNER, frozenset({"read:sensitive"}))
    app = create_app(settings)
    found: dict[int, dict[str, tuple[float, float]]] = {}
    written = []
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://shiplog/api/v1",
            headers={"Authorization": f"Bearer {token}"},
        ) as client,
        listening(app.state.sessions.kw["bind"]) as asked,
    ):
        filled = 0
        for rows in (MANY,) if plans else (FEW, MANY):
            for kind, row in of.items():
                await fill(connection, kind, row, filled // 2, rows // 2)
            filled = rows
            for name, path in (await questions(Desk(service.uuid, database.uuid, client), rows // 2)).items():
                run = await statements(client, asked, path)
                if plans:
                    deployments = [one for one in run if "deployment_queues" in one.sql]
                    written.append(await explain(connection, name, deployments))
                else:
                    found.setdefault(rows, {})[name] = await slowest(connection, run)
    if plans:
        subject = Subject(caller, place.server.id, place.server.uuid, service.id, ids)
        async with listening(engine) as asked:
            for name, ask in of_pages_and_worker(sessions, subject).items():
                asked.clear()
                await ask()
                own = [one for one in asked if not one.sql.startswith(("SET ", "SELECT nextval"))]
                written.append(await explain(connection, name, list({one.sql: one for one in own}.values())))
        version = await connection.fetchval("SHOW server_version")
        text = document(MANY, version, written)
        await asyncio.to_thread((ROOT / "docs" / "performance.md").write_text, text)
    else:
        report(found)
    await connection.close()
    await engine.dispose()


def report(found: dict[int, dict[str, tuple[float, float]]]) -> None:
    """Print a line for each question, then the row."""
    few, many = found[FEW], found[MANY]
    for name, (median, p99) in many.items():
        print(f"{name:36} {median:6.2f} ms, p99 {p99:6.2f} ms; {few[name][0]:6.2f} ms at {FEW:,}")

    def worst(word: str, of: Callable[[str], float]) -> float:
        return max(of(name) for name in many if name.startswith(word))

    p99s = "/".join(f"{worst(word, lambda name: many[name][1]):.2f}" for word in TARGETS)
    flat = worst("", lambda name: many[name][0] / few[name][0])
    deep = many["page: last of a service, by cursor"][0] / many["page: first of a service"][0]
    print(
        f"queries: p99 {p99s} ms for one/page/running at {MANY:,}, flat {flat:.2f}, last page {deep:.2f} of the first"
    )


if __name__ == "__main__":
    configure_logging("WARNING")
    with configured() as found_settings:
        asyncio.run(measure(found_settings, plans="--plans" in sys.argv))
