"""From the outbox to the channels: each event becomes one delivery to every channel whose rules fit."""

from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import AnyQueue, Kind
from app.deployments.reading import read_page
from app.deployments.repository import find_of_team
from app.kit.clock import utcnow
from app.kit.encryption import DecryptionError
from app.kit.redaction import Redactor
from app.models.outbox_event import OutboxEvent
from app.notifications import messages
from app.notifications.events import NotificationEvent, event_of
from app.notifications.excerpt import excerpt_of
from app.notifications.messages import LOG, Payload
from app.notifications.repository import (
    DAY,
    Listener,
    add_deliveries,
    home_of,
    listeners_of,
    mark_told,
    take_events,
)
from app.notifications.rules import Subject, is_told
from app.postgres import Sessions, is_away

log = structlog.get_logger(__name__)

AT_ONCE = 100
_LOOKED_AT = 100
"""Entries at the end of a log in which its last lines are looked for."""


@dataclass(frozen=True)
class _Told:
    """An event as it is told; `log_lines` go only to channels that may have them."""

    subject: Subject
    payload: Payload
    log_lines: list[str]


async def fan_out(sessions: Sessions, *, public_url: str) -> int:
    """Hand one batch of events to the channels, all or nothing; return how many events there were."""
    async with sessions.begin() as session:
        events = await take_events(session, count=AT_ONCE)
        if not events:
            return 0
        ids = [event.id for event in events]
        listeners = await listeners_of(session, {event.team_id for event in events})
        for event in events:
            await _tell(session, event, listeners.get(event.team_id, []), public_url)
        await mark_told(session, ids)
    return len(events)


async def _tell(session: AsyncSession, event: OutboxEvent, listeners: list[Listener], public_url: str) -> None:
    name = event_of(event.name, event.payload)
    if name is None or not listeners or event.created_at < utcnow() - DAY:
        return
    try:
        async with session.begin_nested():
            told = await _describe(session, event, name, public_url)
            if told is None:
                return
            fitting = [listener for listener in listeners if is_told(listener.rules, told.subject)]
            with_log = {**told.payload, LOG: told.log_lines} if told.log_lines else told.payload
            payloads = {one.id: with_log if one.includes_log else told.payload for one in fitting}
            await add_deliveries(session, event, name, payloads)
    except Exception as error:
        if is_away(error):
            raise
        # One event that cannot be told must not keep all later ones from being told.
        log.exception("an event cannot be told", event=event.name, id=event.id)


async def _describe(
    session: AsyncSession, event: OutboxEvent, name: NotificationEvent, public_url: str
) -> _Told | None:
    facts, at = event.payload, event.created_at
    if "deployment_uuid" in facts:
        found = await find_of_team(session, event.team_id, facts["deployment_uuid"])
        return None if found is None else await _describe_deployment(session, event, name, found, public_url)
    if "server_uuid" in facts:
        server = {key: facts[key] for key in ("server_uuid", "server_name")}
        payload = messages.message(name, at, name=facts["server_name"], **server)
        return _Told(Subject(name, server_uuid=facts["server_uuid"]), messages.redacted(payload, Redactor(())), [])
    return _Told(Subject(name), messages.message(name, at, removed=facts), [])


async def _describe_deployment(
    session: AsyncSession, event: OutboxEvent, name: NotificationEvent, found: tuple[Kind, AnyQueue], public_url: str
) -> _Told:
    kind, row = found
    home = await home_of(session, row)
    more = {"reason": event.payload["reason"]} if "reason" in event.payload else {}
    payload = messages.of_deployment(name, event.created_at, row, home, public_url, more)
    try:
        redactor = Redactor(await row.redaction_set())
    except DecryptionError:
        # Without its secrets nothing of the log is sure to hold none.
        return _Told(_subject(name, row, home), {**payload, "failure_reason": None}, [])
    page = await read_page(session, kind, row.id, after=max(0, row.log_count - _LOOKED_AT), limit=_LOOKED_AT)
    lines = excerpt_of(page.entries if page else (), redactor)
    return _Told(_subject(name, row, home), messages.redacted(payload, redactor), lines)


def _subject(name: NotificationEvent, row: AnyQueue, home: messages.Home) -> Subject:
    return Subject(name, row.resource_uuid, home.project_uuid, row.server_uuid)
