"""Standalone MariaDB databases."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.kit.encryption import EncryptedJSON, EncryptedText
from app.models.standalone.columns import StandaloneMixin, secret_column, ssl_column


class StandaloneMariadb(StandaloneMixin, Base):
    """A MariaDB database."""

    __tablename__ = "standalone_mariadb"
    resource_type = "standalone-mariadb"

    mariadb_root_password: Mapped[str] = secret_column()
    mariadb_user: Mapped[str] = mapped_column(Text, default="mariadb", server_default="mariadb")
    mariadb_password: Mapped[str] = secret_column()
    mariadb_database: Mapped[str] = mapped_column(Text, default="default", server_default="default")
    mariadb_conf: Mapped[str | None] = mapped_column(EncryptedText)
    init_scripts: Mapped[list[dict[str, str]] | None] = mapped_column(EncryptedJSON)
    enable_ssl: Mapped[bool] = ssl_column()
