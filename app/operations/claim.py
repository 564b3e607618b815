"""The claim of an operation, its lease and its end, each one conditional statement in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.postgres import Sessions


@dataclass(frozen=True)
class ClaimedOperation:
    """An operation that this process runs now."""

    id: int
    uuid: str
    team_id: int
    server_id: int
    kind: str
    resource_type: str
    resource_id: int
    resource_uuid: str
    request_id: str | None
    options: dict[str, Any]


_COLUMNS = "id, uuid, team_id, server_id, kind, resource_type, resource_id, resource_uuid, request_id, options"

# Nothing has to be asked about deployments here: an operation is refused while one of its resource is active, and the
# claim of deployments passes over a resource with an active operation.
_CLAIM = text(
    f"""
    UPDATE resource_operations SET
        status = 'in_progress', started_at = clock_timestamp(), updated_at = clock_timestamp(),
        lease_owner = :owner, lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
    WHERE id = (
        SELECT id FROM resource_operations WHERE server_id = :server_id AND status = 'queued'
          AND (retry_at IS NULL OR retry_at <= clock_timestamp())
        ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING {_COLUMNS}
    """
).columns(options=JSONB)


async def claim_operation(
    sessions: Sessions, server_id: int, owner: str, lease_seconds: float
) -> ClaimedOperation | None:
    """Take the server's oldest queued operation, or return None."""
    values = {"server_id": server_id, "owner": owner, "lease_seconds": lease_seconds}
    async with sessions.begin() as session:
        row = (await session.execute(_CLAIM, values)).one_or_none()
    return None if row is None else ClaimedOperation(**row._mapping)


_RENEW = text(
    """
    UPDATE resource_operations SET lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
    WHERE id = :id AND status = 'in_progress' AND lease_owner = :owner RETURNING id
    """
)


async def renew_operation(sessions: Sessions, operation_id: int, owner: str, lease_seconds: float) -> bool:
    """Renew the lease; False when it is no longer ours."""
    values = {"id": operation_id, "owner": owner, "lease_seconds": lease_seconds}
    async with sessions.begin() as session:
        return (await session.execute(_RENEW, values)).one_or_none() is not None


_STORE_LOGS = text(
    """
    UPDATE resource_operations SET logs = :logs, updated_at = clock_timestamp()
    WHERE id = :id AND status = 'in_progress' AND lease_owner = :owner RETURNING id
    """
)


async def store_logs(sessions: Sessions, operation_id: int, owner: str, logs: str) -> bool:
    """Store the redacted log so far; False when the operation is no longer ours."""
    async with sessions.begin() as session:
        stored = await session.execute(_STORE_LOGS, {"id": operation_id, "owner": owner, "logs": logs})
        return stored.one_or_none() is not None


_SETTLE = text(
    """
    UPDATE resource_operations SET
        status = :status, failure_reason = :failure_reason, logs = coalesce(:logs, logs),
        finished_at = clock_timestamp(), updated_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL
    WHERE id = :id AND status = 'in_progress' AND lease_owner = :owner RETURNING id
    """
)


async def settle_operation(
    session: AsyncSession, operation_id: int, owner: str, status: str, failure_reason: str | None, logs: str | None
) -> bool:
    """Give the operation its final status in the caller's transaction; False when it is no longer ours."""
    values = {"id": operation_id, "owner": owner, "status": status, "failure_reason": failure_reason, "logs": logs}
    return (await session.execute(_SETTLE, values)).one_or_none() is not None


_POSTPONE = text(
    """
    UPDATE resource_operations SET
        status = 'queued', failure_reason = :reason, logs = :logs, updated_at = clock_timestamp(),
        retry_at = clock_timestamp() + make_interval(secs => :seconds), lease_owner = NULL, lease_until = NULL
    WHERE id = :id AND status = 'in_progress' AND lease_owner = :owner
    """
)


async def postpone_operation(
    sessions: Sessions, operation_id: int, owner: str, *, reason: str, logs: str, seconds: float
) -> None:
    """Queue the operation again, to be claimed in `seconds` at the earliest; nothing when it is no longer ours."""
    values = {"id": operation_id, "owner": owner, "reason": reason, "logs": logs, "seconds": seconds}
    async with sessions.begin() as session:
        await session.execute(_POSTPONE, values)


_CANCEL = text(
    """
    UPDATE resource_operations SET
        status = 'failed', failure_reason = :reason, retry_at = NULL,
        finished_at = clock_timestamp(), updated_at = clock_timestamp()
    WHERE id = :id AND status = 'queued' RETURNING id
    """
)


async def cancel_operation(session: AsyncSession, operation_id: int, reason: str) -> bool:
    """End an operation that no worker does at this moment, in the caller's transaction; False when one does, or did."""
    return (await session.execute(_CANCEL, {"id": operation_id, "reason": reason})).one_or_none() is not None


_TAKE_OVER = text(
    f"""
    UPDATE resource_operations SET
        lease_owner = :owner, lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
    WHERE id IN (
        SELECT id FROM resource_operations WHERE status = 'in_progress' AND lease_until < clock_timestamp()
        ORDER BY id LIMIT :count FOR UPDATE SKIP LOCKED
    )
    RETURNING {_COLUMNS}
    """
).columns(options=JSONB)


async def take_over_expired(
    sessions: Sessions, owner: str, lease_seconds: float, *, count: int = 50
) -> Sequence[ClaimedOperation]:
    """Take the operations whose worker no longer renews its lease, so that they can be settled."""
    values = {"owner": owner, "lease_seconds": lease_seconds, "count": count}
    async with sessions.begin() as session:
        return [ClaimedOperation(**row._mapping) for row in await session.execute(_TAKE_OVER, values)]
