"""Standalone KeyDB databases."""

from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.kit.encryption import EncryptedText
from app.models.standalone.columns import StandaloneMixin, secret_column, ssl_column


class StandaloneKeydb(StandaloneMixin, Base):
    """A KeyDB database."""

    __tablename__ = "standalone_keydb"
    resource_type = "standalone-keydb"

    keydb_password: Mapped[str] = secret_column()
    keydb_conf: Mapped[str | None] = mapped_column(EncryptedText)
    enable_ssl: Mapped[bool] = ssl_column()
