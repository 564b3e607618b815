"""From rows to answers: logs only for those who may see them, one statement for a page of them; cursors of pages."""

import base64
import binascii
import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller
from app.deployments.kinds import AnyQueue, kind_named
from app.deployments.lookup import Found
from app.deployments.repository import After, logs_of, queue_positions
from app.deployments.schemas import AnyDeployment, columns_of, deployment_answer, kind_name_of, model_of
from app.errors import ValidationFailed
from app.kit.clock import to_text
from app.postgres import Sessions

LOGS_LIMIT_BYTES = 8 * 1024 * 1024
"""So much of logs goes into one answer of several rows; one row always has its own."""


async def present(
    session: AsyncSession, caller: Caller, rows: Sequence[AnyQueue], *, include_logs: bool
) -> list[AnyDeployment]:
    """Return the answers for rows with their types, for who shows them himself."""
    return [model_of(one) for one in await answers_for(session, caller, rows, include_logs=include_logs)]


async def answers_for(
    session: AsyncSession, caller: Caller, rows: Sequence[AnyQueue], *, include_logs: bool
) -> list[dict[str, Any]]:
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
    positions = await queue_positions(session, [row.server_id for row in rows if row.status == "queued"])
    return [
        deployment_answer(
            kind_name_of(row),
            columns_of(row),
            logs=logs.get((kind_name_of(row), row.id)),
            queue_position=positions.get(row.deployment_uuid),
        )
        for row in rows
    ]


async def answer_found(sessions: Sessions, caller: Caller, found: Found) -> dict[str, Any]:
    """Return the answer for one deployment; a session is opened for one that waits or whose log is long."""
    columns, logs = found.columns, found.short_log
    position = None
    if not caller.can_read_sensitive:
        logs = None
    elif logs is None:
        async with sessions() as session:
            logs = (await logs_of(session, found.kind, [columns["id"]])).get(columns["id"])
    if columns["status"] == "queued":
        async with sessions() as session:
            position = (await queue_positions(session, [columns["server_id"]])).get(columns["deployment_uuid"])
    return deployment_answer(found.kind.name, columns, logs=logs, queue_position=position)


def as_json(answer: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response whose body is `answer` as JSON."""
    return Response(orjson.dumps(answer), media_type="application/json", headers=headers)


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


def next_page(request: Request, rows: Sequence[AnyQueue], take: int) -> dict[str, str]:
    """Return `Link: <…>; rel="next"` when the page is full: page 10,000 then costs what page 1 costs."""
    if len(rows) < take:
        return {}
    last = rows[-1]
    cursor = base64.urlsafe_b64encode(f"{to_text(last.created_at)} {last.id}".encode()).decode()
    url = request.url.include_query_params(cursor=cursor).remove_query_params("skip")
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}
