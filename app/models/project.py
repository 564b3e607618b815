"""Projects of a team."""

from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.kit.base import Base, IdMixin, TimestampMixin, UuidMixin

if TYPE_CHECKING:
    from app.models.environment import Environment


class Project(IdMixin, UuidMixin, TimestampMixin, Base):
    """A named set of environments."""

    __tablename__ = "projects"

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)

    environments: Mapped[list["Environment"]] = relationship(
        back_populates="project", lazy="raise", order_by="Environment.id", passive_deletes=True
    )
