"""Standalone Dragonfly databases."""

from sqlalchemy.orm import Mapped

from app.kit.base import Base
from app.models.standalone.columns import StandaloneMixin, secret_column, ssl_column


class StandaloneDragonfly(StandaloneMixin, Base):
    """A Dragonfly database."""

    __tablename__ = "standalone_dragonfly"
    resource_type = "standalone-dragonfly"

    dragonfly_password: Mapped[str] = secret_column()
    enable_ssl: Mapped[bool] = ssl_column()
