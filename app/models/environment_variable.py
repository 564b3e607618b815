"""Environment variables of services and databases."""

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base, IdMixin, TimestampMixin, UuidMixin
from app.kit.encryption import EncryptedText


class VariableMixin:
    """What a resource's variable and a shared one have in common."""

    key: Mapped[str] = mapped_column(Text)
    value: Mapped[str | None] = mapped_column(EncryptedText)
    comment: Mapped[str | None] = mapped_column(String(256))
    is_literal: Mapped[bool] = mapped_column(default=False, server_default="false")
    is_multiline: Mapped[bool] = mapped_column(default=False, server_default="false")
    is_shown_once: Mapped[bool] = mapped_column(default=False, server_default="false")


class EnvironmentVariable(IdMixin, UuidMixin, VariableMixin, TimestampMixin, Base):
    """One variable of one resource; `resource_type` is `service` or a database type such as `standalone-postgresql`.

    No foreign key reaches ten tables: the tracked delete of the resource removes its variables.
    """

    __tablename__ = "environment_variables"
    __table_args__ = (
        UniqueConstraint("resource_type", "resource_id", "key"),
        Index("ix_environment_variables_team_id", "team_id"),
    )

    team_id: Mapped[int]
    resource_type: Mapped[str] = mapped_column(String(32))
    resource_id: Mapped[int]
