"""Create the tables of the pages' sign-ins."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TABLES = ("web_sessions", "sign_in_links")


def upgrade() -> None:
    for table in _TABLES:
        op.create_table(
            table,
            sa.Column("secret_hash", sa.String(length=64), nullable=False),
            sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
            sa.Column("token_id", sa.Integer(), nullable=False),
            sa.ForeignKeyConstraint(
                ["token_id"], ["api_tokens.id"], name=op.f(f"fk_{table}_token_id"), ondelete="CASCADE"
            ),
            sa.PrimaryKeyConstraint("secret_hash", name=op.f(f"pk_{table}")),
        )
        op.create_index(op.f(f"ix_{table}_expires_at"), table, ["expires_at"])
        op.create_index(op.f(f"ix_{table}_token_id"), table, ["token_id"])


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
