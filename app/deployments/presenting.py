"""From rows to answers: logs only for those who may see them, one statement for a page of them; cursors of pages."""

import base64
import binascii
import itertools
from collections.abc import Sequence
from datetime import datetime

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller
from app.deployments.kinds import AnyQueue, kind_named
from app.deployments.repository import After, logs_of, queue_positions
from app.deployments.schemas import AnyDeployment, deployment_answer, kind_name_of
from app.errors import ValidationFailed
from app.kit.clock import to_text, utcnow

LOGS_LIMIT_BYTES = 8 * 1024 * 1024
"""So much of logs goes into one answer of several rows; one row always has its own."""


async def present(
    session: AsyncSession, caller: Caller, rows: Sequence[AnyQueue], *, include_logs: bool
) -> list[AnyDeployment]:
    """Return the answers for rows, in their order; `logs` needs `read:sensitive` as well as `include_logs`.

    An answer of several rows carries the logs of as many as fit into LOGS_LIMIT_BYTES, from the first on.
    """
    logs: dict[tuple[str, int], str] = {}
    if include_logs and caller.can_read_sensitive:
        sizes = itertools.accumulate(row.log_bytes for row in rows)
        fitting = (
            rows if len(rows) == 1 else [row for row, size in zip(rows, sizes, strict=True) if size <= LOGS_LIMIT_BYTES]
        )
        for name in {kind_name_of(row) for row in fitting}:
            ids = [row.id for row in fitting if kind_name_of(row) == name]
            found = await logs_of(session, kind_named(name), ids)
            logs |= {(name, deployment_id): text for deployment_id, text in found.items()}
    positions = await queue_positions(session, rows)
    return [
        deployment_answer(
            row,
            logs=logs.get((kind_name_of(row), row.id)),
            queue_position=positions.get(row.deployment_uuid),
            duration_ms=_duration_ms(row),
        )
        for row in rows
    ]


def _duration_ms(row: AnyQueue) -> int | None:
    if row.started_at is None:
        return None
    return max(0, round(((row.finished_at or utcnow()) - row.started_at).total_seconds() * 1000))


def parse_cursor(cursor: str | None) -> After | None:
    """Return where a page begins; raise ValidationFailed for a cursor that no `Link` header gave out."""
    if cursor is None:
        return None
    try:
        created_at, _, row_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        after = After(datetime.fromisoformat(created_at), int(row_id))
    except (binascii.Error, ValueError):
        after = None
    if after is None or after.created_at.tzinfo is None or not 0 <= after.id < 2**31:
        raise ValidationFailed({"cursor": ["Take the cursor from the Link header of the page before."]})
    return after


def link_next_page(request: Request, response: Response, rows: Sequence[AnyQueue], take: int) -> None:
    """Set `Link: <…>; rel="next"` when the page is full: page 10,000 then costs what page 1 costs."""
    if len(rows) < take:
        return
    last = rows[-1]
    cursor = base64.urlsafe_b64encode(f"{to_text(last.created_at)} {last.id}".encode()).decode()
    url = request.url.include_query_params(cursor=cursor).remove_query_params("skip")
    response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
