"""SSH private keys of a team."""

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base, IdMixin, TimestampMixin, UuidMixin
from app.kit.encryption import EncryptedText


class PrivateKey(IdMixin, UuidMixin, TimestampMixin, Base):
    """A key pair; the private half is encrypted at rest."""

    __tablename__ = "private_keys"
    __table_args__ = (UniqueConstraint("team_id", "fingerprint"),)

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    private_key: Mapped[str] = mapped_column(EncryptedText)
    public_key: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(Text)
    is_git_related: Mapped[bool] = mapped_column(default=False, server_default="false")
