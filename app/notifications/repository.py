"""Statements on channels and deliveries, and on the outbox that they come from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    DateTime,
    Float,
    Select,
    Text,
    case,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import KINDS, AnyQueue
from app.kit.ids import new_uuid
from app.kit.repository import Repository
from app.models.environment import Environment
from app.models.notification_channel import NotificationChannel
from app.models.notification_delivery import NotificationDelivery
from app.models.outbox_event import OutboxEvent
from app.models.project import Project
from app.models.service import Service
from app.models.service_deployment_queue import ServiceDeploymentQueue
from app.models.standalone import STANDALONE_MODELS
from app.notifications.events import STUCK
from app.notifications.messages import Home

TAKEOVERS = 5
"""A deployment whose worker was lost so often does not get on."""

OVERDUE = timedelta(minutes=5)
"""A worker ends what is past its deadline; so long after it nobody did."""

DAY = timedelta(days=1)
KEPT = timedelta(days=30)


class ChannelRepository(Repository[NotificationChannel]):
    """Channels of a team."""

    model = NotificationChannel

    async def get(self, team_id: int, uuid: str, *, for_update: bool = False) -> NotificationChannel | None:
        """Return one channel of the team, or None."""
        statement = self.statement().where(self.model.team_id == team_id, self.model.uuid == uuid)
        return await self.one_or_none(statement.with_for_update() if for_update else statement)

    async def of_team(self, team_id: int) -> Sequence[NotificationChannel]:
        """Return every channel of the team, oldest first."""
        return await self.all(self.statement().where(self.model.team_id == team_id).order_by(self.model.id))


class DeliveryRepository(Repository[NotificationDelivery]):
    """Deliveries of a channel that was found in its team."""

    model = NotificationDelivery

    async def get(self, channel: NotificationChannel, uuid: str) -> NotificationDelivery | None:
        """Return one delivery of the channel, or None."""
        return await self.one_or_none(self._of(channel).where(self.model.uuid == uuid))

    async def newest(
        self, channel: NotificationChannel, *, take: int, before: NotificationDelivery | None
    ) -> Sequence[NotificationDelivery]:
        """Return deliveries, newest first, those that are older than `before` if given."""
        statement = self._of(channel)
        if before is not None:
            statement = statement.where(
                tuple_(self.model.created_at, self.model.id) < tuple_(before.created_at, before.id)
            )
        return await self.all(statement.order_by(self.model.created_at.desc(), self.model.id.desc()).limit(take))

    def _of(self, channel: NotificationChannel) -> Select[NotificationDelivery]:
        return self.statement().where(self.model.channel_id == channel.id)


@dataclass(frozen=True)
class Listener:
    """What of a channel decides whether it is told; its secrets are not read, and so not missed if their key is lost."""

    id: int
    includes_log: bool
    rules: list[dict[str, Any]]


async def take_events(session: AsyncSession, *, count: int) -> Sequence[OutboxEvent]:
    """Lock the oldest events that no channel heard of yet, except those that another worker has."""
    statement = select(OutboxEvent).where(OutboxEvent.delivered_at.is_(None)).order_by(OutboxEvent.id).limit(count)
    return (await session.execute(statement.with_for_update(skip_locked=True))).scalars().all()


async def mark_told(session: AsyncSession, ids: Collection[int]) -> None:
    """Note that events are done with."""
    statement = update(OutboxEvent).where(OutboxEvent.id.in_(ids)).values(delivered_at=func.clock_timestamp())
    await session.execute(statement.execution_options(synchronize_session=False))


async def listeners_of(session: AsyncSession, team_ids: Collection[int]) -> dict[int, list[Listener]]:
    """Return {team id: its channels that are on}."""
    channel = NotificationChannel
    statement = select(channel.team_id, channel.id, channel.includes_log, channel.rules).where(
        channel.team_id.in_(team_ids), channel.is_enabled
    )
    found: dict[int, list[Listener]] = {}
    for row in await session.execute(statement.order_by(channel.id)):
        found.setdefault(row.team_id, []).append(Listener(row.id, row.includes_log, row.rules))
    return found


async def home_of(session: AsyncSession, row: AnyQueue) -> Home:
    """Return the project and environment that a deployment's resource is in now."""
    model: Any
    if isinstance(row, ServiceDeploymentQueue):
        model, resource_id = Service, row.service_id
    else:
        model, resource_id = STANDALONE_MODELS.get(row.database_type), int(row.database_id)
    if model is None:
        return Home()
    statement = (
        select(Project.uuid, Project.name, Environment.name.label("environment"))
        .join(Environment, Environment.project_id == Project.id)
        .join(model, model.environment_id == Environment.id)
        .where(model.id == resource_id)
    )
    found = (await session.execute(statement)).one_or_none()
    return Home() if found is None else Home(found.uuid, found.name, found.environment)


async def add_deliveries(
    session: AsyncSession, event: OutboxEvent, name: str, payloads: Mapping[int, dict[str, Any]]
) -> None:
    """Make the delivery of an event to each channel, by id, that has none of it yet."""
    rows = [
        {
            "uuid": new_uuid(),
            "channel_id": channel_id,
            "event_id": event.id,
            "event": name,
            "payload": payload,
            "expires_at": event.created_at + DAY,
        }
        for channel_id, payload in payloads.items()
    ]
    if rows:
        await session.execute(insert(NotificationDelivery).values(rows).on_conflict_do_nothing())


async def claim_delivery(
    session: AsyncSession, *, lease_seconds: float, busy: Collection[int]
) -> NotificationDelivery | None:
    """Take the delivery that is due longest, except to `busy` channels and what another worker is taking."""
    delivery = NotificationDelivery
    due = (
        select(delivery.id)
        .where(
            delivery.status == "pending",
            delivery.next_attempt_at <= func.clock_timestamp(),
            delivery.channel_id.not_in(list(busy)),
        )
        .order_by(delivery.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(delivery)
        .where(delivery.id == due.scalar_subquery())
        .values(
            attempts=delivery.attempts + 1,
            next_attempt_at=_in(lease_seconds),
            attempted_at=func.clock_timestamp(),
        )
        .returning(delivery)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def record_attempt(
    session: AsyncSession,
    delivery_id: int,
    attempt: int,
    *,
    error: str | None,
    status_code: int | None,
    pause_seconds: float,
) -> None:
    """Note what came of an attempt, unless another one has begun since: delivered, tried again later, or given up."""
    delivery = NotificationDelivery
    again = _in(pause_seconds)
    values: dict[str, Any] = {"status": "delivered", "delivered_at": func.clock_timestamp()}
    if error is not None:
        values = {"status": case((again > delivery.expires_at, "failed"), else_="pending"), "next_attempt_at": again}
    statement = update(delivery).where(delivery.id == delivery_id, delivery.attempts == attempt)
    await session.execute(
        statement.where(delivery.status == "pending").values(error=error, status_code=status_code, **values)
    )


async def give_up(session: AsyncSession, delivery_id: int, error: str) -> None:
    """End a delivery that nobody is to get any more."""
    statement = update(NotificationDelivery).where(NotificationDelivery.id == delivery_id)
    await session.execute(statement.values(status="failed", error=error))


async def forget_old_deliveries(session: AsyncSession, *, count: int = 500) -> int:
    """Delete what is a month old, at most `count` at a time, and return how many were."""
    delivery = NotificationDelivery
    old = select(delivery.id).where(delivery.created_at < func.clock_timestamp() - KEPT, delivery.status != "pending")
    batch = old.order_by(delivery.created_at).limit(count).with_for_update(skip_locked=True)
    forgotten = await session.execute(delete(delivery).where(delivery.id.in_(batch)).returning(delivery.id))
    return len(forgotten.all())


async def leave_stuck_events(session: AsyncSession, *, silent_seconds: int) -> None:
    """Leave one event for each deployment that runs and does not get on, however often it is found."""
    now = func.clock_timestamp()
    for kind in KINDS:
        queue: Any = kind.queue
        key = func.concat("stuck:", queue.deployment_uuid)
        reason = case(
            (queue.deadline_at < now - OVERDUE, "It is past its deadline, and no worker has ended it."),
            (queue.lease_epoch > 1 + TAKEOVERS, "Its worker was lost again and again."),
            else_="It has logged nothing for a long time.",
        )
        payload = func.jsonb_build_object(
            *("kind", literal(kind.name, Text), "deployment_uuid", cast(queue.deployment_uuid, Text)),
            *("reason", cast(reason, Text)),
        )
        found = select(queue.team_id, literal(STUCK, Text), payload, key).where(
            queue.status == "in_progress",
            or_(
                queue.deadline_at < now - OVERDUE,
                queue.lease_epoch > 1 + TAKEOVERS,
                queue.updated_at < now - timedelta(seconds=silent_seconds),
            ),
            ~exists().where(OutboxEvent.dedup_key == key),
        )
        leaving = insert(OutboxEvent).from_select(["team_id", "name", "payload", "dedup_key"], found)
        await session.execute(leaving.on_conflict_do_nothing())


def _in(seconds: float) -> Any:
    interval = func.make_interval(0, 0, 0, 0, 0, 0, cast(seconds, Float))
    return func.clock_timestamp(type_=DateTime(timezone=True)) + interval
