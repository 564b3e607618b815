"""Reading the log, whatever it is stored as."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import KINDS, Kind
from app.models.log_entry import parse_entries

PARSED_AT_ONCE = 256 * 1024
"""A longer text is parsed in a thread: the event loop serves everybody else."""

_READ = {
    kind.name: text(
        f"""
        SELECT q.status, q.log_count, q.logs,
               (SELECT string_agg(s.entries, ',' ORDER BY s.first_order) FROM {kind.slice_table} AS s
                WHERE s.deployment_id = q.id AND s.first_order <= cast(:until AS int)
                  AND s.first_order + s.entry_count - 1 > cast(:after AS int)) AS stretch
        FROM {kind.table} AS q WHERE q.id = :id
        """
    )
    for kind in KINDS
}


@dataclass(frozen=True)
class LogPage:
    """Entries by `order`, with the status and count of the very moment they were read in."""

    status: str
    log_count: int
    entries: list[dict[str, Any]]


async def read_page(session: AsyncSession, kind: Kind, deployment_id: int, *, after: int, limit: int) -> LogPage | None:
    """Return at most `limit` entries with `order` > `after`, sealed or not; None when the row is gone.

    Row and slices come from one statement: one that saw the row running and then read slices after the seal got nothing.
    """
    values = {"id": deployment_id, "after": after, "until": after + limit}
    row = (await session.execute(_READ[kind.name], values)).one_or_none()
    if row is None:
        return None
    entries = await _parse(row.logs[1:-1] if row.logs is not None else row.stretch or "")
    chosen = [entry for entry in entries if after < entry["order"] <= after + limit]
    return LogPage(row.status, row.log_count, chosen)


async def last_moment(session: AsyncSession, kind: Kind, deployment_id: int, log_count: int) -> datetime | None:
    """Return the time of the last of `log_count` entries, None when there is none: later ones are never older."""
    page = await read_page(session, kind, deployment_id, after=log_count - 1, limit=1) if log_count else None
    return datetime.fromisoformat(page.entries[-1]["timestamp"]) if page is not None and page.entries else None


async def _parse(text_of_entries: str) -> list[dict[str, Any]]:
    if len(text_of_entries) <= PARSED_AT_ONCE:
        return parse_entries(text_of_entries)
    return await asyncio.to_thread(parse_entries, text_of_entries)
