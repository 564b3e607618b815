"""`Repository[M]`: the one place where a package's statements on table M live."""

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.kit.base import Base

M = TypeVar("M", bound=Base)


class Repository(Generic[M]):
    """Statements on one table. Methods build a `Select`; `one_or_none` and `all` run it."""

    model: ClassVar[type[Any]]

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    def statement(self) -> Select[M]:
        """Return `SELECT` of the whole table, to be narrowed."""
        return select(self.model)

    async def one_or_none(self, statement: Select[M]) -> M | None:
        """Return the only row, or None."""
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def all(self, statement: Select[M]) -> Sequence[M]:
        """Return every row."""
        return (await self.session.execute(statement)).scalars().all()

    async def add(self, row: M) -> M:
        """Insert and flush, so that defaults and constraint errors are there now; the commit stays at the edge."""
        self.session.add(row)
        await self.session.flush()
        return row

    async def delete(self, row: M) -> None:
        """Delete and flush."""
        await self.session.delete(row)
        await self.session.flush()
