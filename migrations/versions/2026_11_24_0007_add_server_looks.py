"""Add to a server's settings when its containers were looked at last, and the validation somebody asked for."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("server_settings", sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("server_settings", sa.Column("validation_requested_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "server_settings", sa.Column("accepts_new_host_key", sa.Boolean(), server_default="false", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("server_settings", "accepts_new_host_key")
    op.drop_column("server_settings", "validation_requested_at")
    op.drop_column("server_settings", "looked_at")
