"""The queue and history of database deployments, and the slices of their logs."""

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.ext.asyncio import async_object_session
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.models.deployment_queue import DeploymentQueueMixin, LogSliceMixin, queue_indexes
from app.models.standalone import STANDALONE_MODELS
from app.models.standalone.columns import StandaloneMixin


class DatabaseDeploymentLogSlice(LogSliceMixin, Base):
    """A stretch of a database deployment's log."""

    __tablename__ = "database_deployment_log_slices"

    deployment_id: Mapped[int] = mapped_column(
        ForeignKey("database_deployment_queues.id", ondelete="CASCADE"), primary_key=True, sort_order=-1
    )


class DatabaseDeploymentQueue(DeploymentQueueMixin, Base):
    """One attempt at deploying a standalone database; `(database_type, database_id)` names it in one of nine tables."""

    __tablename__ = "database_deployment_queues"
    __table_args__ = (
        Index("ix_database_deployment_queues_database_id_database_type", "database_id", "database_type"),
        Index("ix_database_deployment_queues_database_id_type_status", "database_id", "database_type", "status"),
        Index("ix_database_deployment_queues_history", "database_id", "database_type", "created_at", "id"),
        Index(
            "ix_database_deployment_queues_status_history", "database_id", "database_type", "status", "created_at", "id"
        ),
        Index(
            "uq_database_deployment_queues_in_progress",
            "database_type",
            "database_id",
            unique=True,
            postgresql_where=text("status = 'in_progress'"),
        ),
        *queue_indexes("database_deployment_queues", "database_deployments"),
        {"postgresql_with": {"fillfactor": 80}},
    )
    log_slice = DatabaseDeploymentLogSlice

    database_id: Mapped[str] = mapped_column(String(20))
    database_type: Mapped[str] = mapped_column(String(32))
    database_name: Mapped[str] = mapped_column(Text)

    async def resource(self) -> StandaloneMixin | None:
        """Return the database, or None when it is gone or of a type this version does not know."""
        session = async_object_session(self)
        model = STANDALONE_MODELS.get(self.database_type)
        return None if session is None or model is None else await session.get(model, int(self.database_id))
