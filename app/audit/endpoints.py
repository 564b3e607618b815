"""The audit log over the API: pages of it, and all of it as a stream."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from app.audit.repository import Period, events_before
from app.audit.schemas import AuditEventAnswer, AuditExport, AuditPage
from app.auth.dependencies import Caller, require
from app.errors import answers
from app.postgres import ReadSession, Sessions

router = APIRouter(prefix="/audit", tags=["Audit"])

Root = Annotated[Caller, Depends(require("root"))]

_AT_ONCE = 1000
_COLUMNS = tuple(AuditEventAnswer.model_fields)
_TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
_LINE = (
    '{"id":1,"created_at":"2025-10-30T15:29:39.123456Z","token_id":1,"token_name":"laptop","user_id":1,"user_name":"Ada",'
    '"operation_id":"create-project","method":"POST","path":"/api/v1/projects","resource_uuids":'
    '["k3v0q6n2m9x1c8b7z5a4s6d2"],"status_code":201,"client":"192.0.2.7","request_id":"tz4a98xxat96iws9zmbrgj3a"}\n'
)
_EXPORT_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "All events, newest first: a line each.",
        "content": {
            "application/x-ndjson": {"schema": {"type": "string"}, "example": _LINE},
            "text/csv": {"schema": {"type": "string"}, "example": ",".join(_COLUMNS) + "\r\n"},
        },
    }
}


class AuditStream(StreamingResponse):
    """An export; its media type is the one that was asked for."""

    media_type = "application/x-ndjson"


@router.get("", operation_id="list-audit-events", summary="List audit events", responses=answers(401, 403, 422))
async def list_audit_events(
    session: ReadSession, caller: Root, query: Annotated[AuditPage, Query()]
) -> list[AuditEventAnswer]:
    """Return what the team's tokens did, newest first: every change, one that was refused too, every look at a secret."""
    events = await events_before(session, caller.team_id, query.period, before=query.before, take=query.take)
    return [AuditEventAnswer.model_validate(event) for event in events]


@router.get(
    "/export",
    operation_id="export-audit-events",
    summary="Export audit events",
    response_class=AuditStream,
    responses={**_EXPORT_ANSWER, **answers(401, 403, 422)},
)
async def export_audit_events(request: Request, caller: Root, query: Annotated[AuditExport, Query()]) -> AuditStream:
    """Return all of them as they are read, newest first, with what is added meanwhile left out."""
    pages = _pages(request.app.state.sessions, caller.team_id, query.period)
    lines = _as_csv(pages) if query.format == "csv" else _as_json(pages)
    return AuditStream(
        lines,
        media_type=_TYPES[query.format],
        headers={"Content-Disposition": f'attachment; filename="audit.{query.format}"'},
    )


async def _pages(sessions: Sessions, team_id: int, period: Period) -> AsyncIterator[Sequence[AuditEventAnswer]]:
    before: int | None = None
    while True:
        # A session a page: a slow reader keeps no connection.
        async with sessions() as session:
            events = await events_before(session, team_id, period, before=before, take=_AT_ONCE)
        yield [AuditEventAnswer.model_validate(event) for event in events]
        if len(events) < _AT_ONCE:
            return
        before = events[-1].id


async def _as_json(pages: AsyncIterator[Sequence[AuditEventAnswer]]) -> AsyncIterator[str]:
    async for page in pages:
        yield "".join(f"{event.model_dump_json()}\n" for event in page)


async def _as_csv(pages: AsyncIterator[Sequence[AuditEventAnswer]]) -> AsyncIterator[str]:
    yield _row(_COLUMNS)
    async for page in pages:
        yield "".join(_row(_cell(value) for value in event.model_dump(mode="json").values()) for event in page)


def _row(cells: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Return a value as a cell that no spreadsheet takes for a formula: names are typed by people."""
    text = " ".join(value) if isinstance(value, list) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
