"""Destinations: the Docker networks on a server that resources join."""

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.kit.base import Base, IdMixin, TimestampMixin, UuidMixin
from app.models.server import Server


class StandaloneDocker(IdMixin, UuidMixin, TimestampMixin, Base):
    """One Docker network of one server."""

    __tablename__ = "standalone_dockers"
    __table_args__ = (UniqueConstraint("server_id", "network"),)

    server_id: Mapped[int] = mapped_column(ForeignKey("servers.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    network: Mapped[str] = mapped_column(Text)

    server: Mapped[Server] = relationship(lazy="raise")
