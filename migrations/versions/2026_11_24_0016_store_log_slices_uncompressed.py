"""Store the slices of a log as they come: compressing them took PostgreSQL three times as long as writing them.

Of 100,000 entries, 2.8 us each with pglz, 0.7 without. A log of up to 4 MiB is compressed when it is sealed.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TABLES = ("service_deployment_log_slices", "database_deployment_log_slices")


def upgrade() -> None:
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN entries SET STORAGE EXTERNAL")


def downgrade() -> None:
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN entries SET STORAGE EXTENDED")
