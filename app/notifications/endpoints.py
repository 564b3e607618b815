"""Channels and their deliveries over the API."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, demand, require
from app.errors import InvalidRequest, NotFound, ValidationFailed, answers
from app.kit.answers import MessageAnswer, UuidAnswer
from app.kit.clock import utcnow
from app.models.notification_channel import NotificationChannel
from app.models.notification_delivery import NotificationDelivery
from app.notifications.addresses import AddressGuard
from app.notifications.checking import check_receiver
from app.notifications.events import NotificationEvent
from app.notifications.messages import message
from app.notifications.repository import DAY, ChannelRepository, DeliveryRepository
from app.notifications.schemas import ChannelAnswer, ChannelCreate, ChannelType, ChannelUpdate, DeliveryAnswer
from app.postgres import ReadSession, Session

router = APIRouter(prefix="/notifications/channels", tags=["Notifications"])

Reader = Annotated[Caller, Depends(require("read"))]
Writer = Annotated[Caller, Depends(require("write"))]

MOST_CHANNELS = 50
_SENSITIVE = "read:sensitive"


@router.get(
    "",
    operation_id="list-notification-channels",
    summary="List notification channels",
    response_model_exclude_unset=True,
    responses=answers(401, 403),
)
async def list_channels(session: ReadSession, caller: Reader) -> list[ChannelAnswer]:
    """Return every channel of the team, oldest first; URLs and secrets only with `read:sensitive`."""
    channels = await ChannelRepository(session).of_team(caller.team_id)
    return [ChannelAnswer.of(channel, with_secrets=caller.can_read_sensitive) for channel in channels]


@router.post(
    "",
    operation_id="create-notification-channel",
    summary="Create a notification channel",
    status_code=201,
    responses=answers(400, 401, 403, 422),
)
async def create_channel(session: Session, caller: Writer, request: Request, body: ChannelCreate) -> UuidAnswer:
    """Make a channel, which is told what happens from now on; a webhook without a secret gets one."""
    if body.includes_log:
        demand(caller, _SENSITIVE)
    await check_receiver(body.type, body.url, AddressGuard.of(request.app.state.settings))
    if body.type is ChannelType.APPRISE and body.secret is not None:
        raise ValidationFailed({"secret": ["Only a webhook is signed."]})
    channels = ChannelRepository(session)
    if len(await channels.of_team(caller.team_id)) >= MOST_CHANNELS:
        raise InvalidRequest(f"A team may have at most {MOST_CHANNELS} channels. Delete one, or give one more rules.")
    made = body.secret or (secrets.token_urlsafe(32) if body.type is ChannelType.WEBHOOK else None)
    values = body.model_dump(mode="json") | {
        "secret": made,
        "includes_log": caller.can_read_sensitive if body.includes_log is None else body.includes_log,
    }
    channel = await channels.add(NotificationChannel(team_id=caller.team_id, **values))
    return UuidAnswer(uuid=channel.uuid)


@router.get(
    "/{uuid}",
    operation_id="get-notification-channel-by-uuid",
    summary="Get a notification channel",
    response_model_exclude_unset=True,
    responses=answers(401, 403, 404),
)
async def get_channel(session: ReadSession, caller: Reader, uuid: str) -> ChannelAnswer:
    """Return one channel; its URL and secret only with `read:sensitive`."""
    return ChannelAnswer.of(await _found(session, caller, uuid), with_secrets=caller.can_read_sensitive)


@router.patch(
    "/{uuid}",
    operation_id="update-notification-channel-by-uuid",
    summary="Change a notification channel",
    responses=answers(400, 401, 403, 404, 422),
)
async def update_channel(
    session: Session, caller: Writer, request: Request, uuid: str, body: ChannelUpdate
) -> UuidAnswer:
    """Change what is named; what is on its way goes to the new URL.

    Who may not read logs cannot turn a channel that gets them to another URL, unless the log is switched off.
    """
    channel = await _found(session, caller, uuid, for_update=True)
    includes_log = channel.includes_log if body.includes_log is None else body.includes_log
    if includes_log and (body.url is not None or body.includes_log):
        demand(caller, _SENSITIVE)
    if body.url is not None:
        await check_receiver(ChannelType(channel.type), body.url, AddressGuard.of(request.app.state.settings))
    if body.secret is not None and channel.type != ChannelType.WEBHOOK:
        raise ValidationFailed({"secret": ["Only a webhook is signed."]})
    for name, value in body.model_dump(mode="json", exclude_none=True).items():
        setattr(channel, name, value)
    await session.flush()
    return UuidAnswer(uuid=channel.uuid)


@router.delete(
    "/{uuid}",
    operation_id="delete-notification-channel-by-uuid",
    summary="Delete a notification channel",
    responses=answers(401, 403, 404),
)
async def delete_channel(session: Session, caller: Writer, uuid: str) -> MessageAnswer:
    """Delete a channel and its deliveries, those on their way as well."""
    await ChannelRepository(session).delete(await _found(session, caller, uuid))
    return MessageAnswer(message="Notification channel deleted.")


@router.post(
    "/{uuid}/test",
    operation_id="test-notification-channel-by-uuid",
    summary="Test a notification channel",
    status_code=201,
    responses=answers(401, 403, 404),
)
async def test_channel(session: Session, caller: Writer, uuid: str) -> DeliveryAnswer:
    """Have a worker send a test, once, whatever the rules; what came of it stands in the delivery within seconds."""
    channel = await _found(session, caller, uuid)
    now = utcnow()
    delivery = NotificationDelivery(
        channel_id=channel.id,
        event=NotificationEvent.TEST,
        payload=message(NotificationEvent.TEST, now, channel=channel.name, requested_by=caller.name),
        expires_at=now,
    )
    await DeliveryRepository(session).add(delivery)
    return DeliveryAnswer.of(delivery, with_log=False)


@router.get(
    "/{uuid}/deliveries",
    operation_id="list-deliveries-by-notification-channel-uuid",
    summary="List the deliveries of a notification channel",
    responses=answers(401, 403, 404, 422),
)
async def list_deliveries(
    session: ReadSession,
    caller: Reader,
    uuid: str,
    take: Annotated[int, Query(ge=1, le=100, description="So many, the newest first.")] = 20,
    before: Annotated[str | None, Query(max_length=255, description="Only older ones than this delivery.")] = None,
) -> list[DeliveryAnswer]:
    """Return the deliveries of the last month, newest first: what was told, and what came of it."""
    channel = await _found(session, caller, uuid)
    deliveries = DeliveryRepository(session)
    newer = None if before is None else await _delivery(session, channel, before)
    found = await deliveries.newest(channel, take=take, before=newer)
    return [DeliveryAnswer.of(delivery, with_log=caller.can_read_sensitive) for delivery in found]


@router.get(
    "/{uuid}/deliveries/{delivery_uuid}",
    operation_id="get-delivery-by-notification-channel-uuid",
    summary="Get a delivery of a notification channel",
    responses=answers(401, 403, 404),
)
async def get_delivery(session: ReadSession, caller: Reader, uuid: str, delivery_uuid: str) -> DeliveryAnswer:
    """Return one delivery."""
    delivery = await _delivery(session, await _found(session, caller, uuid), delivery_uuid)
    return DeliveryAnswer.of(delivery, with_log=caller.can_read_sensitive)


@router.post(
    "/{uuid}/deliveries/{delivery_uuid}/resend",
    operation_id="resend-delivery-by-notification-channel-uuid",
    summary="Send a delivery again",
    status_code=201,
    responses=answers(401, 403, 404),
)
async def resend_delivery(session: Session, caller: Writer, uuid: str, delivery_uuid: str) -> DeliveryAnswer:
    """Make a new delivery of the same payload; its id is new, so that no receiver takes it for one it had."""
    channel = await _found(session, caller, uuid)
    old = await _delivery(session, channel, delivery_uuid)
    delivery = NotificationDelivery(
        channel_id=channel.id, event=old.event, payload=old.payload, expires_at=utcnow() + DAY, resend_of=old.uuid
    )
    await DeliveryRepository(session).add(delivery)
    return DeliveryAnswer.of(delivery, with_log=caller.can_read_sensitive)


async def _found(session: AsyncSession, caller: Caller, uuid: str, *, for_update: bool = False) -> NotificationChannel:
    channel = await ChannelRepository(session).get(caller.team_id, uuid, for_update=for_update)
    if channel is None:
        raise NotFound("Notification channel not found.")
    return channel


async def _delivery(session: AsyncSession, channel: NotificationChannel, uuid: str) -> NotificationDelivery:
    delivery = await DeliveryRepository(session).get(channel, uuid)
    if delivery is None:
        raise NotFound("Delivery not found.")
    return delivery
