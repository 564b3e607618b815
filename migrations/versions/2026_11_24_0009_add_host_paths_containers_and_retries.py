"""Add whether services may use a server's own paths, a service's containers, and when an operation is tried again."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "server_settings", sa.Column("allow_host_paths", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column(
        "services",
        sa.Column("containers", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
    )
    op.add_column("services", sa.Column("containers_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("resource_operations", sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("resource_operations", "retry_at")
    op.drop_column("services", "containers_at")
    op.drop_column("services", "containers")
    op.drop_column("server_settings", "allow_host_paths")
