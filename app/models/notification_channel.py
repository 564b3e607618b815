"""Where a team wants to be told of what happened."""

from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base, IdMixin, TimestampMixin, UuidMixin
from app.kit.encryption import EncryptedText


class NotificationChannel(IdMixin, UuidMixin, TimestampMixin, Base):
    """One receiver with its rules; its URL is a secret, because most of them hold a token."""

    __tablename__ = "notification_channels"

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    type: Mapped[str] = mapped_column(String(16))
    """`webhook`, our own signed JSON, or `apprise`, whatever that library speaks."""
    url: Mapped[str] = mapped_column(EncryptedText)
    secret: Mapped[str | None] = mapped_column(EncryptedText)
    """What a webhook is signed with."""
    is_enabled: Mapped[bool] = mapped_column(default=True, server_default="true")
    includes_log: Mapped[bool] = mapped_column(default=False, server_default="false")
    rules: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default="[]")
    """An event is told when one of them fits; none: every event is."""
