"""The columns that all nine database types have."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.encryption import EncryptedText
from app.models.history import history_of
from app.models.resource import DeployableMixin

if TYPE_CHECKING:
    from app.models.database_deployment_queue import DatabaseDeploymentQueue


class StandaloneMixin(DeployableMixin):
    """A standalone database; zero limits mean none, as Docker has it."""

    image: Mapped[str] = mapped_column(Text)
    is_public: Mapped[bool] = mapped_column(default=False, server_default="false")
    public_port: Mapped[int | None]
    public_port_timeout: Mapped[int] = mapped_column(default=3600, server_default="3600")
    ports_mappings: Mapped[str | None] = mapped_column(Text)
    limits_memory: Mapped[str] = mapped_column(Text, default="0", server_default="0")
    limits_memory_swap: Mapped[str] = mapped_column(Text, default="0", server_default="0")
    limits_memory_swappiness: Mapped[int] = mapped_column(default=60, server_default="60")
    limits_memory_reservation: Mapped[str] = mapped_column(Text, default="0", server_default="0")
    limits_cpus: Mapped[str] = mapped_column(Text, default="0", server_default="0")
    limits_cpuset: Mapped[str | None] = mapped_column(Text)
    limits_cpu_shares: Mapped[int] = mapped_column(default=1024, server_default="1024")
    custom_docker_run_options: Mapped[str | None] = mapped_column(Text)
    health_check_enabled: Mapped[bool] = mapped_column(default=True, server_default="true")
    health_check_interval: Mapped[int] = mapped_column(default=5, server_default="5")
    health_check_timeout: Mapped[int] = mapped_column(default=5, server_default="5")
    health_check_retries: Mapped[int] = mapped_column(default=10, server_default="10")
    health_check_start_period: Mapped[int] = mapped_column(default=30, server_default="30")
    config_hash: Mapped[str | None] = mapped_column(Text)

    async def deployments(self, skip: int = 0, take: int = 10) -> Sequence["DatabaseDeploymentQueue"]:
        """Return the history, newest first."""
        from app.models.database_deployment_queue import DatabaseDeploymentQueue

        return await history_of(
            self, DatabaseDeploymentQueue, skip, take, database_id=str(self.id), database_type=self.resource_type
        )

    async def latest_deployment(self) -> "DatabaseDeploymentQueue | None":
        """Return the newest deployment, or None."""
        return next(iter(await self.deployments(0, 1)), None)


def secret_column() -> Mapped[str]:
    """Return an encrypted column whose value is redacted from every log."""
    return mapped_column(EncryptedText, info={"secret": True})


def ssl_column() -> Mapped[bool]:
    """Return the `enable_ssl` column of a type that can speak TLS."""
    return mapped_column(default=False, server_default="false")
