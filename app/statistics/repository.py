"""Statements on the daily roll-up: taking settled deployments in, and reading it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import KINDS, Kind
from app.statistics.histogram import number_sql

_MILLISECONDS = "(extract(epoch FROM {end} - {begin}) * 1000)::float8"
_DURATION = number_sql(_MILLISECONDS.format(end="ended_at", begin="started_at"))
_WAIT = number_sql(_MILLISECONDS.format(end="started_at", begin="created_at"))
_KEY = "team_id, level, span, day, kind, resource_uuid, server_uuid"
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
        ), measured AS (
            SELECT *, {_DURATION} AS duration, {_WAIT} AS wait FROM settled
        ), counted AS (
            INSERT INTO deployment_statistics AS known ({_KEY}, resource_name, server_name, {", ".join(_ADDED)})
            SELECT team_id, of.level, spans.span, date_trunc(spans.span, ended_at, 'UTC')::date AS day, '{kind.name}',
                of.resource_uuid, of.server_uuid, max(of.resource_name), max(of.server_name),
                count(*) FILTER (WHERE status = 'finished'), count(*) FILTER (WHERE status = 'failed'),
                count(*) FILTER (WHERE status = 'cancelled-by-user'),
                coalesce(sum(duration), 0), coalesce(sum(wait), 0)
            FROM measured AS m CROSS JOIN (VALUES ('day'), ('month')) AS spans (span) CROSS JOIN LATERAL (VALUES
                ('resource', m.resource_uuid, m.server_uuid, m.resource_name, m.server_name),
                ('server', '', m.server_uuid, '', m.server_name), ('team', '', '', '', '')
            ) AS of (level, resource_uuid, server_uuid, resource_name, server_name)
            GROUP BY team_id, of.level, spans.span, day, of.resource_uuid, of.server_uuid
            ORDER BY team_id, of.level, spans.span, day, of.resource_uuid, of.server_uuid
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

    def level(self, group_by: str) -> str:
        """Return the coarsest level that answers."""
        if group_by == "resource" or self.resource_uuid is not None:
            return "resource"
        return "server" if group_by == "server" or self.server_uuid is not None else "team"

    def months(self) -> tuple[date, date]:
        """Return the first day of the first whole month, and the first day behind the last one; equal without any."""
        first = self.since if self.since.day == 1 else _next_month(self.since)
        end = max(first, (self.until + timedelta(days=1)).replace(day=1))
        return first, end


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


_NUMBERS = """
    coalesce(sum(finished), 0) AS finished, coalesce(sum(failed), 0) AS failed,
    coalesce(sum(cancelled), 0) AS cancelled, coalesce(sum(durations), 0) AS durations, coalesce(sum(waits), 0) AS waits,
    coalesce(sum(finished + failed + cancelled), 0) AS deployments
    """
_CHOSEN = """
    FROM deployment_statistics
    WHERE team_id = :team_id AND level = :level
      AND (span = 'month' AND day >= :first_month AND day < :end_month
           OR span = 'day' AND day BETWEEN :since AND :until AND NOT (day >= :first_month AND day < :end_month))
      AND (cast(:kind AS text) IS NULL OR kind = :kind)
      AND (cast(:resource_uuid AS text) IS NULL OR resource_uuid = :resource_uuid)
      AND (cast(:server_uuid AS text) IS NULL OR server_uuid = :server_uuid)
    """
_GROUPS = {
    "resource": ("resource_uuid", "max(resource_name)", "deployments DESC, key"),
    "server": ("server_uuid", "max(server_name)", "deployments DESC, key"),
    "day": ("day::text", "NULL", "key"),
    "team": ("team_id::text", "NULL", "key"),
}
# Only of what is told a text is made.
_TOLD = "key, name, finished, failed, cancelled, durations::text AS durations, waits::text AS waits"
_READ_ALL = text(f"SELECT {_TOLD} FROM (SELECT NULL AS key, NULL AS name, {_NUMBERS} {_CHOSEN} OFFSET 0) AS found")  # noqa: S608
_READ = {
    group_by: text(
        f"""SELECT {_TOLD} FROM (
            SELECT {key} AS key, {name} AS name, {_NUMBERS} {_CHOSEN} GROUP BY 1 ORDER BY {order} LIMIT :most
        ) AS found"""  # noqa: S608
    )
    for group_by, (key, name, order) in _GROUPS.items()
}


async def read_total(session: AsyncSession, team_id: int, chosen: Chosen) -> Numbers:
    """Return the numbers of all that is chosen."""
    rows = await session.execute(_READ_ALL, _values(team_id, chosen, "team"))
    return _numbers(rows.one())


async def read_groups(
    session: AsyncSession, team_id: int, chosen: Chosen, group_by: str, *, most: int
) -> list[Numbers]:
    """Return the numbers of the first `most` groups: days in order, others by size."""
    values = {**_values(team_id, chosen, group_by), "most": most}
    return [_numbers(row) for row in await session.execute(_READ[group_by], values)]


def _values(team_id: int, chosen: Chosen, group_by: str) -> dict[str, Any]:
    first_month, end_month = (chosen.since, chosen.since) if group_by == "day" else chosen.months()
    months = {"first_month": first_month, "end_month": end_month}
    return {**vars(chosen), **months, "team_id": team_id, "level": chosen.level(group_by)}


def _numbers(row: Any) -> Numbers:
    return Numbers(row.key, row.name, int(row.finished), int(row.failed), int(row.cancelled), row.durations, row.waits)
