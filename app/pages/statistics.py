"""Numbers: how deployments end, how long they take and how long they wait, over time, per resource and per server."""

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from app.kit.clock import utcnow
from app.pages.charts import bars_of, lines_of
from app.pages.rendering import render
from app.pages.signed_in import Looking
from app.postgres import ReadSession
from app.statistics.answering import statistics_of
from app.statistics.schemas import GroupBy, Percentiles, StatisticsAnswer, StatisticsGroup, StatisticsQuery

router = APIRouter()

MOST_GROUPS = 20
_NOTHING = Percentiles(p50=None, p95=None)


@router.get("/statistics")
async def show_statistics(
    request: Request,
    session: ReadSession,
    visitor: Looking,
    days: Annotated[Literal["7", "30", "90"], Query(description="How far back.")] = "30",
) -> Response:
    """Show the numbers of the last days."""
    team_id = visitor.caller.team_id
    until = utcnow().date()
    since = until - timedelta(days=int(days) - 1)

    async def ask(group_by: GroupBy) -> StatisticsAnswer:
        take = None if group_by is GroupBy.DAY else MOST_GROUPS
        query = StatisticsQuery(since=since, until=until, group_by=group_by, take=take)
        return await statistics_of(session, team_id, query)

    daily = await ask(GroupBy.DAY)
    by_day = _without_gaps(daily.groups, since, until)
    return render(
        request,
        "statistics.html",
        visitor,
        days=days,
        total=daily.total,
        by_day=by_day,
        by_resource=(await ask(GroupBy.RESOURCE)).groups,
        by_server=(await ask(GroupBy.SERVER)).groups,
        ends=bars_of(by_day),
        durations=lines_of(by_day, _seconds(by_day, "duration_ms")),
        waits=lines_of(by_day, _seconds(by_day, "queue_wait_ms")),
    )


def _seconds(days: list[StatisticsGroup], name: str) -> dict[str, list[float | None]]:
    def values(percentile: str) -> list[float | None]:
        found = [getattr(getattr(day, name), percentile) for day in days]
        return [None if value is None else value / 1000 for value in found]

    return {"p50": values("p50"), "p95": values("p95")}


def _without_gaps(groups: list[StatisticsGroup], since: date, until: date) -> list[StatisticsGroup]:
    """Return a group for each day; one on which nothing ended has zeros."""
    known = {group.group: group for group in groups}
    names = [(since + timedelta(days=number)).isoformat() for number in range((until - since).days + 1)]
    return [known.get(name) or _empty(name) for name in names]


def _empty(day: str) -> StatisticsGroup:
    return StatisticsGroup(
        group=day,
        name=None,
        deployments=0,
        finished=0,
        failed=0,
        cancelled=0,
        success_rate=None,
        duration_ms=_NOTHING,
        queue_wait_ms=_NOTHING,
    )
