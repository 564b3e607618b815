"""Add the indexes that the claim, the history and the sweep use."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "ix_service_deployment_queues_active",
        "service_deployment_queues",
        ["server_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'in_progress')"),
    )
    op.create_index(
        "ix_service_deployment_queues_history",
        "service_deployment_queues",
        ["service_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_service_deployment_queues_team_id_created_at",
        "service_deployment_queues",
        ["team_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "service_deployments_server_status_time",
        "service_deployment_queues",
        ["server_id", "status", "created_at"],
        unique=False,
    )
    op.create_index(
        "uq_service_deployment_queues_in_progress",
        "service_deployment_queues",
        ["service_id"],
        unique=True,
        postgresql_where=sa.text("status = 'in_progress'"),
    )
    op.create_index(
        "database_deployments_server_status_time",
        "database_deployment_queues",
        ["server_id", "status", "created_at"],
        unique=False,
    )
    op.create_index(
        "ix_database_deployment_queues_active",
        "database_deployment_queues",
        ["server_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'in_progress')"),
    )
    op.create_index(
        "ix_database_deployment_queues_history",
        "database_deployment_queues",
        ["database_id", "database_type", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_database_deployment_queues_team_id_created_at",
        "database_deployment_queues",
        ["team_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_database_deployment_queues_in_progress",
        "database_deployment_queues",
        ["database_type", "database_id"],
        unique=True,
        postgresql_where=sa.text("status = 'in_progress'"),
    )


def downgrade() -> None:
    op.drop_index(
        "uq_database_deployment_queues_in_progress",
        table_name="database_deployment_queues",
        postgresql_where=sa.text("status = 'in_progress'"),
    )
    op.drop_index("ix_database_deployment_queues_team_id_created_at", table_name="database_deployment_queues")
    op.drop_index("ix_database_deployment_queues_history", table_name="database_deployment_queues")
    op.drop_index(
        "ix_database_deployment_queues_active",
        table_name="database_deployment_queues",
        postgresql_where=sa.text("status IN ('queued', 'in_progress')"),
    )
    op.drop_index("database_deployments_server_status_time", table_name="database_deployment_queues")
    op.drop_index(
        "uq_service_deployment_queues_in_progress",
        table_name="service_deployment_queues",
        postgresql_where=sa.text("status = 'in_progress'"),
    )
    op.drop_index("service_deployments_server_status_time", table_name="service_deployment_queues")
    op.drop_index("ix_service_deployment_queues_team_id_created_at", table_name="service_deployment_queues")
    op.drop_index("ix_service_deployment_queues_history", table_name="service_deployment_queues")
    op.drop_index(
        "ix_service_deployment_queues_active",
        table_name="service_deployment_queues",
        postgresql_where=sa.text("status IN ('queued', 'in_progress')"),
    )
