"""What holds for the whole installation and is changed while it runs."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base


class InstanceSetting(Base):
    """The only row; while there is none, the defaults hold."""

    __tablename__ = "instance_settings"
    __table_args__ = (CheckConstraint("id = 1", name="is_the_only_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    is_api_enabled: Mapped[bool] = mapped_column(default=True, server_default="true")
