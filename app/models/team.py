"""Teams, users, and who is what in which team."""

from enum import StrEnum

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.kit.base import Base, IdMixin, TimestampMixin


class TeamRole(StrEnum):
    """A user's role in one team; owner > admin > member."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


class Team(IdMixin, TimestampMixin, Base):
    """Owns everything; a token belongs to exactly one."""

    __tablename__ = "teams"

    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    personal_team: Mapped[bool] = mapped_column(default=False, server_default="false")
    is_api_enabled: Mapped[bool] = mapped_column(default=True, server_default="true")

    members: Mapped[list["TeamMember"]] = relationship(back_populates="team", lazy="raise")


class User(IdMixin, TimestampMixin, Base):
    """A person; signs nothing and owns nothing by itself."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text, unique=True)


class TeamMember(TimestampMixin, Base):
    """One user's role in one team."""

    __tablename__ = "team_members"

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(16), default=TeamRole.MEMBER, server_default=TeamRole.MEMBER)

    team: Mapped[Team] = relationship(back_populates="members", lazy="raise")
    user: Mapped[User] = relationship(lazy="raise")
