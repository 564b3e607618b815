"""Encrypted columns in their stored form, whatever table they are in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Select, Table, Text, and_, func, literal, select, tuple_, type_coerce, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

import app.models  # noqa: F401 - fills the metadata
from app.kit.base import Base
from app.kit.encryption import EncryptedJSON, EncryptedText

_NAMES = ("deployment_uuid", "uuid")


@dataclass(frozen=True)
class StoredValue:
    """One value as it is stored; `row` is the primary key, `name` what people call the row by."""

    row: tuple[Any, ...]
    name: str
    text: str


@dataclass(frozen=True)
class EncryptedColumn:
    """One column that holds ciphertext."""

    column: Column[Any]

    def __str__(self) -> str:
        return f"{self.table.name}.{self.column.name}"

    @property
    def table(self) -> Table:
        """The table it is a column of."""
        return self.column.table

    @property
    def key(self) -> tuple[Column[Any], ...]:
        """The columns of the primary key."""
        return tuple(self.table.primary_key.columns)


def encrypted_columns() -> list[EncryptedColumn]:
    """Return every encrypted column there is; a new table's are found by their type."""
    return [
        EncryptedColumn(column)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, EncryptedText | EncryptedJSON)
    ]


class StoredValueRepository:
    """Statements on one encrypted column."""

    def __init__(self, session: AsyncSession, column: EncryptedColumn) -> None:
        self.session = session
        self._column = column
        self._stored = type_coerce(column.column, Text)
        # Eight hex digits and a colon: enough of a value to tell its key, however long it is.
        self._key_id = func.split_part(func.substr(self._stored, 1, 9), ":", 1)

    async def count_by_key(self) -> dict[str, int]:
        """Return how many values each key, named by its id, has written."""
        statement = select(self._key_id, func.count()).where(self._stored.is_not(None)).group_by(self._key_id)
        return dict((await self.session.execute(statement)).all())

    async def written_by(self, key_id: str, *, limit: int) -> list[str]:
        """Return the names of the first rows that a key has written."""
        statement = select(self._name()).where(self._key_id == key_id).order_by(*self._column.key).limit(limit)
        return [str(name) for name in (await self.session.execute(statement)).scalars()]

    async def written_by_others(
        self, key_id: str, known: Sequence[str], after: tuple[Any, ...] | None, *, limit: int
    ) -> list[StoredValue]:
        """Return the next values that one of the `known` keys but not `key_id` has written, by primary key."""
        statement = self._after(
            select(*self._column.key, self._name(), self._stored).where(
                self._key_id != key_id, self._key_id.in_(known)
            ),
            after,
        ).limit(limit)
        rows = await self.session.execute(statement)
        return [StoredValue(row=tuple(row[:-2]), name=str(row[-2]), text=row[-1]) for row in rows]

    async def replace(self, values: Mapping[StoredValue, str]) -> int:
        """Store new texts and return how many; a value that somebody has changed since it was read stays theirs."""
        replaced = 0
        for value, text in values.items():
            same_row = and_(*(column == part for column, part in zip(self._column.key, value.row, strict=True)))
            statement = (
                update(self._column.table)
                .where(same_row, self._stored == value.text)
                .values({self._column.column: literal(text, Text), **self._unchanged()})
            )
            result = await self.session.execute(statement)
            assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE answers; tells the type checker
            replaced += result.rowcount
        return replaced

    def _after(self, statement: Select[Any], after: tuple[Any, ...] | None) -> Select[Any]:
        if after is not None:
            statement = statement.where(tuple_(*self._column.key) > after)
        return statement.order_by(*self._column.key)

    def _name(self) -> Column[Any]:
        columns = self._column.table.columns
        return next((columns[name] for name in _NAMES if name in columns), self._column.key[0])

    def _unchanged(self) -> dict[Column[Any], Column[Any]]:
        # To write a value anew is no change of the row that its owner would want to see.
        columns = self._column.table.columns
        return {columns["updated_at"]: columns["updated_at"]} if "updated_at" in columns else {}
