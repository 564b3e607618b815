"""The end of a deployment in PostgreSQL: its final status with its last entries, its log sealed, its event left.

The settle compares what an append compares (`app.deployments.log`): it happens once, and nothing is written after it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import KINDS, Kind
from app.deployments.log import LeaseLost, Position, Stretch, write
from app.metrics.instruments import DEPLOYMENT_SECONDS, SETTLED
from app.models.deployment_status import DeploymentStatus, sources

SEAL_LIMIT_BYTES = 4 * 1024 * 1024
"""A larger log stays in slices for good: joining 32 MB took 0.84 s under the lock, and a tail page then 290 ms."""


@dataclass(frozen=True)
class Verdict:
    """How a deployment ended. `failure_reason` is one redacted sentence, None when it finished."""

    status: DeploymentStatus
    failure_reason: str | None = None
    exit_code: int | None = None
    resource_status: str | None = None
    """What the resource is now, e.g. `running:healthy`; None leaves it as it was."""
    containers: Sequence[str] = ()
    """After a cancel: the containers that are there, one line each."""
    image_digests: Mapping[str, Any] | None = None
    """What each Compose service runs, see `app.compose.digests`; None when it was not seen."""


def _settle(kind: Kind) -> TextClause:
    return text(
        f"""
        UPDATE {kind.table} SET
            status = :status, failure_reason = :failure_reason, exit_code = :exit_code, finished_at = clock_timestamp(),
            phase = 'settled', steps = cast(:steps AS jsonb), image_digests = cast(:image_digests AS jsonb),
            log_count = log_count + :count,
            log_bytes = log_bytes + :bytes, dropped_bytes = dropped_bytes + :dropped,
            stdout_offset = :new_stdout_offset, stderr_offset = :new_stderr_offset,
            lease_owner = NULL, lease_until = NULL, lease_epoch = lease_epoch + 1, updated_at = clock_timestamp()
        WHERE id = :id AND status = ANY(:sources) AND lease_epoch = :lease_epoch AND log_count = :log_count
          AND stdout_offset = :stdout_offset AND stderr_offset = :stderr_offset
        RETURNING log_bytes, team_id, resource_uuid, deployment_uuid, {", ".join(kind.same_resource)},
            extract(epoch FROM finished_at - started_at)::float8 AS seconds
        """
    )


def _seal(kind: Kind) -> TextClause:
    return text(
        f"""
        UPDATE {kind.table} SET logs = '[' || coalesce(
            (SELECT string_agg(entries, ',' ORDER BY first_order) FROM {kind.slice_table} WHERE deployment_id = :id), ''
        ) || ']' WHERE id = :id
        """
    )


_SETTLE = {kind.name: _settle(kind) for kind in KINDS}
_SEAL = {kind.name: _seal(kind) for kind in KINDS}
_INSERT_SLICE = {
    kind.name: text(
        f"""INSERT INTO {kind.slice_table} (deployment_id, first_order, entry_count, entries)
        VALUES (:id, :log_count + 1, :count, :entries)"""
    )
    for kind in KINDS
}
_DELETE_SLICES = {kind.name: text(f"DELETE FROM {kind.slice_table} WHERE deployment_id = :id") for kind in KINDS}
_LEAVE_EVENT = text(
    "INSERT INTO outbox_events (team_id, name, payload) VALUES (:team_id, :name, cast(:payload AS jsonb))"
)


_LOCK = {
    kind.name: text(
        f"SELECT cancel_requested_at IS NOT NULL FROM {kind.table} WHERE id = :id AND status = 'in_progress' "
        "FOR NO KEY UPDATE"
    )
    for kind in KINDS
}


_RESOURCE = {
    kind.name: text(f"SELECT {', '.join(kind.same_resource)} FROM {kind.table} WHERE id = :id") for kind in KINDS
}


async def lock_for_settle(session: AsyncSession, kind: Kind, deployment_id: int) -> bool:
    """Lock the resource, then the row of its running deployment; return whether somebody wants that cancelled.

    Raises LeaseLost when it is settled or gone.
    """
    of_resource = (await session.execute(_RESOURCE[kind.name], {"id": deployment_id})).one_or_none()
    if of_resource is None:
        raise LeaseLost(f"The deployment {deployment_id} is gone.")
    table, resource_id = kind.resource(of_resource)
    await session.execute(text(f"SELECT id FROM {table} WHERE id = :id FOR NO KEY UPDATE"), {"id": resource_id})
    cancel_requested = (await session.execute(_LOCK[kind.name], {"id": deployment_id})).scalar_one_or_none()
    if cancel_requested is None:
        raise LeaseLost(f"The deployment {deployment_id} is no longer this worker's.")
    return bool(cancel_requested)


async def settle(
    session: AsyncSession, kind: Kind, deployment_id: int, position: Position, *, last: Stretch, verdict: Verdict
) -> None:
    """Give a deployment its final status with its last entries, seal its log, leave its event: one transaction.

    The caller commits. Raises LeaseLost when the row is not as expected; nothing is written after a settle.
    """
    written = write(last, position)
    values = {
        **written.values,
        "id": deployment_id,
        "status": verdict.status.value,
        "failure_reason": verdict.failure_reason,
        "exit_code": verdict.exit_code,
        "sources": [status.value for status in sources(verdict.status)],
        "image_digests": None if verdict.image_digests is None else json.dumps(dict(verdict.image_digests)),
    }
    row = (await session.execute(_SETTLE[kind.name], values)).one_or_none()
    if row is None:
        raise LeaseLost(f"The deployment {deployment_id} is no longer this worker's.")
    if written.count:
        await session.execute(_INSERT_SLICE[kind.name], values)
    if row.log_bytes <= SEAL_LIMIT_BYTES:
        await session.execute(_SEAL[kind.name], {"id": deployment_id})
        await session.execute(_DELETE_SLICES[kind.name], {"id": deployment_id})
    payload = {
        "kind": kind.name,
        "resource_uuid": row.resource_uuid,
        "deployment_uuid": row.deployment_uuid,
        "status": verdict.status.value,
        "resource_status": verdict.resource_status,
        "failure_reason": verdict.failure_reason,
    }
    event = {"team_id": row.team_id, "name": kind.status_event, "payload": json.dumps(payload)}
    await session.execute(_LEAVE_EVENT, event)
    if verdict.resource_status is not None:
        table, resource_id = kind.resource(row)
        statement = text(f"UPDATE {table} SET status = :status, status_at = clock_timestamp() WHERE id = :id")
        await session.execute(statement, {"status": verdict.resource_status, "id": resource_id})
    SETTLED.labels(kind.name, verdict.status.value).inc()
    if row.seconds is not None:
        DEPLOYMENT_SECONDS.labels(kind.name, verdict.status.value).observe(max(row.seconds, 0))
