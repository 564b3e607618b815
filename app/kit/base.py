"""The declarative base of every table: names of constraints, ids, timestamps."""

from datetime import datetime

from sqlalchemy import DateTime, MetaData, String, func
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.kit.clock import utcnow
from app.kit.ids import new_uuid


class Base(AsyncAttrs, DeclarativeBase):
    """Every table of Shiplog; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012 - SQLAlchemy reads it from the class


class IdMixin:
    """An internal integer id; never leaves the process except where the plan's columns say so."""

    id: Mapped[int] = mapped_column(primary_key=True)


class UuidMixin:
    """The public id."""

    uuid: Mapped[str] = mapped_column(String(24), unique=True, default=new_uuid)


class TimestampMixin:
    """When the row was made and last changed, UTC."""

    created_at: Mapped[datetime] = mapped_column(default=utcnow, server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(default=utcnow, server_default=func.now(), onupdate=utcnow)
