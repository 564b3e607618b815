"""Standalone MongoDB databases."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.kit.encryption import EncryptedJSON, EncryptedText
from app.models.standalone.columns import StandaloneMixin, secret_column, ssl_column


class StandaloneMongodb(StandaloneMixin, Base):
    """A MongoDB database."""

    __tablename__ = "standalone_mongodb"
    resource_type = "standalone-mongodb"

    mongo_initdb_root_username: Mapped[str] = mapped_column(Text, default="root", server_default="root")
    mongo_initdb_root_password: Mapped[str] = secret_column()
    mongo_initdb_database: Mapped[str] = mapped_column(Text, default="default", server_default="default")
    mongo_conf: Mapped[str | None] = mapped_column(EncryptedText)
    init_scripts: Mapped[list[dict[str, str]] | None] = mapped_column(EncryptedJSON)
    enable_ssl: Mapped[bool] = ssl_column()
    ssl_mode: Mapped[str | None] = mapped_column(Text, default="require", server_default="require")
