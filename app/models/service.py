"""Services: the Compose stacks of the users."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.kit.encryption import EncryptedText
from app.models.history import history_of
from app.models.resource import DeployableMixin

if TYPE_CHECKING:
    from app.models.service_deployment_queue import ServiceDeploymentQueue


class Service(DeployableMixin, Base):
    """A Compose stack; `docker_compose_raw` is the user's text, encrypted: people write secrets into it."""

    __tablename__ = "services"
    resource_type = "service"

    docker_compose_raw: Mapped[str] = mapped_column(EncryptedText)
    connect_to_docker_network: Mapped[bool] = mapped_column(default=False, server_default="false")
    is_container_label_escape_enabled: Mapped[bool] = mapped_column(default=True, server_default="true")
    service_type: Mapped[str | None] = mapped_column(Text)
    config_hash: Mapped[str | None] = mapped_column(Text)
    containers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default="[]")
    """Its containers as they were seen last, at `containers_at`; somebody asked for that look."""
    containers_at: Mapped[datetime | None]
    part_notes: Mapped[dict[str, dict[str, str | None]]] = mapped_column(JSONB, default=dict, server_default="{}")
    """What people call its parts, by the names in the Compose file: `human_name`, `description`."""

    async def deployments(self, skip: int = 0, take: int = 10) -> Sequence["ServiceDeploymentQueue"]:
        """Return the history, newest first."""
        from app.models.service_deployment_queue import ServiceDeploymentQueue

        return await history_of(self, ServiceDeploymentQueue, skip, take, service_id=self.id)

    async def latest_deployment(self) -> "ServiceDeploymentQueue | None":
        """Return the newest deployment, or None."""
        return next(iter(await self.deployments(0, 1)), None)
