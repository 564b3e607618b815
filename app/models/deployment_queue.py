"""What the two deployment queues share: columns, indexes, and the plan's methods on a row."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_object_session
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from app.kit.base import Base, IdMixin, TimestampMixin
from app.kit.clock import utcnow
from app.kit.encryption import EncryptedJSON
from app.kit.redaction import Redactor
from app.kit.request_id import current_request_id
from app.kit.secret_names import SECRET_NAME_PATTERN
from app.models.deployment_status import DeploymentStatus, check_transition
from app.models.log_entry import join_entries, log_entry, own_message, parse_entries
from app.models.resource import DeployableMixin, current_secrets

ACTIVE = text("status IN ('queued', 'in_progress')")
UNCOUNTED = text("counted_at IS NULL AND status IN ('finished', 'failed', 'cancelled-by-user')")


class LogClosed(RuntimeError):
    """The log of a deployment that has ended, or that a worker is following, takes no entry from outside."""


class LogSliceMixin:
    """A stretch of log entries stored at once; `entries` is their JSON text without brackets."""

    first_order: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_count: Mapped[int]
    entries: Mapped[str] = mapped_column(Text)


class DeploymentQueueMixin(IdMixin, TimestampMixin):
    """One row a deployment: what is to be done, who does it, and how far it is.

    Offsets, counts and the lease change with every append: none of them is indexed, so that the update stays HOT.
    """

    log_slice: ClassVar[type[Any]]

    @declared_attr
    def team_id(cls) -> Mapped[int]:  # noqa: N805
        """The owning team: history needs no join to be scoped."""
        return mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))

    resource_uuid: Mapped[str] = mapped_column(String(24))
    deployment_uuid: Mapped[str] = mapped_column(String(24), unique=True)
    status: Mapped[str] = mapped_column(String(32), default=DeploymentStatus.QUEUED, server_default="queued")
    action: Mapped[str] = mapped_column(String(16), default="start", server_default="start")
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    is_api: Mapped[bool] = mapped_column(default=False, server_default="false")
    requested_by: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(String(64), default=current_request_id)
    server_id: Mapped[str] = mapped_column(String(20))
    server_uuid: Mapped[str] = mapped_column(String(24))
    server_name: Mapped[str] = mapped_column(Text)
    deployment_url: Mapped[str | None] = mapped_column(Text)
    current_process_id: Mapped[str | None] = mapped_column(String(20))
    configuration_snapshot: Mapped[dict[str, Any] | None] = mapped_column(EncryptedJSON, deferred=True)

    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None]
    failure_reason: Mapped[str | None] = mapped_column(Text)
    exit_code: Mapped[int | None]
    phase: Mapped[str | None] = mapped_column(String(16))
    step: Mapped[int] = mapped_column(default=0, server_default="0")
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default="[]")
    run_clock: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    image_digests: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """What each Compose service ran once it had finished; None before that, and where nobody could look."""

    logs: Mapped[str | None] = mapped_column(Text, deferred=True)
    log_count: Mapped[int] = mapped_column(default=0, server_default="0")
    logs_deleted_at: Mapped[datetime | None]
    log_bytes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    dropped_bytes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    stdout_offset: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    stderr_offset: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")

    lease_owner: Mapped[str | None] = mapped_column(String(24))
    lease_epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    lease_until: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    counted_at: Mapped[datetime | None]
    """When the statistics took it in: once, in the transaction that sets this."""

    async def resource(self) -> DeployableMixin | None:
        """Return the service or database this deployment is of, or None when it is gone."""
        raise NotImplementedError

    async def set_status(self, status: DeploymentStatus | str) -> None:
        """Change the status if the transition table allows it, else raise IllegalTransition.

        For rows that no worker leases; a worker settles with one conditional update (deployments/log.py).
        """
        session = _session_of(self)
        await _lock(session, self)
        wanted = DeploymentStatus(status)
        check_transition(DeploymentStatus(self.status), wanted)
        self.status = wanted
        if wanted is DeploymentStatus.IN_PROGRESS:
            self.started_at = utcnow()
        if wanted.is_final:
            self.finished_at = utcnow()
        await session.flush()

    async def add_log_entry(self, message: str, type: str = "stdout", hidden: bool = False) -> None:  # noqa: A002
        """Append one redacted entry under the lock of the row.

        Only on a row that nobody leases; raises LogClosed otherwise, ValueError for an unknown type.
        """
        session = _session_of(self)
        await _lock(session, self)
        if DeploymentStatus(self.status).is_final or self.lease_owner is not None:
            raise LogClosed(f"The deployment {self.deployment_uuid} is {self.status}: its log takes no further entry.")
        output, entry_type = own_message(message, type)
        named = await current_secrets(await self.resource(), SECRET_NAME_PATTERN)
        secrets = await self.redaction_set() | named
        entry = log_entry(
            Redactor(secrets).redact(output),
            type=entry_type,
            timestamp=utcnow(),
            order=self.log_count + 1,
            batch=max(self.step, 1),
            hidden=hidden,
        )
        entries = join_entries([entry])
        session.add(
            self.log_slice(deployment_id=self.id, first_order=self.log_count + 1, entry_count=1, entries=entries)
        )
        self.log_count += 1
        self.log_bytes += len(entries.encode())
        await session.flush()

    async def get_output(self, name: str) -> str | None:
        """Return the output of the first entry that carries `name`, or None."""
        for entry in await self.log_entries():
            if entry.get("name") == name:
                output: str = entry["output"]
                return output
        return None

    async def log_entries(self) -> list[dict[str, Any]]:
        """Return the whole log as entries: from `logs` when sealed, else from the slices."""
        session = _session_of(self)
        await session.refresh(self, ["logs"])
        if self.logs is not None:
            entries: list[dict[str, Any]] = parse_entries(self.logs[1:-1])
            return entries
        slices = await session.run_sync(
            lambda sync: (
                sync.query(self.log_slice).filter_by(deployment_id=self.id).order_by(self.log_slice.first_order).all()
            )
        )
        return [entry for one in slices for entry in parse_entries(one.entries)]

    async def redaction_set(self) -> frozenset[str]:
        """Return the secrets of this deployment: those of its snapshot and those its resource has now."""
        session = _session_of(self)
        await session.refresh(self, ["configuration_snapshot"])
        snapshot = self.configuration_snapshot or {}
        return frozenset(snapshot.get("secrets", ())) | await current_secrets(await self.resource())


def queue_indexes(table: str, prefix: str) -> tuple[Index, ...]:
    """Return the indexes that both queues have, each under its own table's name."""
    return (
        Index(f"{prefix}_server_status_time", "server_id", "status", "created_at"),
        # None on the time alone: it is in the order of the rows, which looks so cheap to the planner that it walked the
        # history of everybody to find the few newest of one resource.
        Index(f"ix_{table}_team_id_created_at", "team_id", "created_at", "id"),
        Index(f"ix_{table}_team_id_status", "team_id", "status", "created_at", "id"),
        Index(f"ix_{table}_team_id_server", "team_id", "server_uuid", "created_at", "id"),
        Index(f"ix_{table}_active", "server_id", "created_at", "id", postgresql_where=ACTIVE),
        Index(f"ix_{table}_uncounted", "id", postgresql_where=UNCOUNTED),
    )


def _session_of(row: Base | DeploymentQueueMixin) -> AsyncSession:
    session = async_object_session(row)
    if session is None:
        raise RuntimeError("The deployment is not attached to a session.")
    return session


async def _lock(session: AsyncSession, row: DeploymentQueueMixin) -> None:
    # refresh() overwrites what the identity map holds: a plain locked SELECT would hand back the stale row.
    await session.refresh(row, with_for_update={"key_share": True})
