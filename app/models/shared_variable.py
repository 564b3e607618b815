"""Shared variables, named in values as `{{team.X}}`, `{{project.X}}`, `{{environment.X}}`, `{{server.X}}`."""

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base, IdMixin, TimestampMixin, UuidMixin
from app.models.environment_variable import VariableMixin


class SharedEnvironmentVariable(IdMixin, UuidMixin, VariableMixin, TimestampMixin, Base):
    """One variable of a team, project, environment or server: `type` says which, and that one's id is set."""

    __tablename__ = "shared_environment_variables"
    __table_args__ = (
        Index(
            "uq_shared_environment_variables_scope",
            "team_id",
            "type",
            text("coalesce(project_id, environment_id, server_id, 0)"),
            "key",
            unique=True,
        ),
    )

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(16))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    environment_id: Mapped[int | None] = mapped_column(ForeignKey("environments.id", ondelete="CASCADE"))
    server_id: Mapped[int | None] = mapped_column(ForeignKey("servers.id", ondelete="CASCADE"))
