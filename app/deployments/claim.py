"""The claim: which queued deployment of a server runs next, decided in PostgreSQL and nowhere else.

Lock order everywhere: resources, servers, queue rows, slices. The claim locks the server's row, counts what runs in a
new statement (in the same one the count is as old as the lock wait: with a limit of 2, 6 of 24 claimers ran), takes the
oldest row whose resource is free, and commits. Two unique partial indexes stand behind it.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import KINDS, Kind, kind_named
from app.metrics.instruments import QUEUE_WAIT_SECONDS
from app.postgres import Sessions


@dataclass(frozen=True)
class Claimed:
    """A deployment that this process runs now."""

    kind: Kind
    deployment_id: int
    deployment_uuid: str
    server_id: int
    lease_epoch: int
    deadline: float
    """On `time.monotonic`: PostgreSQL says how much time is left, whatever this machine's time of day does."""

    @property
    def seconds_left(self) -> float:
        """How long it may still take; below 0 when its deadline has passed."""
        return self.deadline - time.monotonic()


_LOCK_SERVER = text(
    """
    SELECT coalesce(settings.concurrent_deployments, 2) FROM servers
    LEFT JOIN server_settings AS settings ON settings.server_id = servers.id
    WHERE servers.id = :server_id AND servers.deleted_at IS NULL
    FOR NO KEY UPDATE OF servers
    """
)

_COUNT_RUNNING = text(
    "SELECT "
    + " + ".join(
        f"(SELECT count(*) FROM {kind.table} WHERE server_id = :server_id AND status = 'in_progress')" for kind in KINDS
    )
)


def _oldest(kind: Kind) -> str:
    same = " AND ".join(f"other.{column} = q.{column}" for column in kind.same_resource)
    return f"""
    (SELECT '{kind.name}' AS kind, q.id, q.created_at FROM {kind.table} AS q
     WHERE q.server_id = :server_id AND q.status = 'queued' AND {kind.claimable}
       AND NOT EXISTS (SELECT FROM {kind.table} AS other WHERE {same} AND other.status = 'in_progress')
       AND NOT EXISTS (SELECT FROM resource_operations AS operation
                       WHERE operation.resource_type = {kind.resource_type} AND operation.resource_id = {kind.resource_id}
                         AND operation.status IN ('queued', 'in_progress'))
     ORDER BY q.created_at, q.id LIMIT 1)
    """


_OLDEST_ELIGIBLE = text(
    f"SELECT kind, id FROM ({' UNION ALL '.join(map(_oldest, KINDS))}) AS oldest ORDER BY created_at, id LIMIT 1"
)


_SECONDS_LEFT = "extract(epoch FROM deadline_at - clock_timestamp())::float8 AS seconds_left"


def _take(kind: Kind) -> TextClause:
    return text(
        f"""
        UPDATE {kind.table} SET
            status = 'in_progress', phase = 'claimed', started_at = clock_timestamp(), updated_at = clock_timestamp(),
            deadline_at = clock_timestamp() + make_interval(secs => coalesce((options->>'deadline_seconds')::int, 3600)),
            lease_owner = :owner, lease_epoch = lease_epoch + 1,
            lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
        WHERE id = :id AND status = 'queued'
        RETURNING deployment_uuid, lease_epoch, {_SECONDS_LEFT},
            extract(epoch FROM clock_timestamp() - created_at)::float8 AS waited
        """
    )


_TAKE = {kind.name: _take(kind) for kind in KINDS}


async def claim_next(sessions: Sessions, server_id: int, owner: str, lease_seconds: float) -> Claimed | None:
    """Take the oldest deployment of the server that may run now, or return None.

    None as well when the server is full, gone, or another worker was faster.
    """
    try:
        async with sessions.begin() as session:
            return await _claim(session, server_id, owner, lease_seconds)
    except IntegrityError:
        # The unique index of running deployments: the resource is not free after all.
        return None


async def _claim(session: AsyncSession, server_id: int, owner: str, lease_seconds: float) -> Claimed | None:
    limit = (await session.execute(_LOCK_SERVER, {"server_id": server_id})).scalar_one_or_none()
    of_server: dict[str, Any] = {"server_id": str(server_id)}
    if limit is None or (await session.execute(_COUNT_RUNNING, of_server)).scalar_one() >= limit:
        return None
    oldest = (await session.execute(_OLDEST_ELIGIBLE, of_server)).one_or_none()
    if oldest is None:
        return None
    taken = (
        await session.execute(_TAKE[oldest.kind], {"id": oldest.id, "owner": owner, "lease_seconds": lease_seconds})
    ).one_or_none()
    if taken is None:
        return None
    QUEUE_WAIT_SECONDS.labels(oldest.kind).observe(max(taken.waited, 0))
    return Claimed(
        kind=kind_named(oldest.kind),
        deployment_id=oldest.id,
        deployment_uuid=taken.deployment_uuid,
        server_id=server_id,
        lease_epoch=taken.lease_epoch,
        deadline=time.monotonic() + taken.seconds_left,
    )


_RENEW = {
    kind.name: text(
        f"""
        UPDATE {kind.table} SET lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
        WHERE id = ANY(:ids) AND lease_owner = :owner AND status = 'in_progress'
        RETURNING id
        """
    )
    for kind in KINDS
}


async def renew_leases(
    sessions: Sessions, owner: str, lease_seconds: float, followed: Collection[tuple[str, int]]
) -> set[tuple[str, int]]:
    """Renew this worker's leases on what it follows; return (kind name, deployment id) of those it still holds.

    Never on more than that: a deployment that was let go, or whose claim was committed and the answer lost, has this
    owner too, and nobody would ever take it over.
    """
    held: set[tuple[str, int]] = set()
    for kind in KINDS:
        ids = [deployment_id for name, deployment_id in followed if name == kind.name]
        if not ids:
            continue
        async with sessions.begin() as session:
            values = {"owner": owner, "lease_seconds": lease_seconds, "ids": ids}
            rows = await session.execute(_RENEW[kind.name], values)
            held |= {(kind.name, row.id) for row in rows}
    return held


_SETTLED = {
    kind.name: text(f"SELECT id FROM {kind.table} WHERE id = ANY(:ids) AND status <> 'in_progress'") for kind in KINDS
}


async def settled_among(sessions: Sessions, followed: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
    """Return those of the deployments that have their final status: no lease of theirs can be lost any more."""
    settled: set[tuple[str, int]] = set()
    for kind in KINDS:
        ids = [deployment_id for name, deployment_id in followed if name == kind.name]
        if ids:
            async with sessions.begin() as session:
                rows = await session.execute(_SETTLED[kind.name], {"ids": ids})
                settled |= {(kind.name, row.id) for row in rows}
    return settled


_CANCELLED = {
    kind.name: text(
        f"""
        SELECT id FROM {kind.table}
        WHERE status = 'in_progress' AND lease_owner = :owner AND cancel_requested_at IS NOT NULL
        """
    )
    for kind in KINDS
}


async def cancel_requests(sessions: Sessions, owner: str) -> set[tuple[str, int]]:
    """Return (kind name, deployment id) of what this worker runs and somebody wants cancelled."""
    async with sessions.begin() as session:
        return {
            (kind.name, deployment_id)
            for kind in KINDS
            for deployment_id in (await session.execute(_CANCELLED[kind.name], {"owner": owner})).scalars()
        }


_SERVERS_WITH_QUEUE = text(
    " UNION ".join(f"SELECT server_id::bigint AS id FROM {kind.table} WHERE status = 'queued'" for kind in KINDS)
    + " UNION SELECT server_id FROM resource_operations WHERE status = 'queued' ORDER BY id LIMIT 1000"
)


async def servers_with_waiting_work(sessions: Sessions) -> list[int]:
    """Return the ids of servers that have something queued, ascending, at most 1,000."""
    async with sessions.begin() as session:
        return list((await session.execute(_SERVERS_WITH_QUEUE)).scalars())


def _expired(kind: Kind) -> TextClause:
    # By `id` alone they were looked for along the primary key, in the whole history.
    return text(
        f"""
        SELECT id, deployment_uuid, lease_epoch, server_id::bigint AS server_id FROM {kind.table}
        WHERE status = 'in_progress' AND (lease_until IS NULL OR lease_until < clock_timestamp())
        ORDER BY lease_until, id LIMIT :count FOR NO KEY UPDATE SKIP LOCKED
        """
    )


_TAKE_OVER = {
    kind.name: text(
        f"""
        UPDATE {kind.table} SET lease_owner = :owner, lease_epoch = lease_epoch + 1,
            lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
        WHERE id = :id RETURNING deployment_uuid, lease_epoch, server_id::bigint AS server_id, {_SECONDS_LEFT}
        """
    )
    for kind in KINDS
}
_EXPIRED = {kind.name: _expired(kind) for kind in KINDS}


async def take_over_expired(sessions: Sessions, owner: str, lease_seconds: float, *, count: int = 50) -> list[Claimed]:
    """Take up to `count` deployments whose worker has not renewed its lease.

    They get a higher epoch, so that the old owner writes nothing.
    """
    taken: list[Claimed] = []
    for kind in KINDS:
        async with sessions.begin() as session:
            for row in (await session.execute(_EXPIRED[kind.name], {"count": count - len(taken)})).all():
                values = {"id": row.id, "owner": owner, "lease_seconds": lease_seconds}
                lease = (await session.execute(_TAKE_OVER[kind.name], values)).one()
                deadline = time.monotonic() + lease.seconds_left
                taken.append(Claimed(kind, row.id, lease.deployment_uuid, lease.server_id, lease.lease_epoch, deadline))
    return taken


_RELEASE = {
    kind.name: text(
        f"UPDATE {kind.table} SET lease_until = clock_timestamp() WHERE lease_owner = :owner AND status = 'in_progress'"
    )
    for kind in KINDS
}


async def release_leases(sessions: Sessions, owner: str) -> None:
    """Let every lease of this worker expire now, so that another one takes its runs over at once."""
    for kind in KINDS:
        async with sessions.begin() as session:
            await session.execute(_RELEASE[kind.name], {"owner": owner})
