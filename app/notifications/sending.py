"""Sends the deliveries that are due: at least once each, for a day, and no channel in the way of another.

Taking a delivery moves its next attempt on: whoever dies while sending has said nothing, and it is sent again. So a
receiver may get one twice, and knows it by its id.
"""

import asyncio
from collections import Counter
from contextlib import suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.kit.backoff import pause_after
from app.kit.clock import utcnow
from app.kit.encryption import DecryptionError
from app.metrics.instruments import NOTIFICATIONS
from app.models.notification_channel import NotificationChannel
from app.models.notification_delivery import NotificationDelivery
from app.notifications import by_apprise, webhook
from app.notifications.addresses import AddressGuard
from app.notifications.events import NotificationEvent
from app.notifications.messages import LOG, text_of, title_of
from app.notifications.repository import claim_delivery, give_up, record_attempt
from app.notifications.webhook import Outcome, Webhook
from app.postgres import Sessions

log = structlog.get_logger(__name__)

AT_ONCE = 20
PER_CHANNEL = 2
LEASE_SECONDS = 60.0
"""Longer than any attempt takes."""

ROUND_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 3600.0


class Sender:
    """The sending part of one worker."""

    def __init__(self, sessions: Sessions, guard: AddressGuard, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._sessions = sessions
        self._guard = guard
        self._lease_seconds = lease_seconds
        self._in_flight: Counter[int] = Counter()
        """By channel; a thread that goes on after its attempt counts until it ends."""
        self._room = asyncio.Semaphore(AT_ONCE)
        self._has_ended = asyncio.Event()

    async def run(self) -> None:
        """Send for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._has_ended.clear()
                await self._begin_due(group)
                # An attempt that ends makes room for the next one to its channel.
                with suppress(TimeoutError):
                    async with asyncio.timeout(ROUND_SECONDS):
                        await self._has_ended.wait()

    async def send_due(self) -> int:
        """Send until nothing is due any more, and return how many attempts were made."""
        attempts = 0
        while True:
            async with asyncio.TaskGroup() as group:
                begun = await self._begin_due(group)
            if not begun:
                return attempts
            attempts += begun

    async def _begin_due(self, group: asyncio.TaskGroup) -> int:
        begun = 0
        while (delivery := await self._claim()) is not None:
            begun += 1
            group.create_task(self._attempt(delivery), name=f"delivery {delivery.uuid}")
        return begun

    async def _claim(self) -> NotificationDelivery | None:
        await self._room.acquire()
        busy = [channel_id for channel_id, count in self._in_flight.items() if count >= PER_CHANNEL]
        try:
            async with self._sessions.begin() as session:
                delivery = await claim_delivery(session, lease_seconds=self._lease_seconds, busy=busy)
        except (SQLAlchemyError, OSError) as error:
            log.warning("PostgreSQL is away, notifications are sent later", error=type(error).__name__)
            delivery = None
        if delivery is None:
            self._room.release()
        else:
            self._in_flight[delivery.channel_id] += 1
        return delivery

    async def _attempt(self, delivery: NotificationDelivery) -> None:
        try:
            if delivery.attempts > 1 and delivery.expires_at < utcnow():
                await self._give_up(delivery, "Whoever tried last was lost, and the time for it has passed.")
            else:
                await self._send_and_record(delivery)
        except (SQLAlchemyError, OSError) as error:
            # It is due again when its lease has passed.
            log.warning("what came of a notification is not recorded", error=type(error).__name__)
        finally:
            self._room.release()
            self._release(delivery.channel_id)

    async def _send_and_record(self, delivery: NotificationDelivery) -> None:
        try:
            async with self._sessions() as session:
                channel = await session.get_one(NotificationChannel, delivery.channel_id)
            if not channel.is_enabled and delivery.event != NotificationEvent.TEST:
                await self._give_up(delivery, "The channel was switched off.")
                return
            outcome = await self._send(channel, delivery)
        except DecryptionError as error:
            outcome = Outcome(str(error))
        except (SQLAlchemyError, OSError):
            raise
        except Exception as error:
            log.exception("a notification cannot be sent", delivery=delivery.uuid)
            outcome = Outcome(f"Shiplog cannot send it: {type(error).__name__}.")
        NOTIFICATIONS.labels(channel.type, "sent" if outcome.error is None else "failed").inc()
        log.info("notification", delivery=delivery.uuid, attempt=delivery.attempts, error=outcome.error)
        pause = pause_after(delivery.attempts, first=FIRST_PAUSE_SECONDS / 2, most=LONGEST_PAUSE_SECONDS)
        async with self._sessions.begin() as session:
            await record_attempt(
                session,
                delivery.id,
                delivery.attempts,
                error=outcome.error,
                status_code=outcome.status_code,
                pause_seconds=pause,
            )

    async def _give_up(self, delivery: NotificationDelivery, error: str) -> None:
        async with self._sessions.begin() as session:
            await give_up(session, delivery.id, error)

    async def _send(self, channel: NotificationChannel, delivery: NotificationDelivery) -> Outcome:
        payload = delivery.payload
        if not channel.includes_log:  # it may have when the delivery was made
            payload = {name: value for name, value in payload.items() if name != LOG}
        if channel.type == "webhook":
            receiver = Webhook(channel.url, channel.secret or "")
            return await webhook.send(receiver, delivery.uuid, payload, self._guard)
        return await by_apprise.send(
            channel.url,
            title_of(payload),
            text_of(payload),
            is_good=bool(payload["success"]),
            guard=self._guard,
            hold=lambda thread: self._hold(channel.id, thread),
        )

    def _hold(self, channel_id: int, thread: asyncio.Future[object]) -> None:
        self._in_flight[channel_id] += 1
        thread.add_done_callback(lambda _: self._release(channel_id))

    def _release(self, channel_id: int) -> None:
        self._in_flight[channel_id] -= 1
        if not self._in_flight[channel_id]:
            del self._in_flight[channel_id]
        self._has_ended.set()
