"""The queue and history of service deployments, and the slices of their logs."""

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.ext.asyncio import async_object_session
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.models.deployment_queue import DeploymentQueueMixin, LogSliceMixin, queue_indexes
from app.models.service import Service


class ServiceDeploymentLogSlice(LogSliceMixin, Base):
    """A stretch of a service deployment's log."""

    __tablename__ = "service_deployment_log_slices"

    deployment_id: Mapped[int] = mapped_column(
        ForeignKey("service_deployment_queues.id", ondelete="CASCADE"), primary_key=True, sort_order=-1
    )


class ServiceDeploymentQueue(DeploymentQueueMixin, Base):
    """One attempt at deploying a service."""

    __tablename__ = "service_deployment_queues"
    __table_args__ = (
        Index("ix_service_deployment_queues_service_id_status", "service_id", "status"),
        Index("ix_service_deployment_queues_history", "service_id", "created_at", "id"),
        # With the team in it, a count need not look at the rows.
        Index(
            "ix_service_deployment_queues_status_history",
            "service_id",
            "status",
            "created_at",
            "id",
            postgresql_include=["team_id"],
        ),
        Index(
            "uq_service_deployment_queues_in_progress",
            "service_id",
            unique=True,
            postgresql_where=text("status = 'in_progress'"),
        ),
        *queue_indexes("service_deployment_queues", "service_deployments"),
        {"postgresql_with": {"fillfactor": 80}},
    )
    log_slice = ServiceDeploymentLogSlice

    service_id: Mapped[int] = mapped_column(ForeignKey("services.id", ondelete="CASCADE"))
    service_name: Mapped[str] = mapped_column(Text)
    pull_latest_images: Mapped[bool] = mapped_column(default=False, server_default="false")
    stop_before_start: Mapped[bool] = mapped_column(default=False, server_default="false")

    async def resource(self) -> Service | None:
        """Return the service, or None when it is gone."""
        session = async_object_session(self)
        return None if session is None else await session.get(Service, self.service_id)
