"""API tokens: `{id}|{secret}` in the client's hands, the SHA-256 of the secret here."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.kit.base import Base, IdMixin, TimestampMixin
from app.models.team import Team, User


class ApiToken(IdMixin, TimestampMixin, Base):
    """One user's token for one team with a list of abilities."""

    __tablename__ = "api_tokens"

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[str] = mapped_column(String(64))
    abilities: Mapped[list[str]] = mapped_column(ARRAY(Text))
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]

    team: Mapped[Team] = relationship(lazy="raise")
    user: Mapped[User] = relationship(lazy="raise")
