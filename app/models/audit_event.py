"""Who did what: rows that are only ever added."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.kit.clock import utcnow


class AuditEvent(Base):
    """One request that changed something or was shown a secret; a trigger refuses to change or delete it.

    Names are copied and ids are no foreign keys: the row outlives the token, the user and the team.
    """

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_events_team_id_id", "team_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    team_id: Mapped[int]
    token_id: Mapped[int]
    token_name: Mapped[str] = mapped_column(Text)
    user_id: Mapped[int]
    user_name: Mapped[str] = mapped_column(Text)
    operation_id: Mapped[str] = mapped_column(String(100))
    method: Mapped[str] = mapped_column(String(8))
    path: Mapped[str] = mapped_column(Text)
    """Without its query."""
    resource_uuids: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """What the path names, and what the answer says was made or started."""
    status_code: Mapped[int]
    client: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utcnow, server_default=text("now()"))
