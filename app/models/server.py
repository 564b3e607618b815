"""Servers and their settings."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.kit.base import Base, IdMixin, TimestampMixin, UuidMixin
from app.models.private_key import PrivateKey


class Server(IdMixin, UuidMixin, TimestampMixin, Base):
    """A remote machine reached by SSH. The claim locks this row."""

    __tablename__ = "servers"
    __table_args__ = (
        Index(
            "uq_servers_team_id_ip_port",
            "team_id",
            "ip",
            "port",
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    private_key_id: Mapped[int] = mapped_column(ForeignKey("private_keys.id", ondelete="RESTRICT"), index=True)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    ip: Mapped[str] = mapped_column(Text)
    port: Mapped[int] = mapped_column(default=22, server_default="22")
    user: Mapped[str] = mapped_column(String(64), default="root", server_default="root")
    host_key: Mapped[str | None] = mapped_column(Text)
    docker_version: Mapped[str | None] = mapped_column(Text)
    compose_version: Mapped[str | None] = mapped_column(Text)
    docker_needs_sudo: Mapped[bool] = mapped_column(default=False, server_default="false")
    data_folder: Mapped[str | None] = mapped_column(Text)
    validated_at: Mapped[datetime | None]
    validation_logs: Mapped[str | None] = mapped_column(Text)
    deleted_at: Mapped[datetime | None]

    private_key: Mapped[PrivateKey] = relationship(lazy="raise")
    settings: Mapped["ServerSetting"] = relationship(back_populates="server", lazy="raise", uselist=False)


class ServerSetting(IdMixin, TimestampMixin, Base):
    """What can be set per server, and what the last look at it found."""

    __tablename__ = "server_settings"

    server_id: Mapped[int] = mapped_column(ForeignKey("servers.id", ondelete="CASCADE"), unique=True)
    concurrent_deployments: Mapped[int] = mapped_column(default=2, server_default="2")
    deployment_queue_limit: Mapped[int] = mapped_column(default=25, server_default="25")
    connection_timeout: Mapped[int] = mapped_column(default=10, server_default="10")
    deployment_timeout: Mapped[int] = mapped_column(default=3600, server_default="3600")
    is_reachable: Mapped[bool] = mapped_column(default=False, server_default="false")
    is_usable: Mapped[bool] = mapped_column(default=False, server_default="false")
    is_build_server: Mapped[bool] = mapped_column(default=False, server_default="false")
    force_disabled: Mapped[bool] = mapped_column(default=False, server_default="false")
    allow_host_paths: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Whether services may mount and read what is the server's own, its Docker socket included."""
    looked_at: Mapped[datetime | None]
    """When a worker last took it upon itself to look at the server's containers."""
    validation_requested_at: Mapped[datetime | None]
    accepts_new_host_key: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Whether the validation that is asked for may pin another host key."""

    server: Mapped[Server] = relationship(back_populates="settings", lazy="raise")
