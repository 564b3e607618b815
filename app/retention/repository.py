"""Statements that remove history: a batch of what a team's policy does not keep, one deployment, one log."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import KINDS, Kind
from app.kit.clock import utcnow
from app.models.outbox_event import OutboxEvent
from app.models.retention_policy import RetentionPolicy

EVENT = "RetentionDone"
LEASE = timedelta(minutes=10)
"""A worker that has not removed a batch for so long is taken for dead."""
BATCH_BYTES = 4 * 1024 * 1024
"""So much of logs goes at once, and one log however long: 32 MiB in slices took 30 to 90 ms on a busy machine."""

_FINAL = "('finished', 'failed', 'cancelled-by-user')"
_BEFORE = """CASE {row}.status WHEN 'finished' THEN cast(:finished_before AS timestamptz)
    WHEN 'failed' THEN cast(:failed_before AS timestamptz) ELSE cast(:cancelled_before AS timestamptz) END"""


@dataclass(frozen=True)
class Position:
    """How far a team's history was walked, oldest first, in `(created_at, id)`."""

    created_at: datetime
    id: int


BEGIN = Position(datetime.fromisoformat("1970-01-01T00:00:00+00:00"), 0)


@dataclass(frozen=True)
class Found:
    """What a batch removed, or would; `position` is None when nothing old is behind it."""

    counts: dict[str, int]
    log_bytes: int
    position: Position | None

    @property
    def deployments(self) -> int:
        """How many of any status."""
        return sum(self.counts.values())


def _old(kind: Kind) -> str:
    """Return the WITH parts `looked`, a stretch of history, and `chosen`, what of it the policy does not keep."""
    same = " AND ".join(f"newer.{column} = q.{column}" for column in kind.same_resource)
    newer = f"FROM {kind.table} AS newer WHERE {same} AND (newer.created_at, newer.id) > (q.created_at, q.id)"
    return f"""
        looked AS (
            SELECT id, created_at, status, log_bytes, counted_at, {", ".join(kind.same_resource)} FROM {kind.table}
            WHERE team_id = :team_id AND (created_at, id) > (:after_at, :after_id)
              AND created_at < greatest(
                  cast(:finished_before AS timestamptz), cast(:failed_before AS timestamptz),
                  cast(:cancelled_before AS timestamptz))
            ORDER BY created_at, id LIMIT :count
        ), old AS (
            SELECT id, created_at, status, log_bytes,
                sum(log_bytes) OVER (ORDER BY created_at, id) - log_bytes AS bytes_before
            FROM looked AS q
            WHERE status IN {_FINAL} AND counted_at IS NOT NULL AND created_at < {_BEFORE.format(row="q")}
              AND (SELECT count(*) FROM (SELECT {newer} LIMIT :keep_last) AS kept) >= :keep_last
              AND (status <> 'finished' OR EXISTS (SELECT {newer} AND newer.status = 'finished'))
        ), chosen AS (
            SELECT * FROM old WHERE bytes_before < cast(:most_bytes AS bigint)
        )
        """  # noqa: S608 - every name is a constant


# Where the next batch begins: behind what was looked at, or behind what was chosen when that is not all that is old.
_END = """
    SELECT *, (SELECT count(*) FROM looked) AS looked_at FROM (
        SELECT created_at, id FROM looked WHERE (SELECT count(*) FROM old) = (SELECT count(*) FROM chosen)
        UNION ALL SELECT created_at, id FROM chosen
    ) AS walked ORDER BY created_at DESC, id DESC LIMIT 1
    """


def _find(kind: Kind) -> TextClause:
    return text(
        f"""
        WITH {_old(kind)}, last AS ({_END})
        SELECT last.*, (SELECT count(*) FROM old) = (SELECT count(*) FROM chosen) AS is_all, status,
            coalesce(count(chosen.id), 0) AS removed, coalesce(sum(log_bytes), 0) AS bytes
        FROM last LEFT JOIN chosen ON TRUE GROUP BY last.created_at, last.id, last.looked_at, status
        """  # noqa: S608 - every name is a constant
    )


def _remove(kind: Kind) -> TextClause:
    return text(
        f"""
        WITH {_old(kind)}, last AS ({_END}), removed AS (
            DELETE FROM {kind.table} WHERE id = ANY(ARRAY(
                SELECT id FROM {kind.table} WHERE id IN (SELECT id FROM chosen) ORDER BY id FOR UPDATE SKIP LOCKED
            )) RETURNING id, status, log_bytes
        )
        SELECT last.created_at, last.id, last.looked_at,
            (SELECT count(*) FROM old) = (SELECT count(*) FROM chosen) AS is_all, removed.status,
            count(removed.id) AS removed, coalesce(sum(removed.log_bytes), 0) AS bytes
        FROM last LEFT JOIN removed ON TRUE GROUP BY last.created_at, last.id, last.looked_at, removed.status
        """  # noqa: S608 - every name is a constant
    )


_FIND = {kind.name: _find(kind) for kind in KINDS}
_REMOVE = {kind.name: _remove(kind) for kind in KINDS}


async def find_old(session: AsyncSession, kind: Kind, policy: RetentionPolicy, after: Position, *, count: int) -> Found:
    """Return what of the next `count` deployments of a team its policy does not keep."""
    return await _batch(session, _FIND[kind.name], policy, after, count, 2**62)


async def remove_old(
    session: AsyncSession, kind: Kind, policy: RetentionPolicy, after: Position, *, count: int
) -> Found:
    """Remove it, but for what another transaction holds; the caller commits."""
    return await _batch(session, _REMOVE[kind.name], policy, after, count, BATCH_BYTES)


async def _batch(
    session: AsyncSession, statement: TextClause, policy: RetentionPolicy, after: Position, count: int, most_bytes: int
) -> Found:
    values = {
        **_limits(policy),
        "team_id": policy.team_id,
        "keep_last": policy.keep_last,
        "after_at": after.created_at,
        "after_id": after.id,
        "count": count,
        "most_bytes": most_bytes,
    }
    rows = (await session.execute(statement, values)).all()
    if not rows:
        return Found({}, 0, None)
    is_last = rows[0].is_all and rows[0].looked_at < count
    return Found(
        {row.status: row.removed for row in rows if row.removed},
        int(sum(row.bytes for row in rows)),
        None if is_last else Position(rows[0].created_at, rows[0].id),
    )


def _limits(policy: RetentionPolicy) -> dict[str, datetime | None]:
    now = utcnow()
    days = {"finished": policy.finished_days, "failed": policy.failed_days, "cancelled": policy.cancelled_days}
    return {f"{name}_before": None if number is None else now - timedelta(days=number) for name, number in days.items()}


_OLD_OPERATIONS = """
    SELECT id FROM resource_operations AS q
    WHERE team_id = :team_id AND status IN ('finished', 'failed') AND created_at < CASE status
        WHEN 'finished' THEN cast(:finished_before AS timestamptz) ELSE cast(:failed_before AS timestamptz) END
    ORDER BY id LIMIT :count
    """
_FIND_OPERATIONS = text(f"SELECT count(*) FROM ({_OLD_OPERATIONS}) AS old")  # noqa: S608
_REMOVE_OPERATIONS = text(
    f"""
    WITH removed AS (
        DELETE FROM resource_operations WHERE id = ANY(ARRAY({_OLD_OPERATIONS} FOR UPDATE SKIP LOCKED)) RETURNING id
    ) SELECT count(*) FROM removed
    """  # noqa: S608 - every name is a constant
)


async def find_old_operations(session: AsyncSession, policy: RetentionPolicy, *, count: int) -> int:
    """Return how many stops, deletes and the like are older than the policy keeps, at most `count`."""
    values = {**_of_operations(policy), "count": count}
    return int((await session.execute(_FIND_OPERATIONS, values)).scalar_one())


async def remove_old_operations(session: AsyncSession, policy: RetentionPolicy, *, count: int) -> int:
    """Remove up to `count` of them; return how many, the caller commits."""
    values = {**_of_operations(policy), "count": count}
    return int((await session.execute(_REMOVE_OPERATIONS, values)).scalar_one())


def _of_operations(policy: RetentionPolicy) -> dict[str, Any]:
    limits = _limits(policy)
    del limits["cancelled_before"]
    return {**limits, "team_id": policy.team_id}


EXPIRED = {
    "idempotency_keys": "created_at < now() - make_interval(hours => 24)",
    "outbox_events": "created_at < now() - make_interval(days => 30)",
    "notification_deliveries": "created_at < now() - make_interval(days => 30)",
    "api_tokens": "expires_at < now() - make_interval(days => 30)",
    "web_sessions": "expires_at < now()",
    "sign_in_links": "expires_at < now()",
}
"""What has a time of its own, whatever the team's policy: table and condition."""

_REMOVE_EXPIRED = {
    table: text(
        f"""
        WITH removed AS (
            DELETE FROM {table} WHERE ctid = ANY(ARRAY(
                SELECT ctid FROM {table} WHERE {condition} LIMIT :count FOR UPDATE SKIP LOCKED)) RETURNING 1
        ) SELECT count(*) FROM removed
        """  # noqa: S608 - every name is a constant
    )
    for table, condition in EXPIRED.items()
}


async def remove_expired(session: AsyncSession, table: str, *, count: int) -> int:
    """Remove up to `count` rows of a table of EXPIRED; return how many, the caller commits."""
    return int((await session.execute(_REMOVE_EXPIRED[table], {"count": count})).scalar_one())


_TAKE = text(
    """
    UPDATE retention_policies SET due_at = clock_timestamp() + :lease WHERE team_id = (
        SELECT team_id FROM retention_policies WHERE due_at <= clock_timestamp()
        ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING team_id
    """
)
_PROGRESS = text(
    """
    UPDATE retention_policies SET due_at = clock_timestamp() + :lease,
        removed_deployments = removed_deployments + :deployments,
        removed_operations = removed_operations + :operations, removed_log_bytes = removed_log_bytes + :log_bytes
    WHERE team_id = :team_id
    """
)
_ADD_MISSING = text(
    """
    INSERT INTO retention_policies (team_id) SELECT id FROM teams
    WHERE NOT EXISTS (SELECT FROM retention_policies WHERE team_id = teams.id) ON CONFLICT DO NOTHING
    """
)


async def take_due_team(session: AsyncSession) -> int | None:
    """Take the team that has been due for longest, for this worker alone; None when no team is due."""
    await session.execute(_ADD_MISSING)
    return (await session.execute(_TAKE, {"lease": LEASE})).scalar_one_or_none()


async def policy_of(session: AsyncSession, team_id: int) -> RetentionPolicy | None:
    """Return a team's policy as it is now, None when the team is gone or nobody has asked for it yet."""
    return await session.get(RetentionPolicy, team_id, populate_existing=True)


async def note_progress(
    session: AsyncSession, team_id: int, *, deployments: int = 0, operations: int = 0, log_bytes: int = 0
) -> None:
    """Add to what this round has removed, in the transaction that removes it, and keep the team."""
    values = {"deployments": deployments, "operations": operations, "log_bytes": log_bytes}
    await session.execute(_PROGRESS, {**values, "team_id": team_id, "lease": LEASE})


async def end_round(session: AsyncSession, team_id: int, *, pause: timedelta) -> dict[str, int] | None:
    """End a team's round: note what it removed, tell whoever listens if that was anything; None when the team is gone."""
    policy = await session.get(RetentionPolicy, team_id, with_for_update={"key_share": True}, populate_existing=True)
    if policy is None:
        return None
    now = utcnow()
    removed = {
        "deployments": policy.removed_deployments,
        "operations": policy.removed_operations,
        "log_bytes": policy.removed_log_bytes,
    }
    policy.removed_deployments = policy.removed_operations = policy.removed_log_bytes = 0
    policy.due_at, policy.pruned_at, policy.last_removed = now + pause, now, removed
    if any(removed.values()):
        session.add(OutboxEvent(team_id=team_id, name=EVENT, payload=removed))
    await session.flush()
    return removed


async def change_policy(session: AsyncSession, team_id: int, changes: dict[str, Any]) -> RetentionPolicy:
    """Change a team's policy, which is made when it has none; the caller commits."""
    made = insert(RetentionPolicy).values(team_id=team_id).on_conflict_do_nothing()
    await session.execute(made)
    policy = await session.get_one(
        RetentionPolicy, team_id, with_for_update={"key_share": True}, populate_existing=True
    )
    for name, value in changes.items():
        setattr(policy, name, value)
    await session.flush()
    return policy


_DELETE = {
    kind.name: text(f"DELETE FROM {kind.table} WHERE id = :id AND status IN {_FINAL} RETURNING id")  # noqa: S608
    for kind in KINDS
}
_EMPTY = {
    kind.name: text(
        f"""
        UPDATE {kind.table} SET logs = '[]', log_count = 0, log_bytes = 0, updated_at = clock_timestamp(),
            logs_deleted_at = coalesce(logs_deleted_at, clock_timestamp()),
            steps = coalesce(
                (SELECT jsonb_agg(step || '{{"first_order": null, "last_order": null}}' ORDER BY place)
                 FROM jsonb_array_elements(steps) WITH ORDINALITY AS all_steps (step, place)), '[]')
        WHERE id = :id AND status IN {_FINAL} RETURNING id
        """  # noqa: S608 - every name is a constant
    )
    for kind in KINDS
}
_DELETE_SLICES = {
    kind.name: text(f"DELETE FROM {kind.slice_table} WHERE deployment_id = :id")  # noqa: S608
    for kind in KINDS
}


async def delete_deployment(session: AsyncSession, kind: Kind, deployment_id: int) -> bool:
    """Delete a deployment that has ended, with its log; False when it has not."""
    deleted = await session.execute(_DELETE[kind.name], {"id": deployment_id})
    return deleted.one_or_none() is not None


async def delete_log(session: AsyncSession, kind: Kind, deployment_id: int) -> bool:
    """Delete the log of a deployment that has ended; False when it has not.

    Every reader then sees a log without entries, and the row says why.
    """
    emptied = (await session.execute(_EMPTY[kind.name], {"id": deployment_id})).one_or_none()
    if emptied is None:
        return False
    await session.execute(_DELETE_SLICES[kind.name], {"id": deployment_id})
    return True
