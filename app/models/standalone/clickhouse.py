"""Standalone ClickHouse databases."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.kit.encryption import EncryptedJSON
from app.models.standalone.columns import StandaloneMixin, secret_column


class StandaloneClickhouse(StandaloneMixin, Base):
    """A ClickHouse database."""

    __tablename__ = "standalone_clickhouse"
    resource_type = "standalone-clickhouse"

    clickhouse_admin_user: Mapped[str] = mapped_column(Text, default="default", server_default="default")
    clickhouse_admin_password: Mapped[str] = secret_column()
    clickhouse_db: Mapped[str] = mapped_column(Text, default="default", server_default="default")
    init_scripts: Mapped[list[dict[str, str]] | None] = mapped_column(EncryptedJSON)
