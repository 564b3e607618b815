"""Statements on the state that is told as metrics: bounded by what waits and runs, never by the history."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, literal, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.database_deployment_queue import DatabaseDeploymentQueue
from app.models.outbox_event import OutboxEvent
from app.models.resource_operation import ResourceOperation
from app.models.service_deployment_queue import ServiceDeploymentQueue

QUEUES = {"service": ServiceDeploymentQueue, "database": DatabaseDeploymentQueue}
ACTIVE = ("queued", "in_progress")
TABLES = (
    "service_deployment_queues",
    "database_deployment_queues",
    "service_deployment_log_slices",
    "database_deployment_log_slices",
    "resource_operations",
    "outbox_events",
    "notification_deliveries",
    "audit_events",
)


@dataclass(frozen=True)
class Waiting:
    """The deployments of one kind with one status: how many, on how many servers, and the oldest."""

    count: int = 0
    oldest_seconds: float = 0
    servers: int = 0
    most_of_a_server: int = 0
    expired: int = 0


async def waiting_of(session: AsyncSession, kind: str) -> dict[str, Waiting]:
    """Return {status: what there is} of what waits and what runs."""
    queue: Any = QUEUES[kind]
    now = func.clock_timestamp()
    of_server = (
        select(
            queue.status,
            func.count().label("count"),
            func.min(queue.created_at).label("oldest"),
            func.count().filter(queue.status == "in_progress", queue.lease_until < now).label("expired"),
        )
        .where(queue.status.in_(ACTIVE))
        .group_by(queue.server_id, queue.status)
        .subquery()
    )
    statement = select(
        of_server.c.status,
        func.sum(of_server.c.count),
        func.extract("epoch", now - func.min(of_server.c.oldest)),
        func.count(),
        func.max(of_server.c.count),
        func.sum(of_server.c.expired),
    ).group_by(of_server.c.status)
    rows = (await session.execute(statement)).all()
    return {row[0]: Waiting(int(row[1]), float(row[2]), row[3], row[4], int(row[5])) for row in rows}


async def operations_of(session: AsyncSession) -> dict[str, int]:
    """Return {status: how many} of the operations that wait or run."""
    operation = ResourceOperation
    statement = select(operation.status, func.count()).where(operation.status.in_(ACTIVE)).group_by(operation.status)
    return {row[0]: row[1] for row in await session.execute(statement)}


async def outbox_of(session: AsyncSession) -> tuple[int, float]:
    """Return how many events wait for the notifications, and how old the oldest one is in seconds."""
    age = func.extract("epoch", func.clock_timestamp() - func.min(OutboxEvent.created_at))
    statement = select(func.count(), func.coalesce(age, literal(0))).where(OutboxEvent.delivered_at.is_(None))
    row = (await session.execute(statement)).one()
    return row[0], float(row[1])


@dataclass(frozen=True)
class Size:
    """Bytes of a table, and its rows as they were counted last."""

    table: str
    rows: float
    heap: int
    indexes: int
    toast: int


_SIZES = text(
    """
    SELECT relname, greatest(reltuples, 0)::float8 AS rows, pg_relation_size(oid) AS heap,
        pg_indexes_size(oid) AS indexes, coalesce(pg_total_relation_size(nullif(reltoastrelid, 0)), 0) AS toast
    FROM pg_class
    WHERE relname = ANY(:tables) AND relkind = 'r' AND relnamespace = current_schema()::regnamespace
    """
)


async def sizes_of(session: AsyncSession) -> list[Size]:
    """Return how large the tables are that grow with use."""
    rows = await session.execute(_SIZES, {"tables": list(TABLES)})
    return [Size(row.relname, row.rows, row.heap, row.indexes, row.toast) for row in rows]
