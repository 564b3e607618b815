"""Index the history of one resource by status: the failed ones of a long history were looked for among all."""

from collections.abc import Sequence

from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_RESOURCES = {
    "service_deployment_queues": ["service_id"],
    "database_deployment_queues": ["database_id", "database_type"],
}


def upgrade() -> None:
    # Not CONCURRENTLY, which waits for whoever waits for the migrations' lock; a million rows take seconds.
    for table, resource in _RESOURCES.items():
        op.create_index(
            f"ix_{table}_status_history",
            table,
            [*resource, "status", "created_at", "id"],
            unique=False,
            postgresql_include=["team_id"],
        )


def downgrade() -> None:
    for table in _RESOURCES:
        op.drop_index(f"ix_{table}_status_history", table_name=table)
