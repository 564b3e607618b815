"""The log of a deployment: pages of it, all of it as text, followed live, and the ticket for a browser's `EventSource`."""

import re
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, authenticate, bearer, caller_behind, demand, identify, require
from app.deployments.kinds import DATABASE, KINDS, SERVICE, AnyQueue, Kind
from app.deployments.log_search import Choice, Found, TextStyle, find_behind, find_last, stream_text
from app.deployments.permits import ABILITY
from app.deployments.reading import LogPage, read_page, read_stretch
from app.deployments.repository import find_of_team, found_of_team
from app.deployments.schemas import LogEntry, LogPageAnswer, TicketAnswer
from app.deployments.stream import Hub
from app.deployments.tickets import Ticket, check_time, read_ticket, write_ticket
from app.errors import NotFound, answers
from app.models.deployment_status import DeploymentStatus
from app.postgres import Session, Sessions, transaction

router = APIRouter(prefix="/deployments", tags=["Deployments"])

SensitiveReader = Annotated[Caller, Depends(require(ABILITY))]
GREATEST_ORDER = 2**31 - 1
NOT_FOUND = "Deployment not found."
PAGE = 500
TEXT = "text/plain; charset=utf-8"

_TEXT_ANSWER = {
    "description": "Entries as JSON, or all of them as text with `Accept: text/plain`.",
    "content": {"text/plain": {"schema": {"type": "string"}, "example": "── Pull images\nweb Pulled\n"}},
}
_EVENTS = (
    "id: 1\ndata: "
    '{"command":null,"output":"web Pulled","type":"stdout","timestamp":"2025-10-30T15:29:39.123456Z","hidden":false,'
    '"batch":1,"order":1}\n\n'
    'event: end\ndata: {"status":"finished","exit_code":0,"failure_reason":null,"log_count":1}\n\n'
)
# What one event is, in OpenAPI 3.2's word for it: a `schema` here would be read as one of all events.
_EVENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "`order` of the entry."},
        "event": {"type": "string", "enum": ["status", "end"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["data"],
}
_STREAM_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: entries with their `order` as `id`, `status`, `end`.",
        "content": {"text/event-stream": {"itemSchema": _EVENT, "example": _EVENTS}},
    },
    204: {"description": "The deployment has ended and there is nothing behind `Last-Event-ID`."},
}


class EventStream(StreamingResponse):
    """Server-sent events, ready as bytes for all who watch; FastAPI's own class encodes each one for each of them."""

    media_type = "text/event-stream"


class LogQuery(BaseModel):
    """What of a log is wanted, and how it looks as text."""

    after: int = Field(default=0, ge=0, le=GREATEST_ORDER, description="Only entries with a greater `order`.")
    limit: int | None = Field(
        default=None, ge=1, le=1000, description="Entries to return; left out: 500 as JSON, all as text."
    )
    tail: int | None = Field(default=None, ge=1, le=10_000, description="Only the last so many; `limit` is ignored.")
    type: Literal["stdout", "stderr"] | None = Field(default=None, description="Only entries of this stream.")
    q: str | None = Field(
        default=None,
        max_length=1000,
        description="Only entries that hold this text, literally, upper and lower case alike.",
    )
    include_hidden: bool = Field(default=False, description="Shiplog's own bookkeeping too.")
    timestamps: bool = Field(default=False, description="As text: each line begins with its time.")
    ansi: Literal["keep", "strip"] = Field(default="keep", description="As text: keep or strip colour codes.")

    @property
    def choice(self) -> Choice:
        """Which entries are wanted."""
        return Choice(self.type, self.q, self.include_hidden)


async def _may_follow(
    request: Request,
    uuid: str,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    ticket: Annotated[
        str | None, Query(max_length=2000, description="From `POST …/logs/ticket`, instead of a token.")
    ] = None,
) -> Caller:
    if credentials is not None or ticket is None:
        caller = await authenticate(await identify(request, credentials))
    else:
        async with transaction(request.app.state.sessions) as session:
            caller = await caller_behind(session, read_ticket(ticket, uuid).token_id)
            found = await find_of_team(session, caller.team_id, uuid)
            if found is not None:
                check_time(found[1])
    demand(caller, ABILITY)
    return caller


Follower = Annotated[Caller, Depends(_may_follow)]
LastEventId = Annotated[
    int | None, Header(ge=0, le=GREATEST_ORDER, description="`id` of the last event that was seen; beats `after`.")
]
After = Annotated[int, Query(ge=0, le=GREATEST_ORDER, description="Only entries with a greater `order`.")]
Hidden = Annotated[bool, Query(description="Shiplog's own bookkeeping too.")]


def _add_routes(place: str, name: str, of: str, *kinds: Kind) -> None:
    """Serve the logs of `kinds` under `place`."""

    @router.get(
        f"{place}/{{uuid}}/logs",
        operation_id=f"list-{name}deployment-log-entries",
        summary=f"Read the log of a deployment of {of}",
        response_model=LogPageAnswer,
        responses={200: _TEXT_ANSWER, **answers(401, 403, 404, 422)},
    )
    async def get_log(
        request: Request, session: Session, caller: SensitiveReader, uuid: str, query: Annotated[LogQuery, Query()]
    ) -> Any:
        """Entries by `order`, which stay what they are whatever is filtered out; the next page is behind `next_after`.

        With `Accept: text/plain` a download of all of them.
        """
        kind, row = await found_of_team(session, caller.team_id, uuid, kinds)
        if _wants_text(request):
            return _text(request.app.state.sessions, kind, row, query)
        return await _page(session, kind, row, query)

    @router.get(
        f"{place}/{{uuid}}/logs/stream",
        operation_id=f"stream-{name}deployment-log",
        summary=f"Follow the log of a deployment of {of}",
        response_class=EventStream,
        responses={**answers(401, 403, 404, 422), **_STREAM_ANSWERS},
    )
    async def follow_log(
        request: Request,
        session: Session,
        caller: Follower,
        uuid: str,
        last_event_id: LastEventId = None,
        after: After = 0,
        include_hidden: Hidden = False,
    ) -> Response:
        """What there is behind `after`, then each entry as it is stored, until `end`, which has the final status.

        A connection ends itself after ten minutes: come back with `Last-Event-ID`.
        """
        kind, row = await found_of_team(session, caller.team_id, uuid, kinds)
        if last_event_id is not None and await _is_over(session, kind, row, last_event_id, include_hidden):
            return Response(status_code=204)  # anything else would make `EventSource` come back for ever
        after = after if last_event_id is None else last_event_id
        return _follow(request.app.state.hub, kind, row, caller, after, include_hidden=include_hidden)

    @router.post(
        f"{place}/{{uuid}}/logs/ticket",
        operation_id=f"create-{name}deployment-log-ticket",
        summary=f"Get a ticket to follow the log of a deployment of {of} in a browser",
        status_code=201,
        responses=answers(401, 403, 404),
    )
    async def create_ticket(request: Request, session: Session, caller: SensitiveReader, uuid: str) -> TicketAnswer:
        """It reads this one log, until an hour after the deployment's end, as long as the token behind it is good."""
        await found_of_team(session, caller.team_id, uuid, kinds)
        ticket = write_ticket(Ticket(uuid, caller.token_id))
        path = request.url.path.removesuffix("ticket")
        return TicketAnswer(ticket=ticket, url=f"{path}stream?ticket={ticket}")


async def _page(session: AsyncSession, kind: Kind, row: AnyQueue, query: LogQuery) -> LogPageAnswer:
    found: Found | None
    if query.tail is None:
        read = partial(_read_behind, session, kind, row.id)
        found = await find_behind(read, query.choice, after=query.after, limit=query.limit or PAGE)
    else:
        part = partial(_read_part, session, kind, row.id)
        last = await find_last(part, query.choice, after=query.after, count=row.log_count, tail=query.tail)
        found = Found(last, row.log_count, row.status, row.log_count)
    if found is None:
        raise NotFound(NOT_FOUND)
    return LogPageAnswer(
        status=DeploymentStatus(found.status),
        log_count=found.log_count,
        next_after=found.next_after,
        entries=[LogEntry.model_validate(entry) for entry in found.entries],
    )


def _text(sessions: Sessions, kind: Kind, row: AnyQueue, query: LogQuery) -> StreamingResponse:
    style = TextStyle(query.timestamps, query.ansi == "keep")

    async def read(after: int) -> LogPage | None:
        # A transaction each: a snapshot held open for a whole download makes every append slower.
        async with sessions() as session:
            return await _read_behind(session, kind, row.id, after)

    async def last() -> AsyncIterator[bytes]:
        async with sessions() as session:
            part = partial(_read_part, session, kind, row.id)
            entries = await find_last(part, query.choice, after=query.after, count=row.log_count, tail=query.tail or 0)
        yield "".join(map(style.render, entries)).encode()

    whole = stream_text(read, query.choice, style, after=query.after, until=row.log_count, limit=query.limit)
    headers = {"Content-Disposition": f'attachment; filename="{row.deployment_uuid}.log"', "X-Accel-Buffering": "no"}
    return StreamingResponse(last() if query.tail is not None else whole, media_type=TEXT, headers=headers)


def _follow(hub: Hub, kind: Kind, row: AnyQueue, caller: Caller, after: int, *, include_hidden: bool) -> EventStream:
    async def events() -> AsyncIterator[bytes]:
        with hub.watch(kind, row) as followed, hub.permits.hold(caller.token_id) as permit:
            async for event in hub.events(followed, permit, after, include_hidden=include_hidden):
                yield event

    # What a proxy must not do with it: keep it, change it, wait for more of it.
    headers = {"Cache-Control": "no-cache, no-store, no-transform", "X-Accel-Buffering": "no"}
    return EventStream(events(), headers=headers)


async def _is_over(session: AsyncSession, kind: Kind, row: AnyQueue, after: int, include_hidden: bool) -> bool:
    if not DeploymentStatus(row.status).is_final:
        return False
    found = await find_behind(
        partial(_read_behind, session, kind, row.id), Choice(include_hidden=include_hidden), after=after, limit=1
    )
    return found is not None and not found.entries


async def _read_behind(session: AsyncSession, kind: Kind, deployment_id: int, after: int) -> LogPage | None:
    return await read_stretch(session, kind, deployment_id, after=after)


async def _read_part(session: AsyncSession, kind: Kind, deployment_id: int, after: int, limit: int) -> LogPage | None:
    return await read_page(session, kind, deployment_id, after=after, limit=limit)


def _wants_text(request: Request) -> bool:
    """Return whether `Accept` has plain text before JSON; JSON is what whoever says nothing gets."""
    weights = {"text/plain": 0.0, "application/json": 0.0, "*/*": 0.0}
    for part in request.headers.get("accept", "*/*").split(","):
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = next((word.removeprefix("q=") for word in parameters if word.startswith("q=")), "1")
        if name in weights:
            weights[name] = float(quality) if _NUMBER.fullmatch(quality) else 0.0
    return weights["text/plain"] > max(weights["application/json"], weights["*/*"])


_NUMBER = re.compile(r"[01](\.[0-9]{0,3})?")

_add_routes("", "", "either kind", *KINDS)
_add_routes("/services/deployment", "service-", "a service", SERVICE)
_add_routes("/databases/deployment", "database-", "a database", DATABASE)
