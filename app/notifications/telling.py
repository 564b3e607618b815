"""What a worker does for ever about notifications: hand out events, send, look for what is stuck, forget what is old."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from app.notifications.addresses import AddressGuard
from app.notifications.fanning import AT_ONCE, fan_out
from app.notifications.repository import forget_old_deliveries, leave_stuck_events
from app.notifications.sending import Sender
from app.postgres import Sessions
from app.settings import Settings

log = structlog.get_logger(__name__)

FAN_SECONDS = 2.0
LOOK_SECONDS = 60.0


async def tell_for_ever(sessions: Sessions, settings: Settings) -> None:
    """Tell channels what happens, until cancelled; nothing that goes wrong here ends the worker."""
    sender = Sender(sessions, AddressGuard.of(settings))

    async def hand_out() -> None:
        while await fan_out(sessions, public_url=settings.public_url.rstrip("/")) == AT_ONCE:
            pass

    async def look() -> None:
        await look_once(sessions, silent_seconds=settings.stuck_seconds)

    async with asyncio.TaskGroup() as group:
        group.create_task(_again_and_again(hand_out, FAN_SECONDS), name="events")
        group.create_task(_again_and_again(look, LOOK_SECONDS), name="stuck")
        group.create_task(_again_and_again(sender.run, FAN_SECONDS), name="sender")


async def look_once(sessions: Sessions, *, silent_seconds: int) -> None:
    """Leave an event for what is newly stuck, and forget a batch of old deliveries."""
    async with sessions.begin() as session:
        await leave_stuck_events(session, silent_seconds=silent_seconds)
    async with sessions.begin() as session:
        await forget_old_deliveries(session)


async def _again_and_again(work: Callable[[], Awaitable[None]], seconds: float) -> None:
    while True:
        try:
            await work()
        except Exception as error:  # deployments go on whatever is wrong with notifications
            log.warning("notifications are tried again soon", error=type(error).__name__)
        await asyncio.sleep(seconds)
