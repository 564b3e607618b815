"""Operations other than deployments that run tracked on a server: stop, delete."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base, IdMixin, TimestampMixin, UuidMixin
from app.kit.encryption import EncryptedJSON
from app.kit.request_id import current_request_id


class ResourceOperation(IdMixin, UuidMixin, TimestampMixin, Base):
    """One operation: what, on which resource, how it went. Its log is redacted as a deployment's is."""

    __tablename__ = "resource_operations"
    __table_args__ = (
        Index("ix_resource_operations_resource", "resource_uuid", "created_at"),
        Index(
            "ix_resource_operations_active",
            "server_id",
            "created_at",
            postgresql_where=text("status IN ('queued', 'in_progress')"),
        ),
        Index(
            "uq_resource_operations_active",
            "resource_type",
            "resource_id",
            unique=True,
            postgresql_where=text("status IN ('queued', 'in_progress')"),
        ),
    )

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), index=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("servers.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    resource_type: Mapped[str] = mapped_column(String(32))
    resource_id: Mapped[int]
    resource_uuid: Mapped[str] = mapped_column(String(24))
    resource_name: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(32), default="queued", server_default="queued")
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    configuration_snapshot: Mapped[dict[str, Any] | None] = mapped_column(EncryptedJSON, deferred=True)
    requested_by: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(String(64), default=current_request_id)
    logs: Mapped[str | None] = mapped_column(Text)
    failure_reason: Mapped[str | None] = mapped_column(Text)
    retry_at: Mapped[datetime | None]
    """When a queued one may be claimed again; its server was away."""
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    lease_owner: Mapped[str | None] = mapped_column(String(24))
    lease_until: Mapped[datetime | None]
