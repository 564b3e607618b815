"""One event on its way to one channel."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.kit.base import Base, IdMixin, UuidMixin
from app.kit.clock import utcnow
from app.models.notification_channel import NotificationChannel

PENDING = text("status = 'pending'")


class NotificationDelivery(IdMixin, UuidMixin, Base):
    """What is told, and how far that is; `uuid` is the id by which a receiver knows it again."""

    __tablename__ = "notification_deliveries"
    __table_args__ = (
        UniqueConstraint("channel_id", "event_id"),
        Index("ix_notification_deliveries_due", "next_attempt_at", postgresql_where=PENDING),
        Index("ix_notification_deliveries_created_at", "created_at"),
    )

    channel_id: Mapped[int] = mapped_column(ForeignKey("notification_channels.id", ondelete="CASCADE"))
    event_id: Mapped[int | None]
    """The outbox event, which is gone sooner or later; None for a test and for what was sent again."""
    event: Mapped[str] = mapped_column(String(32))
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[str] = mapped_column(String(16), default="pending", server_default="pending")
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    next_attempt_at: Mapped[datetime] = mapped_column(default=utcnow, server_default=text("now()"))
    """Also the lease: who takes it to send it moves it on, and when that one dies it is due again."""
    expires_at: Mapped[datetime]
    """No attempt is made after it."""
    status_code: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)
    resend_of: Mapped[str | None] = mapped_column(String(24))
    created_at: Mapped[datetime] = mapped_column(default=utcnow, server_default=text("now()"))
    attempted_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]

    channel: Mapped[NotificationChannel] = relationship(lazy="raise")
