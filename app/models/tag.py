"""Tags: a team's words for its services and databases, by which several are deployed at once."""

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base, IdMixin, TimestampMixin, UuidMixin


class Tag(IdMixin, UuidMixin, TimestampMixin, Base):
    """A word, unique in its team, in lower case."""

    __tablename__ = "tags"
    __table_args__ = (UniqueConstraint("team_id", "name"),)

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)


class Taggable(Base):
    """A tag on a resource. As with variables, the tracked delete of the resource removes it."""

    __tablename__ = "taggables"
    __table_args__ = (Index("ix_taggables_resource", "resource_type", "resource_id"),)

    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True)
    resource_type: Mapped[str] = mapped_column(String(32), primary_key=True)
    resource_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
