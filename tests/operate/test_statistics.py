"""Statistics: each settled deployment once, in the roll-up that stays when its row goes, told within 5 %."""

import asyncio
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, func, select, text

from app.deployments.kinds import DATABASE, KINDS, SERVICE, Kind
from app.models import DeploymentStatistic, ServiceDeploymentQueue
from app.models.deployment_status import DeploymentStatus
from app.postgres import Sessions
from app.statistics.answering import statistics_of
from app.statistics.counting import count_all
from app.statistics.histogram import BUCKETS, counts_of, number_sql, percentiles
from app.statistics.repository import count_settled
from app.statistics.schemas import GroupBy, StatisticsQuery
from tests.deploying import Place, create_deployment, create_place, create_resource
from tests.desk import error_of
from tests.fixtures.api import MakeToken

END = datetime(2025, 10, 30, 12, tzinfo=UTC)
STATISTICS = "/deployments/statistics"
OCTOBER = {"since": "2025-10-01", "until": "2025-10-31"}


def settled(status: str = "finished", *, wait: float = 1, duration: float = 10, end: datetime = END) -> dict[str, Any]:
    """Return the columns of a deployment that waited and ran for so many seconds."""
    started = end - timedelta(seconds=duration)
    return {
        "status": status,
        "created_at": started - timedelta(seconds=wait),
        "started_at": started,
        "finished_at": end,
    }


async def make(sessions: Sessions, *rows: dict[str, Any], kind: Kind = SERVICE) -> Place:
    """Make a resource with these deployments."""
    async with sessions.begin() as session:
        place = await create_place(session)
        resource = await create_resource(session, place, kind)
        for columns in rows:
            await create_deployment(session, place, resource, **columns)
    return place


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_what_is_settled_is_counted_once_by_its_day_and_its_end(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind
) -> None:
    never_started = {**settled("cancelled-by-user"), "started_at": None}
    rows = (
        settled(),
        settled("failed", duration=100),
        never_started,
        settled(end=END + timedelta(hours=13)),
        {"status": "queued"},
        {"status": "in_progress"},
    )
    place = await make(sessions, *rows, kind=kind)
    token = await make_token(["read"], team_id=place.team.id)
    assert [await count_all(sessions), await count_all(sessions)] == [4, 0]
    answer = (await api.get(STATISTICS, params={**OCTOBER, "group_by": "day"}, headers=token.headers)).json()
    counts = [
        (one["group"], one["deployments"], one["finished"], one["failed"], one["cancelled"], one["success_rate"])
        for one in answer["groups"]
    ]
    assert counts == [("2025-10-30", 3, 1, 1, 1, 0.5), ("2025-10-31", 1, 1, 0, 0, 1.0)]
    total = answer["total"]
    assert (total["deployments"], total["success_rate"]) == (4, 0.6667)
    assert total["duration_ms"] == {"p50": pytest.approx(10_000, rel=0.05), "p95": pytest.approx(100_000, rel=0.05)}
    assert total["queue_wait_ms"]["p95"] == pytest.approx(1000, rel=0.05)


async def test_workers_that_count_at_once_count_each_deployment_once(sessions: Sessions) -> None:
    for kind in KINDS:
        await make(sessions, *[settled(random.choice(["finished", "failed"])) for _ in range(30)], kind=kind)
    counted = await asyncio.gather(*(count_all(sessions, batch=7) for _ in range(6)))
    added = func.sum(DeploymentStatistic.finished + DeploymentStatistic.failed)
    each = select(DeploymentStatistic.level, DeploymentStatistic.span, added).group_by(
        DeploymentStatistic.level, DeploymentStatistic.span
    )
    async with sessions() as session:
        found = {(level, span): count for level, span, count in await session.execute(each)}
    assert sum(counted) == 60
    assert found == {(level, span): 60 for level in ("resource", "server", "team") for span in ("day", "month")}


async def test_a_count_that_is_not_committed_is_made_again(sessions: Sessions) -> None:
    await make(sessions, settled())
    async with sessions() as session:
        assert await count_settled(session, SERVICE, most=10) == 1
        await session.rollback()
    assert [await count_all(sessions), await count_all(sessions)] == [1, 0]


async def test_counting_waits_for_no_row_that_somebody_holds(sessions: Sessions) -> None:
    await make(sessions, settled(), settled("failed"))
    async with sessions.begin() as other:
        held = select(ServiceDeploymentQueue.id).where(ServiceDeploymentQueue.status == "failed").with_for_update()
        await other.execute(held)
        assert await count_all(sessions) == 1
    assert await count_all(sessions) == 1


async def test_what_was_counted_stays_when_its_rows_go(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken
) -> None:
    place = await make(sessions, settled(), settled("failed"))
    token = await make_token(["read"], team_id=place.team.id)
    await count_all(sessions)
    before = (await api.get(STATISTICS, params=OCTOBER, headers=token.headers)).json()
    async with sessions.begin() as session:
        await session.execute(delete(ServiceDeploymentQueue))
    await count_all(sessions)
    assert (await api.get(STATISTICS, params=OCTOBER, headers=token.headers)).json() == before
    assert before["total"]["deployments"] == 2


async def test_groups_and_filters(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        shop = await create_resource(session, place, SERVICE)
        orders = await create_resource(session, place, DATABASE, name="orders")
        for columns in (settled(), settled(), settled("failed")):
            await create_deployment(session, place, shop, **columns)
        elsewhere = {"server_uuid": "z" * 24, "server_name": "other"}
        await create_deployment(session, place, orders, **settled(), **elsewhere)
    await count_all(sessions)
    token = await make_token(["read"], team_id=place.team.id)

    async def groups(**query: str) -> list[tuple[str, str | None, int]]:
        answer = await api.get(STATISTICS, params={**OCTOBER, **query}, headers=token.headers)
        assert answer.status_code == 200, answer.text
        found = [(one["group"], one["name"], one["deployments"]) for one in answer.json()["groups"]]
        if "take" not in query:
            assert answer.json()["total"]["deployments"] == sum(count for *_, count in found)
        return found

    assert await groups(group_by="resource") == [(shop.uuid, "shop", 3), (orders.uuid, "orders", 1)]
    assert await groups(group_by="resource", take="1") == [(shop.uuid, "shop", 3)]
    assert await groups(group_by="server") == [(place.server.uuid, "server", 3), ("z" * 24, "other", 1)]
    assert await groups(group_by="team") == [(str(place.team.id), None, 4)]
    assert await groups(kind="database", group_by="team") == [(str(place.team.id), None, 1)]
    assert await groups(resource_uuid=shop.uuid) == [("2025-10-30", None, 3)]
    assert await groups(server_uuid="z" * 24) == [("2025-10-30", None, 1)]
    assert await groups(since="2025-10-31") == []


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2025-01-01", "2025-12-31"),
        ("2025-01-15", "2025-03-14"),
        ("2025-02-01", "2025-02-28"),
        ("2025-02-02", "2025-02-27"),
    ],
)
async def test_whole_months_and_the_days_around_them_add_up(sessions: Sessions, since: str, until: str) -> None:
    ends = [END.replace(month=1, day=1) + timedelta(days=number) for number in range(0, 365, 3)]
    place = await make(sessions, *(settled(end=end) for end in ends))
    await count_all(sessions)
    days = (date.fromisoformat(since), date.fromisoformat(until))
    expected = sum(days[0] <= end.date() <= days[1] for end in ends)
    async with sessions() as session:
        for group_by in GroupBy:
            query = StatisticsQuery(since=days[0], until=days[1], group_by=group_by)
            answer = await statistics_of(session, place.team.id, query)
            assert answer.total.deployments == sum(group.deployments for group in answer.groups) == expected


async def test_another_teams_deployments_are_in_no_number(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken
) -> None:
    place = await make(sessions, settled())
    await count_all(sessions)
    token = await make_token(["root"])
    query = {**OCTOBER, "server_uuid": place.server.uuid}
    answer = (await api.get(STATISTICS, params=query, headers=token.headers)).json()
    nothing = {"p50": None, "p95": None}
    assert answer["groups"] == []
    assert (answer["total"]["deployments"], answer["total"]["success_rate"]) == (0, None)
    assert (answer["total"]["duration_ms"], answer["total"]["queue_wait_ms"]) == (nothing, nothing)


async def test_days_in_the_wrong_order_are_refused(api: httpx.AsyncClient, make_token: MakeToken) -> None:
    token = await make_token(["read"])
    query = {"since": "2025-10-31", "until": "2025-10-30"}
    answer = await api.get(STATISTICS, params=query, headers=token.headers)
    assert answer.status_code == 422
    assert error_of(answer)["errors"] == {"since": ["The first day must not be after the last one."]}


async def test_a_percentile_from_added_histograms_is_within_the_bound(sessions: Sessions) -> None:
    chance = random.Random(7)
    values = [min(chance.lognormvariate(10, 2), 6e8) for _ in range(2000)]
    statement = text(f"SELECT sum({number_sql('ms')})::text FROM unnest(cast(:values AS float8[])) AS ms")
    async with sessions() as session:
        added = (await session.execute(statement, {"values": values})).scalar_one()
        edges = (await session.execute(statement, {"values": [0.0, 1e12]})).scalar_one()
    assert sum(counts_of(added)[1]) == len(values)
    ordered = sorted(values)
    shares = (0.05, 0.5, 0.95, 1)
    exact = [ordered[round(len(ordered) * share) - 1] for share in shares]
    assert percentiles(added, *shares) == pytest.approx(exact, rel=0.05)
    assert percentiles("0", *shares) == [None] * 4
    first, ends = counts_of(edges)
    assert (first, len(ends), ends[0], ends[-1]) == (0, BUCKETS, 1, 1)


def test_every_final_status_has_a_column() -> None:
    columns = {"finished", "failed", "cancelled"}
    finals = {status.value.partition("-")[0] for status in DeploymentStatus if status.is_final}
    assert finals == columns <= set(DeploymentStatistic.__table__.columns.keys())
