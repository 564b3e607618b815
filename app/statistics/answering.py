"""From the roll-up to the answer: rates and percentiles."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import ValidationFailed
from app.kit.clock import utcnow
from app.statistics.histogram import percentiles
from app.statistics.repository import Chosen, Numbers, read_groups, read_total
from app.statistics.schemas import (
    GroupBy,
    Percentiles,
    StatisticsAnswer,
    StatisticsGroup,
    StatisticsNumbers,
    StatisticsQuery,
)

DEFAULT_DAYS, MOST_DAYS = 30, 1000
DEFAULT_GROUPS = 100


async def statistics_of(session: AsyncSession, team_id: int, query: StatisticsQuery) -> StatisticsAnswer:
    """Return the team's numbers; raise ValidationFailed for days in the wrong order."""
    since, until = _days(query)
    chosen = Chosen(since, until, query.kind, query.resource_uuid, query.server_uuid)
    total = await read_total(session, team_id, chosen)
    most = query.take or (MOST_DAYS if query.group_by is GroupBy.DAY else DEFAULT_GROUPS)
    groups = await read_groups(session, team_id, chosen, query.group_by, most=most)
    return StatisticsAnswer(
        since=since,
        until=until,
        group_by=query.group_by,
        total=StatisticsNumbers(**_numbers(total)),
        groups=[StatisticsGroup(group=str(one.key), name=one.name, **_numbers(one)) for one in groups],
    )


def _days(query: StatisticsQuery) -> tuple[date, date]:
    until = query.until or max(utcnow().date(), query.since or date.min)
    since = query.since or max(date.min + timedelta(days=DEFAULT_DAYS), until) - timedelta(days=DEFAULT_DAYS - 1)
    if since > until:
        raise ValidationFailed({"since": ["The first day must not be after the last one."]})
    return since, until


def _numbers(of: Numbers) -> dict[str, Any]:
    decided = of.finished + of.failed
    return {
        "deployments": decided + of.cancelled,
        "finished": of.finished,
        "failed": of.failed,
        "cancelled": of.cancelled,
        "success_rate": round(of.finished / decided, 4) if decided else None,
        "duration_ms": _percentiles(of.durations),
        "queue_wait_ms": _percentiles(of.waits),
    }


def _percentiles(histogram: str) -> Percentiles:
    p50, p95 = percentiles(histogram, 0.5, 0.95)
    return Percentiles(p50=p50, p95=p95)
