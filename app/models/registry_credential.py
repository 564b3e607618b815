"""Logins for private image registries, used by every deployment of the team."""

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base, IdMixin, TimestampMixin, UuidMixin
from app.kit.encryption import EncryptedText


class RegistryCredential(IdMixin, UuidMixin, TimestampMixin, Base):
    """One login at one registry, e.g. `ghcr.io`."""

    __tablename__ = "registry_credentials"
    __table_args__ = (UniqueConstraint("team_id", "registry_host"),)

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    registry_host: Mapped[str] = mapped_column(Text)
    username: Mapped[str] = mapped_column(Text)
    password: Mapped[str] = mapped_column(EncryptedText)
