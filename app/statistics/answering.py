"""From the roll-up to the answer: rates and percentiles."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import ValidationFailed
from app.kit.clock import utcnow
from app.statistics.histogram import counts_of, percentile
from app.statistics.repository import Chosen, Numbers, read_numbers
from app.statistics.schemas import (
    Percentiles,
    StatisticsAnswer,
    StatisticsGroup,
    StatisticsNumbers,
    StatisticsQuery,
)

DEFAULT_DAYS = 30


async def statistics_of(session: AsyncSession, team_id: int, query: StatisticsQuery) -> StatisticsAnswer:
    """Return the team's numbers; raise ValidationFailed for days in the wrong order."""
    since, until = _days(query)
    chosen = Chosen(since, until, query.kind, query.resource_uuid, query.server_uuid)
    total, *groups = await read_numbers(session, team_id, chosen, query.group_by, most=query.take)
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
    counts = counts_of(histogram)
    return Percentiles(p50=percentile(counts, 0.5), p95=percentile(counts, 0.95))
