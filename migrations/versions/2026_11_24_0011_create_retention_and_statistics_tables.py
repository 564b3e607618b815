"""Create retention policies and daily statistics, and let what is deleted be reused soon."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_QUEUES = ("service_deployment_queues", "database_deployment_queues")
_EMPTIED = (
    *_QUEUES,
    "service_deployment_log_slices",
    "database_deployment_log_slices",
    "resource_operations",
    "outbox_events",
    "idempotency_keys",
)
# By default a fifth of a table is dead before it is cleaned, and at each round PostgreSQL pauses to spare the disk.
_VACUUM = {
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_threshold": "1000",
    "autovacuum_vacuum_cost_delay": "1",
}
_VACUUM |= {f"toast.{name}": value for name, value in _VACUUM.items()}


def upgrade() -> None:
    op.create_table(
        "retention_policies",
        sa.Column("team_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("finished_days", sa.Integer(), server_default="90", nullable=True),
        sa.Column("failed_days", sa.Integer(), server_default="90", nullable=True),
        sa.Column("cancelled_days", sa.Integer(), server_default="90", nullable=True),
        sa.Column("keep_last", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("removed_deployments", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("removed_operations", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("removed_log_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("pruned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_removed", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_retention_policies_team_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_retention_policies")),
    )
    op.create_table(
        "deployment_statistics",
        sa.Column("team_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("span", sa.String(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("resource_uuid", sa.String(length=24), nullable=False),
        sa.Column("server_uuid", sa.String(length=24), nullable=False),
        sa.Column("resource_name", sa.Text(), nullable=False),
        sa.Column("server_name", sa.Text(), nullable=False),
        sa.Column("finished", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.Column("durations", sa.Numeric(), nullable=False),
        sa.Column("waits", sa.Numeric(), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_deployment_statistics_team_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            *("team_id", "level", "span", "day", "kind", "resource_uuid", "server_uuid"),
            name=op.f("pk_deployment_statistics"),
        ),
    )
    for table in _QUEUES:
        op.add_column(table, sa.Column("logs_deleted_at", sa.DateTime(timezone=True), nullable=True))
        op.add_column(table, sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True))
        op.create_index(
            f"ix_{table}_uncounted",
            table,
            ["id"],
            unique=False,
            postgresql_where=sa.text("counted_at IS NULL AND status IN ('finished', 'failed', 'cancelled-by-user')"),
        )
    for table in _EMPTIED:
        settings = ", ".join(f"{name} = {value}" for name, value in _VACUUM.items())
        op.execute(f"ALTER TABLE {table} SET ({settings})")


def downgrade() -> None:
    for table in reversed(_EMPTIED):
        op.execute(f"ALTER TABLE {table} RESET ({', '.join(_VACUUM)})")
    for table in reversed(_QUEUES):
        op.drop_index(f"ix_{table}_uncounted", table_name=table)
        op.drop_column(table, "counted_at")
        op.drop_column(table, "logs_deleted_at")
    op.drop_table("deployment_statistics")
    op.drop_table("retention_policies")
