"""Statements on the daily roll-up: taking settled deployments in, and reading it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import KINDS, Kind
from app.statistics.histogram import number_sql

_MILLISECONDS = "(extract(epoch FROM {end} - {begin}) * 1000)::float8"
_DURATION = number_sql(_MILLISECONDS.format(end="ended_at", begin="started_at"))
_WAIT = number_sql(_MILLISECONDS.format(end="started_at", begin="created_at"))
_KEY = "team_id, day, kind, resource_uuid, server_uuid"
_ADDED = ("finished", "failed", "cancelled", "durations", "waits")


def _count(kind: Kind) -> TextClause:
    # Marked and added in one statement: a worker that is killed has done both or neither. The order of the insert is
    # that of all workers, or two of them would wait for each other.
    return text(
        f"""
        WITH settled AS (
            UPDATE {kind.table} SET counted_at = clock_timestamp() WHERE id = ANY(ARRAY(
                SELECT id FROM {kind.table}
                WHERE counted_at IS NULL AND status IN ('finished', 'failed', 'cancelled-by-user')
                ORDER BY id LIMIT :count FOR NO KEY UPDATE SKIP LOCKED
            ))
            RETURNING team_id, resource_uuid, server_uuid, {kind.name}_name AS resource_name, server_name, status,
                created_at, started_at, coalesce(finished_at, updated_at) AS ended_at
        ), counted AS (
            INSERT INTO deployment_statistics AS known ({_KEY}, resource_name, server_name, {", ".join(_ADDED)})
            SELECT team_id, (ended_at AT TIME ZONE 'UTC')::date AS day, '{kind.name}', resource_uuid, server_uuid,
                max(resource_name), max(server_name),
                count(*) FILTER (WHERE status = 'finished'), count(*) FILTER (WHERE status = 'failed'),
                count(*) FILTER (WHERE status = 'cancelled-by-user'),
                coalesce(sum({_DURATION}), 0), coalesce(sum({_WAIT}), 0)
            FROM settled GROUP BY team_id, day, resource_uuid, server_uuid
            ORDER BY team_id, day, resource_uuid, server_uuid
            ON CONFLICT ({_KEY}) DO UPDATE SET
                resource_name = excluded.resource_name, server_name = excluded.server_name,
                {", ".join(f"{name} = known.{name} + excluded.{name}" for name in _ADDED)}
        )
        SELECT count(*) FROM settled
        """  # noqa: S608 - every name is a constant
    )


_COUNT = {kind.name: _count(kind) for kind in KINDS}


async def count_settled(session: AsyncSession, kind: Kind, *, most: int) -> int:
    """Take up to `most` settled deployments into the roll-up that are not in it; return how many, the caller commits."""
    return int((await session.execute(_COUNT[kind.name], {"count": most})).scalar_one())


@dataclass(frozen=True)
class Numbers:
    """What is known of a group, or of all: `key` is None then. The histograms are decimal texts."""

    key: str | None
    name: str | None
    finished: int
    failed: int
    cancelled: int
    durations: str
    waits: str


@dataclass(frozen=True)
class Chosen:
    """Which days, both included, of what."""

    since: date
    until: date
    kind: str | None = None
    resource_uuid: str | None = None
    server_uuid: str | None = None


_GROUPS = {
    "resource": ("resource_uuid", "max(resource_name)", "deployments DESC, key"),
    "server": ("server_uuid", "max(server_name)", "deployments DESC, key"),
    "day": ("day", "NULL", "key"),
    "team": ("team_id", "NULL", "key"),
}


def _read(key: str, name: str, order: str) -> TextClause:
    return text(
        f"""
        SELECT {key}::text AS key, {name} AS name, coalesce(sum(finished), 0) AS finished,
            coalesce(sum(failed), 0) AS failed, coalesce(sum(cancelled), 0) AS cancelled,
            coalesce(sum(durations), 0)::text AS durations, coalesce(sum(waits), 0)::text AS waits,
            sum(finished + failed + cancelled) AS deployments
        FROM deployment_statistics
        WHERE team_id = :team_id AND day BETWEEN :since AND :until
          AND (cast(:kind AS text) IS NULL OR kind = :kind)
          AND (cast(:resource_uuid AS text) IS NULL OR resource_uuid = :resource_uuid)
          AND (cast(:server_uuid AS text) IS NULL OR server_uuid = :server_uuid)
        GROUP BY GROUPING SETS ((), ({key})) ORDER BY grouping({key}) DESC, {order} LIMIT :most + 1
        """  # noqa: S608 - every name is a constant
    )


_READ = {group_by: _read(*how) for group_by, how in _GROUPS.items()}


async def read_numbers(
    session: AsyncSession, team_id: int, chosen: Chosen, group_by: str, *, most: int
) -> Sequence[Numbers]:
    """Return the numbers of all that is chosen, then of its first `most` groups: days in order, others by size."""
    values: dict[str, Any] = {**vars(chosen), "team_id": team_id, "most": most}
    rows = (await session.execute(_READ[group_by], values)).all()
    return [
        Numbers(row.key, row.name, int(row.finished), int(row.failed), int(row.cancelled), row.durations, row.waits)
        for row in rows
    ]
