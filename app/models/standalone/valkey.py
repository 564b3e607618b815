"""Standalone Valkey databases."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.kit.encryption import EncryptedText
from app.models.standalone.columns import StandaloneMixin, secret_column, ssl_column


class StandaloneValkey(StandaloneMixin, Base):
    """A Valkey database."""

    __tablename__ = "standalone_valkey"
    resource_type = "standalone-valkey"

    valkey_username: Mapped[str] = mapped_column(Text, default="default", server_default="default")
    valkey_password: Mapped[str] = secret_column()
    valkey_conf: Mapped[str | None] = mapped_column(EncryptedText)
    enable_ssl: Mapped[bool] = ssl_column()
