"""The log of a deployment for its page: all entries in one go, and the download."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import demand
from app.deployments.kinds import AnyQueue, Kind
from app.deployments.log_endpoints import GREATEST_ORDER, TEXT
from app.deployments.log_search import Choice, Read, TextStyle, stream_text
from app.deployments.permits import ABILITY
from app.deployments.reading import LogPage, read_stretch
from app.deployments.repository import found_of_team
from app.pages.signed_in import Looking, Visitor
from app.postgres import ReadSession

router = APIRouter(prefix="/deployments/{uuid}")

LINES = "application/x-ndjson"


class JsonLines:
    """Entries as JSON, one a line: what the page's script reads while it comes."""

    def render(self, entry: dict[str, Any]) -> str:
        """Return the line of an entry."""
        return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE).decode()


@router.get("/log")
async def get_entries(
    request: Request,
    session: ReadSession,
    visitor: Looking,
    uuid: str,
    after: Annotated[int, Query(ge=0, le=GREATEST_ORDER)] = 0,
) -> Response:
    """Return every entry behind `after`, those of Shiplog's own bookkeeping too."""
    kind, row = await _find(session, visitor, uuid)
    entries = stream_text(
        _reader(request, kind, row),
        Choice(include_hidden=True),
        JsonLines(),
        after=after,
        until=row.log_count,
        limit=None,
    )
    return StreamingResponse(entries, media_type=LINES, headers={"Cache-Control": "no-store"})


@router.get("/log.txt")
async def get_text(
    request: Request, session: ReadSession, visitor: Looking, uuid: str, *, timestamps: bool = False
) -> Response:
    """Return the log as a file, without colour codes."""
    kind, row = await _find(session, visitor, uuid)
    text = stream_text(
        _reader(request, kind, row),
        Choice(),
        TextStyle(timestamps=timestamps, ansi=False),
        after=0,
        until=row.log_count,
        limit=None,
    )
    headers = {"Content-Disposition": f'attachment; filename="{row.deployment_uuid}.log"', "Cache-Control": "no-store"}
    return StreamingResponse(text, media_type=TEXT, headers=headers)


async def _find(session: AsyncSession, visitor: Visitor, uuid: str) -> tuple[Kind, AnyQueue]:
    demand(visitor.caller, ABILITY)
    return await found_of_team(session, visitor.caller.team_id, uuid)


def _reader(request: Request, kind: Kind, row: AnyQueue) -> Read:
    async def read(after: int) -> LogPage | None:
        # A transaction each: a snapshot held open for a whole log makes every append slower.
        async with request.app.state.sessions() as session:
            return await read_stretch(session, kind, row.id, after=after)

    return read
