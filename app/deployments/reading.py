"""Reading the log, whatever it is stored as."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import KINDS, Kind
from app.models.log_entry import parse_entries

PARSED_AT_ONCE = 256 * 1024
"""A longer text is parsed in a thread: the event loop serves everybody else."""

STRETCH_ENTRIES = 500
"""So many entries are read at a time by whoever reads a whole log."""

# The slice with the first wanted entry is the last one that begins at or before it: the key's index finds it, however
# many slices there are before it.
_READ = {
    kind.name: text(
        f"""
        SELECT q.status, q.log_count, q.exit_code, q.failure_reason, q.logs,
               (SELECT string_agg(s.entries, ',' ORDER BY s.first_order) FROM {kind.slice_table} AS s
                WHERE s.deployment_id = q.id AND s.first_order <= cast(:until AS bigint)
                  AND s.first_order + s.entry_count - 1 > cast(:after AS bigint)
                  AND s.first_order >= coalesce(
                      (SELECT f.first_order FROM {kind.slice_table} AS f
                       WHERE f.deployment_id = q.id AND f.first_order <= cast(:after AS bigint) + 1
                       ORDER BY f.first_order DESC LIMIT 1), 1)) AS stretch
        FROM {kind.table} AS q WHERE q.id = :id
        """
    )
    for kind in KINDS
}
_STANDINGS = text(
    " UNION ALL ".join(
        f"SELECT '{kind.name}' AS kind, id, status, log_count FROM {kind.table} WHERE id = ANY(:{kind.name}_ids)"
        for kind in KINDS
    )
)


@dataclass(frozen=True)
class LogPage:
    """Entries by `order`, with where the deployment stood at the very moment they were read in."""

    status: str
    log_count: int
    exit_code: int | None
    failure_reason: str | None
    entries: list[dict[str, Any]]

    def follows(self, after: int) -> bool:
        """Return whether the entries are the ones right behind `after`, and there when the count says so."""
        orders = [entry["order"] for entry in self.entries]
        return orders == list(range(after + 1, after + 1 + len(orders))) and (bool(orders) or after >= self.log_count)


class Standing(NamedTuple):
    """How far a deployment is."""

    status: str
    log_count: int


async def read_page(session: AsyncSession, kind: Kind, deployment_id: int, *, after: int, limit: int) -> LogPage | None:
    """Return at most `limit` entries with `order` > `after`, sealed or not; None when the row is gone."""
    page = await _read(session, kind, deployment_id, after, limit)
    if page is not None:
        page.entries[:] = [entry for entry in page.entries if entry["order"] <= after + limit]
    return page


async def read_stretch(session: AsyncSession, kind: Kind, deployment_id: int, *, after: int) -> LogPage | None:
    """Return what is read in one go behind `after`: whole slices, or all the rest of a sealed log.

    For whoever reads a whole log: a sealed one, parsed anew for each page, would cost the square of its length.
    """
    return await _read(session, kind, deployment_id, after, STRETCH_ENTRIES)


async def standings_of(session: AsyncSession, ids: Mapping[Kind, Sequence[int]]) -> dict[tuple[str, int], Standing]:
    """Return {(name of the kind, id): how far it is} of the deployments that are there, in one statement."""
    values = {f"{kind.name}_ids": list(ids.get(kind, ())) for kind in KINDS}
    rows = await session.execute(_STANDINGS, values)
    return {(row.kind, row.id): Standing(row.status, row.log_count) for row in rows}


async def last_moment(session: AsyncSession, kind: Kind, deployment_id: int, log_count: int) -> datetime | None:
    """Return the time of the last of `log_count` entries, None when there is none: later ones are never older."""
    page = await read_page(session, kind, deployment_id, after=log_count - 1, limit=1) if log_count else None
    return datetime.fromisoformat(page.entries[-1]["timestamp"]) if page is not None and page.entries else None


async def _read(session: AsyncSession, kind: Kind, deployment_id: int, after: int, limit: int) -> LogPage | None:
    # Row and slices come from one statement: one that saw the row running and then read slices after the seal got
    # nothing.
    values = {"id": deployment_id, "after": after, "until": after + limit}
    row = (await session.execute(_READ[kind.name], values)).one_or_none()
    if row is None:
        return None
    entries = await _parse(row.logs[1:-1] if row.logs is not None else row.stretch or "")
    wanted = [entry for entry in entries if entry["order"] > after]
    return LogPage(row.status, row.log_count, row.exit_code, row.failure_reason, wanted)


async def _parse(text_of_entries: str) -> list[dict[str, Any]]:
    if len(text_of_entries) <= PARSED_AT_ONCE:
        return parse_entries(text_of_entries)
    return await asyncio.to_thread(parse_entries, text_of_entries)
