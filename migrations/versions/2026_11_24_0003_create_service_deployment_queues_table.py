"""Create the service deployment queue and its log slices."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "service_deployment_queues",
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("service_name", sa.Text(), nullable=False),
        sa.Column("pull_latest_images", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("stop_before_start", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("resource_uuid", sa.String(length=24), nullable=False),
        sa.Column("deployment_uuid", sa.String(length=24), nullable=False),
        sa.Column("status", sa.String(length=32), server_default="queued", nullable=False),
        sa.Column("action", sa.String(length=16), server_default="start", nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("is_api", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=True),
        sa.Column("server_id", sa.String(length=20), nullable=False),
        sa.Column("server_uuid", sa.String(length=24), nullable=False),
        sa.Column("server_name", sa.Text(), nullable=False),
        sa.Column("deployment_url", sa.Text(), nullable=True),
        sa.Column("current_process_id", sa.String(length=20), nullable=True),
        sa.Column("configuration_snapshot", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_reason", sa.Text(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("phase", sa.String(length=16), nullable=True),
        sa.Column("step", sa.Integer(), server_default="0", nullable=False),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("run_clock", sa.DateTime(timezone=True), nullable=True),
        sa.Column("logs", sa.Text(), nullable=True),
        sa.Column("log_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("log_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("dropped_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("stdout_offset", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("stderr_offset", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.String(length=24), nullable=True),
        sa.Column("lease_epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("fk_service_deployment_queues_service_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_service_deployment_queues_team_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_deployment_queues")),
        sa.UniqueConstraint("deployment_uuid", name=op.f("uq_service_deployment_queues_deployment_uuid")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "ix_service_deployment_queues_created_at", "service_deployment_queues", ["created_at"], unique=False
    )
    op.create_index(
        "ix_service_deployment_queues_service_id_status",
        "service_deployment_queues",
        ["service_id", "status"],
        unique=False,
    )
    op.create_table(
        "service_deployment_log_slices",
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("first_order", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry_count", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["service_deployment_queues.id"],
            name=op.f("fk_service_deployment_log_slices_deployment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("deployment_id", "first_order", name=op.f("pk_service_deployment_log_slices")),
    )


def downgrade() -> None:
    op.drop_table("service_deployment_log_slices")
    op.drop_table("service_deployment_queues")
