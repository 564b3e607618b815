"""docs/performance.md: what every statement that reads deployments costs at 1,000,000 of them, and its plan."""

import os
import platform
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.repository import Period, events_before
from app.auth.dependencies import Caller
from app.deployments import claim
from app.deployments.kinds import DATABASE, SERVICE
from app.deployments.reading import read_page, standings_of
from app.deployments.repository import ended_among, queue_positions, take_idempotency_key
from app.metrics.repository import waiting_of
from app.models.retention_policy import RetentionPolicy
from app.notifications.repository import claim_delivery, leave_stuck_events
from app.pages.history import Wanted, find_deployments
from app.postgres import Sessions
from app.retention.repository import BEGIN, find_old
from app.statistics.repository import count_settled

HEAD = """# How fast the history is

Every statement that reads deployments, at {rows:,} of them in two tables: a tenth are of the one service and the one
database that are asked about, half are the team's, the rest are of others; the log of a few is there.
Each ran twice before it was measured, so that its pages were in memory.

A deployment is found by its uuid in one index of its table. A list is read in the order of its index from where it
begins: its first page and its last one read as many blocks, and a longer history does not make it slower. What runs or
waits has indexes that hold nothing else: of the worker's rounds only retention reads history. *Blocks* are the 8 KiB
blocks that PostgreSQL looked at: unlike the milliseconds they do not depend on the machine. A number in brackets is one
of several statements, `…` in the name of an index stands for `_deployment_queues`; those of the token are left out.

Written on {machine}, PostgreSQL {version}, by

    make bench ONLY=queries                                        # the time of each request, at 10,000 and at 1,000,000
    .venv/bin/python -m app.embedded sh -c '.venv/bin/python -m alembic upgrade head && \\
        .venv/bin/python -m benchmarks.queries --plans'            # this page; MANY=100000 for fewer rows

{slow}
| what | index | rows | blocks | ms |
|---|---|---|---|---|
{table}

## The plans

One of each shape.

{details}
"""
SLOW = """Two searches on the page of all deployments read the history of the team until they have found a page full: the one
for words, which may stand anywhere in a name, and the one for a project, whose resources are few in a long history.
"""
_OF_TOKEN = {"pk_api_tokens", "pk_users", "pk_teams", "pk_team_members"}
_INDEX = re.compile(r"(?:using|Bitmap Index Scan on) (\w+)")
_NOISE = re.compile(
    r"\n *(?:Index Searches|Planning|Sort Method|Heap Fetches)[^\n]*|\n {2,}Buffers: [^\n]*|\n *Full-sort[^\n]*"
)

_SHAPE = re.compile(r"service|database|\d+|'[^']*'|_id|_type|\([^()]*standalone[^()]*\)")


@dataclass(frozen=True)
class Asked:
    """A statement that ran, and with what."""

    sql: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Subject:
    """Whose deployments are asked for."""

    caller: Caller
    server_id: int
    server_uuid: str
    service: int
    running: Sequence[int]


def of_pages_and_worker(sessions: Sessions, one: Subject) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Return what the pages and the worker ask, by name; what they change is left undone."""
    policy = RetentionPolicy(team_id=one.caller.team_id, finished_days=1, failed_days=1, cancelled_days=1, keep_last=10)
    held = [(SERVICE.name, number) for number in one.running]

    def within(ask: Callable[[AsyncSession], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
        async def run() -> None:
            async with sessions() as session:
                await ask(session)
                await session.rollback()

        return run

    def listed(**wanted: str) -> Callable[[], Awaitable[Any]]:
        return within(lambda session: find_deployments(session, one.caller, Wanted(**wanted), take=10))

    return {
        "page: all deployments": listed(),
        "page: failed": listed(status="failed"),
        "page: cancelled, none": listed(status="cancelled-by-user"),
        "page: of a server": listed(server=one.server_uuid),
        "page: of an unknown server": listed(server="none"),
        "page: of one kind": listed(kind="database"),
        "page: with a word that is not there": listed(text="nowhere"),
        "queue: places": within(lambda session: queue_positions(session, [str(one.server_id)])),
        "follow: how far several are": within(
            lambda session: standings_of(session, {SERVICE: one.running, DATABASE: [1]})
        ),
        "follow: the next lines": within(
            lambda session: read_page(session, SERVICE, one.running[0], after=0, limit=500)
        ),
        "request: the same again": within(
            lambda session: take_idempotency_key(session, one.caller.token_id, "key", "hash")
        ),
        "worker: claim": lambda: claim.claim_next(sessions, one.server_id, "nobody", 30),
        "worker: what waits": lambda: claim.servers_with_waiting_work(sessions),
        "worker: renew leases": lambda: claim.renew_leases(sessions, "worker", 30, held),
        "worker: settled elsewhere": lambda: claim.settled_among(sessions, held),
        "worker: cancels": lambda: claim.cancel_requests(sessions, "worker"),
        "worker: ended": within(lambda session: ended_among(session, ["s" + "0" * 22 + "1"])),
        "worker: lost leases": lambda: claim.take_over_expired(sessions, "nobody", 30, count=1),
        "worker: stuck": within(lambda session: leave_stuck_events(session, silent_seconds=1800)),
        "worker: notification due": within(lambda session: claim_delivery(session, lease_seconds=30, busy=[])),
        "worker: statistics": within(lambda session: count_settled(session, SERVICE, most=100)),
        "worker: retention, 100 rows": within(lambda session: find_old(session, SERVICE, policy, BEGIN, count=100)),
        "metrics: what waits and runs": within(lambda session: waiting_of(session, SERVICE.name)),
        "audit: newest": within(
            lambda session: events_before(session, one.caller.team_id, Period(), before=None, take=50)
        ),
    }


async def explain(connection: asyncpg.Connection, name: str, asked: Sequence[Asked]) -> tuple[str, list[str]]:
    """Return the rows of the table and the folded plans of what `name` ran."""
    table, details = [], []
    for number, one in enumerate(asked, 1):
        told = f"{name} ({number})" if len(asked) > 1 else name
        plan = await _plan(connection, one)
        of_indexes = sorted(
            {index.replace("_deployment_queues", "…") for index in set(_INDEX.findall(plan)) - _OF_TOKEN}
        )
        rows, blocks, took = (
            re.search(pattern, plan) for pattern in (r"rows=([\d.]+)", r"Buffers: (.+)", r"Execution Time: ([\d.]+)")
        )
        read = sum(map(int, re.findall(r"(?:hit|read)=(\d+)", blocks[1]))) if blocks else 0
        scanned = [f"whole of {table_name}" for table_name in re.findall(r"Seq Scan on (\w+_queues)", plan)]
        table.append(
            f"| {told} | {', '.join([*of_indexes, *scanned]) or '–'} | {float(rows[1]) if rows else 0:.0f} | {read} "
            f"| {float(took[1]) if took else 0:.2f} |"
        )
        short = re.sub(r"actual rows=(\d+)\.00", r"rows=\1", _NOISE.sub("", plan))
        details.append(f"<details><summary>{told}</summary>\n\n```\n{short}\n```\n\n</details>")
    return "\n".join(table), details


def document(rows: int, version: str, found: Sequence[tuple[str, list[str]]]) -> str:
    """Return docs/performance.md."""
    # One plan of each shape: those of the other kind, or of the same list with more, say nothing new.
    shapes = {
        _SHAPE.sub("", plan.partition("</summary>")[2]): plan for _, plans in reversed(found) for plan in plans[::-1]
    }
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return HEAD.format(
        rows=rows,
        machine=f"{platform.machine()} with {os.cpu_count()} cores and {memory:.0f} GiB",
        version=version.split(" ", maxsplit=1)[0],
        slow=SLOW,
        table="\n".join(table for table, _ in found),
        details="\n".join(list(shapes.values())[::-1]),
    )


async def _plan(connection: asyncpg.Connection, one: Asked) -> str:
    transaction = connection.transaction()
    await transaction.start()
    try:
        for _ in range(2):
            lines = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) {one.sql}", *one.values)
    finally:
        await transaction.rollback()
    return "\n".join(line[0] for line in lines)
