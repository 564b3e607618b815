"""The daily roll-up: how many deployments ended how, and how long they took; stays when their rows are removed."""

from datetime import date
from decimal import Decimal

from sqlalchemy import ForeignKey, Numeric, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base


class DeploymentStatistic(Base):
    """One day of one resource on one server, by the UTC day of the end.

    `durations` and `waits` are histograms: numbers whose k-th group of twelve decimal digits counts the k-th bucket, so
    that `sum()` adds histograms (app/statistics/histogram.py).
    """

    __tablename__ = "deployment_statistics"

    team_id: Mapped[int] = mapped_column(
        ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    day: Mapped[date] = mapped_column(primary_key=True)
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
