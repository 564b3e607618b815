"""Standalone Redis databases."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.kit.encryption import EncryptedText
from app.models.standalone.columns import StandaloneMixin, secret_column, ssl_column


class StandaloneRedis(StandaloneMixin, Base):
    """A Redis database."""

    __tablename__ = "standalone_redis"
    resource_type = "standalone-redis"

    redis_username: Mapped[str] = mapped_column(Text, default="default", server_default="default")
    redis_password: Mapped[str] = secret_column()
    redis_conf: Mapped[str | None] = mapped_column(EncryptedText)
    enable_ssl: Mapped[bool] = ssl_column()
