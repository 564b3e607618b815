"""Takes settled deployments into the statistics, in every worker at once, each deployment once.

A deployment carries the mark that it was counted, set with the count in one statement: an event that is lost or comes
twice changes nothing, and a settle does no more than before. What was settled before there were statistics has no mark.
"""

import asyncio
import time

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.deployments.kinds import KINDS
from app.postgres import Sessions
from app.statistics.repository import count_settled

log = structlog.get_logger(__name__)

ROUND_SECONDS = 2.0
BATCH = 500
"""About 20 ms; a reader does not notice, and no deployment that runs is among them."""


async def keep_counting(sessions: Sessions) -> None:
    """Count for ever; PostgreSQL away is waited out."""
    while True:
        try:
            await count_all(sessions)
        except (SQLAlchemyError, OSError) as error:
            log.warning("PostgreSQL is away, counting later", error=type(error).__name__)
        await asyncio.sleep(ROUND_SECONDS)


async def count_all(sessions: Sessions, *, batch: int = BATCH) -> int:
    """Count what is settled and not counted, half of the time pausing; return how many."""
    total = 0
    for kind in KINDS:
        counted = batch
        while counted == batch:
            began = time.monotonic()
            async with sessions.begin() as session:
                counted = await count_settled(session, kind, most=batch)
            total += counted
            if counted == batch:
                await asyncio.sleep(time.monotonic() - began)
    return total
