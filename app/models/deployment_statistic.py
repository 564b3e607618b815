"""The roll-up by day and month: how deployments ended and how long they took; it stays when their rows are removed."""

from datetime import date
from decimal import Decimal

from sqlalchemy import ForeignKey, Numeric, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base


class DeploymentStatistic(Base):
    """One day or month, by the UTC day of the end: of a resource on a server, of all on a server, or of the team.

    A query reads the coarsest rows that answer it: whole months where days are not asked for. `durations` and `waits` are
    histograms: numbers whose groups of digits count buckets, so that `sum()` adds them (app/statistics/histogram.py).
    """

    __tablename__ = "deployment_statistics"

    team_id: Mapped[int] = mapped_column(
        ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    level: Mapped[str] = mapped_column(String(16), primary_key=True)
    """`resource`, `server` or `team`; what a level adds up is the empty text in its rows."""
    span: Mapped[str] = mapped_column(String(16), primary_key=True)
    """`day` or `month`."""
    day: Mapped[date] = mapped_column(primary_key=True)
    """The first one of the span."""
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    resource_uuid: Mapped[str] = mapped_column(String(24), primary_key=True)
    server_uuid: Mapped[str] = mapped_column(String(24), primary_key=True)
    resource_name: Mapped[str] = mapped_column(Text)
    server_name: Mapped[str] = mapped_column(Text)
    finished: Mapped[int]
    failed: Mapped[int]
    cancelled: Mapped[int]
    durations: Mapped[Decimal] = mapped_column(Numeric)
    waits: Mapped[Decimal] = mapped_column(Numeric)
