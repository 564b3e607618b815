"""Standalone MySQL databases."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.kit.encryption import EncryptedJSON, EncryptedText
from app.models.standalone.columns import StandaloneMixin, secret_column, ssl_column


class StandaloneMysql(StandaloneMixin, Base):
    """A MySQL database."""

    __tablename__ = "standalone_mysql"
    resource_type = "standalone-mysql"

    mysql_root_password: Mapped[str] = secret_column()
    mysql_user: Mapped[str] = mapped_column(Text, default="mysql", server_default="mysql")
    mysql_password: Mapped[str] = secret_column()
    mysql_database: Mapped[str] = mapped_column(Text, default="default", server_default="default")
    mysql_conf: Mapped[str | None] = mapped_column(EncryptedText)
    init_scripts: Mapped[list[dict[str, str]] | None] = mapped_column(EncryptedJSON)
    enable_ssl: Mapped[bool] = ssl_column()
    ssl_mode: Mapped[str | None] = mapped_column(Text, default="REQUIRED", server_default="REQUIRED")
