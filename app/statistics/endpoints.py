"""How deployments end and how long they take."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.auth.dependencies import Caller, require
from app.errors import answers
from app.postgres import ReadSession
from app.statistics.answering import statistics_of
from app.statistics.schemas import StatisticsAnswer, StatisticsQuery

router = APIRouter(prefix="/deployments", tags=["Deployments"])


@router.get(
    "/statistics",
    operation_id="get-deployment-statistics",
    summary="Get statistics of deployments",
    responses=answers(401, 403, 422),
)
async def get_statistics(
    session: ReadSession,
    caller: Annotated[Caller, Depends(require("read"))],
    query: Annotated[StatisticsQuery, Query()],
) -> StatisticsAnswer:
    """By the day on which deployments ended. What retention has removed is still in; what ended seconds ago may not be.

    Times are from a histogram: at most 4.9 % off.
    """
    return await statistics_of(session, caller.team_id, query)
