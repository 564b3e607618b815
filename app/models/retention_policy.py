"""How long a team keeps its history, and when what is older was last removed."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.kit.clock import utcnow


class RetentionPolicy(Base):
    """One a team. Days without a number: kept for good."""

    __tablename__ = "retention_policies"

    team_id: Mapped[int] = mapped_column(
        ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    finished_days: Mapped[int | None] = mapped_column(default=90, server_default="90")
    failed_days: Mapped[int | None] = mapped_column(default=90, server_default="90")
    cancelled_days: Mapped[int | None] = mapped_column(default=90, server_default="90")
    keep_last: Mapped[int] = mapped_column(default=0, server_default="0")
    """So many of each resource stay, however old."""
    due_at: Mapped[datetime] = mapped_column(default=utcnow, server_default=text("now()"))
    """When a worker may begin; the one that works moves it on with every batch, so that it is alone."""
    removed_deployments: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """In the round that is under way, whoever began it; the two below as well."""
    removed_operations: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    removed_log_bytes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    pruned_at: Mapped[datetime | None]
    last_removed: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
