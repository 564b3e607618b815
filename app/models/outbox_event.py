"""The outbox: what happened, left by the transaction in which it happened."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base, IdMixin
from app.kit.clock import utcnow


class OutboxEvent(IdMixin, Base):
    """One event such as `ServiceStatusChanged`; the notifications set `delivered_at`."""

    __tablename__ = "outbox_events"
    __table_args__ = (
        Index("ix_outbox_events_undelivered", "id", postgresql_where=text("delivered_at IS NULL")),
        Index("uq_outbox_events_dedup_key", "dedup_key", unique=True, postgresql_where=text("dedup_key IS NOT NULL")),
    )

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(default=utcnow, server_default=text("now()"))
    delivered_at: Mapped[datetime | None]
    """When it was handed to the channels of its team."""
    dedup_key: Mapped[str | None] = mapped_column(String(64))
    """Of what is found again and again and told once."""
