"""Index a team's list by status and by server, and drop the index on the time alone, which misled the planner."""

from collections.abc import Sequence

from alembic import op

revision: str = "0021"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TABLES = ("service_deployment_queues", "database_deployment_queues")


def upgrade() -> None:
    # Not CONCURRENTLY, which waits for whoever waits for the migrations' lock; a million rows take seconds.
    for table in _TABLES:
        op.create_index(f"ix_{table}_team_id_status", table, ["team_id", "status", "created_at", "id"], unique=False)
        op.create_index(
            f"ix_{table}_team_id_server", table, ["team_id", "server_uuid", "created_at", "id"], unique=False
        )
        op.drop_index(f"ix_{table}_created_at", table_name=table)


def downgrade() -> None:
    for table in _TABLES:
        op.create_index(f"ix_{table}_created_at", table, ["created_at"], unique=False)
        op.drop_index(f"ix_{table}_team_id_server", table_name=table)
        op.drop_index(f"ix_{table}_team_id_status", table_name=table)
