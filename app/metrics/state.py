"""Reads the state from PostgreSQL and Redis when somebody scrapes, and keeps it for a while, whoever many do."""

import asyncio
import time

import structlog

from app.metrics.instruments import (
    ARQ_QUEUED,
    DEPLOYMENTS,
    LEASES_EXPIRED,
    OPERATIONS,
    OUTBOX_OLDEST_SECONDS,
    OUTBOX_WAITING,
    POSTGRES_UP,
    QUEUE_OLDEST_SECONDS,
    QUEUE_SERVER_DEPTH,
    QUEUE_SERVERS,
    TABLE_BYTES,
    TABLE_ROWS,
)
from app.metrics.repository import ACTIVE, QUEUES, Waiting, operations_of, outbox_of, sizes_of, waiting_of
from app.postgres import Sessions, is_away
from app.redis import Waker

log = structlog.get_logger(__name__)

KEPT_SECONDS = 5.0
SIZES_KEPT_SECONDS = 60.0
READ_SECONDS = 5.0
"""A scrape gives up after ten: PostgreSQL is away, or as good as."""


class State:
    """What is told beside the process's own counts."""

    def __init__(self, sessions: Sessions, waker: Waker) -> None:
        self._sessions = sessions
        self._waker = waker
        self._lock = asyncio.Lock()
        self._read_at = self._sizes_read_at = float("-inf")

    async def refresh(self) -> bool:
        """Bring the gauges up to date; False when PostgreSQL does not answer, and they mean nothing."""
        async with self._lock:
            if time.monotonic() - self._read_at < KEPT_SECONDS:
                return True
            try:
                async with asyncio.timeout(READ_SECONDS):
                    await self._read()
            except Exception as error:
                if not is_away(error):  # a timeout is an OSError too
                    raise
                log.warning("PostgreSQL is away, its part of the metrics is left out", error=type(error).__name__)
                POSTGRES_UP.set(0)
                return False
            POSTGRES_UP.set(1)
            self._read_at = time.monotonic()
            return True

    async def _read(self) -> None:
        async with self._sessions() as session:
            for kind in QUEUES:
                _tell(kind, await waiting_of(session, kind))
            operations = await operations_of(session)
            for status in ACTIVE:
                OPERATIONS.labels(status).set(operations.get(status, 0))
            waiting, oldest = await outbox_of(session)
            OUTBOX_WAITING.set(waiting)
            OUTBOX_OLDEST_SECONDS.set(oldest)
            if time.monotonic() - self._sizes_read_at >= SIZES_KEPT_SECONDS:
                for size in await sizes_of(session):
                    TABLE_ROWS.labels(size.table).set(size.rows)
                    for part in ("heap", "indexes", "toast"):
                        TABLE_BYTES.labels(size.table, part).set(getattr(size, part))
                self._sizes_read_at = time.monotonic()
        nudges = await self._waker.count_nudges()
        ARQ_QUEUED.set(-1 if nudges is None else nudges)


def _tell(kind: str, found: dict[str, Waiting]) -> None:
    for status in ACTIVE:
        DEPLOYMENTS.labels(kind, status).set(found.get(status, Waiting()).count)
    queued = found.get("queued", Waiting())
    QUEUE_OLDEST_SECONDS.labels(kind).set(queued.oldest_seconds)
    QUEUE_SERVERS.labels(kind).set(queued.servers)
    QUEUE_SERVER_DEPTH.labels(kind).set(queued.most_of_a_server)
    LEASES_EXPIRED.labels(kind).set(found.get("in_progress", Waiting()).expired)
