"""Environments of a project."""

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.kit.base import Base, IdMixin, TimestampMixin, UuidMixin
from app.models.project import Project


class Environment(IdMixin, UuidMixin, TimestampMixin, Base):
    """Where resources live; its name is unique in its project."""

    __tablename__ = "environments"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)

    project: Mapped[Project] = relationship(back_populates="environments", lazy="raise")
