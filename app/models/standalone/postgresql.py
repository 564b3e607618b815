"""Standalone PostgreSQL databases."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.kit.encryption import EncryptedJSON, EncryptedText
from app.models.standalone.columns import StandaloneMixin, secret_column, ssl_column


class StandalonePostgresql(StandaloneMixin, Base):
    """A PostgreSQL database."""

    __tablename__ = "standalone_postgresql"
    resource_type = "standalone-postgresql"

    postgres_user: Mapped[str] = mapped_column(Text, default="postgres", server_default="postgres")
    postgres_password: Mapped[str] = secret_column()
    postgres_db: Mapped[str] = mapped_column(Text, default="postgres", server_default="postgres")
    postgres_initdb_args: Mapped[str | None] = mapped_column(Text)
    postgres_host_auth_method: Mapped[str | None] = mapped_column(Text)
    postgres_conf: Mapped[str | None] = mapped_column(EncryptedText)
    init_scripts: Mapped[list[dict[str, str]] | None] = mapped_column(EncryptedJSON)
    enable_ssl: Mapped[bool] = ssl_column()
    ssl_mode: Mapped[str | None] = mapped_column(Text, default="require", server_default="require")
