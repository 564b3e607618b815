"""A worker's rounds of retention: one team at a time, in batches that nobody waits for, half of the time pausing.

All workers do it at once: a team is taken by moving its time on, and what another transaction holds is left for tomorrow.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import KINDS, Kind
from app.metrics.instruments import REMOVED, REMOVED_BYTES
from app.models.retention_policy import RetentionPolicy
from app.postgres import Sessions
from app.retention.repository import (
    BEGIN,
    EXPIRED,
    Found,
    Position,
    end_round,
    find_old,
    find_old_operations,
    note_progress,
    policy_of,
    remove_expired,
    remove_old,
    remove_old_operations,
    take_due_team,
)

log = structlog.get_logger(__name__)

LOOK_SECONDS = 15.0
"""How often a worker asks whether a team is due."""
EXPIRED_SECONDS = 3600.0
BETWEEN_ROUNDS = timedelta(days=1)
BATCH_SECONDS = 0.03
"""What a batch is to take: its size follows what the ones before took."""
FIRST_BATCH, LEAST_BATCH, MOST_BATCH = 100, 20, 1000
LOOKED_AT_ONCE = 2000
MOST_LOOKED_AT = 100_000
"""Deployments that a dry run looks at of each kind, some seconds' worth."""


@dataclass
class Pace:
    """How many rows at once, and how long the pause after them."""

    size: int = FIRST_BATCH

    async def rest(self, took: float) -> None:
        """Pause as long as the last batch took, and size the next one."""
        wanted = self.size * BATCH_SECONDS / max(took, 0.001)
        self.size = round(min(max(wanted, LEAST_BATCH), self.size * 2, MOST_BATCH))
        await asyncio.sleep(took)


async def keep_pruning(sessions: Sessions) -> None:
    """Prune for ever; PostgreSQL away is waited out."""
    expired_at = 0.0
    while True:
        try:
            if time.monotonic() >= expired_at:
                await prune_expired(sessions)
                expired_at = time.monotonic() + EXPIRED_SECONDS
            while await prune_due_team(sessions):
                pass
        except (SQLAlchemyError, OSError) as error:
            log.warning("PostgreSQL is away, pruning later", error=type(error).__name__)
        await asyncio.sleep(LOOK_SECONDS)


async def prune_due_team(sessions: Sessions) -> bool:
    """Prune the team that has been due for longest; False when none is."""
    async with sessions.begin() as session:
        team_id = await take_due_team(session)
    if team_id is None:
        return False
    pace = Pace()
    for kind in KINDS:
        await _prune_deployments(sessions, kind, team_id, pace)
    await _prune_operations(sessions, team_id, pace)
    async with sessions.begin() as session:
        removed = await end_round(session, team_id, pause=BETWEEN_ROUNDS)
    if removed is not None and any(removed.values()):
        log.info("retention has removed history", team_id=team_id, **removed)
    return True


async def prune_expired(sessions: Sessions) -> dict[str, int]:
    """Remove what has a time of its own; return how many rows of each table."""
    pace, removed = Pace(), {}
    for table in EXPIRED:
        removed[table] = await _remove_all(sessions, pace, partial(remove_expired, table=table))
        REMOVED.labels(table).inc(removed[table])
    return removed


@dataclass
class Removable:
    """What a round would remove; not all of it when `is_complete` is false."""

    counts: dict[str, int] = field(default_factory=dict)
    operations: int = 0
    log_bytes: int = 0
    is_complete: bool = True

    def add(self, found: Found) -> None:
        """Add what was found in one stretch."""
        self.log_bytes += found.log_bytes
        for status, count in found.counts.items():
            self.counts[status] = self.counts.get(status, 0) + count


async def look_for_old(session: AsyncSession, policy: RetentionPolicy) -> Removable:
    """Return what a round with this policy would remove now; nothing is removed."""
    removable = Removable(operations=await find_old_operations(session, policy, count=MOST_LOOKED_AT))
    for kind in KINDS:
        position: Position | None = BEGIN
        looked_at = 0
        while position is not None and looked_at < MOST_LOOKED_AT:
            found = await find_old(session, kind, policy, position, count=LOOKED_AT_ONCE)
            removable.add(found)
            position = found.position
            looked_at += LOOKED_AT_ONCE
        removable.is_complete &= position is None
    return removable


async def _prune_deployments(sessions: Sessions, kind: Kind, team_id: int, pace: Pace) -> None:
    position: Position | None = BEGIN
    while position is not None:
        began = time.monotonic()
        async with sessions.begin() as session:
            policy = await policy_of(session, team_id)  # each time: it may have been changed meanwhile
            if policy is None:
                return
            found = await remove_old(session, kind, policy, position, count=pace.size)
            await note_progress(session, team_id, deployments=found.deployments, log_bytes=found.log_bytes)
        REMOVED.labels(kind.table).inc(found.deployments)
        REMOVED_BYTES.inc(found.log_bytes)
        position = found.position
        await pace.rest(time.monotonic() - began)


async def _prune_operations(sessions: Sessions, team_id: int, pace: Pace) -> None:
    async def remove(session: AsyncSession, *, count: int) -> int:
        policy = await policy_of(session, team_id)
        if policy is None:
            return 0
        removed = await remove_old_operations(session, policy, count=count)
        await note_progress(session, team_id, operations=removed)
        return removed

    REMOVED.labels("resource_operations").inc(await _remove_all(sessions, pace, remove))


async def _remove_all(sessions: Sessions, pace: Pace, remove: Callable[..., Awaitable[int]]) -> int:
    """Remove batch after batch, each in a transaction, until one is not full; return how many rows."""
    total, count, size = 0, 0, 0
    while count == size:
        size = pace.size
        began = time.monotonic()
        async with sessions.begin() as session:
            count = await remove(session, count=size)
        total += count
        await pace.rest(time.monotonic() - began)
    return total
