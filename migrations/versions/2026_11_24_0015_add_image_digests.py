"""Keep which images a deployment ran."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_QUEUES = ("service_deployment_queues", "database_deployment_queues")


def upgrade() -> None:
    for table in _QUEUES:
        op.add_column(table, sa.Column("image_digests", postgresql.JSONB(astext_type=sa.Text()), nullable=True))


def downgrade() -> None:
    for table in reversed(_QUEUES):
        op.drop_column(table, "image_digests")
