"""PostgreSQL past SQLAlchemy: single statements that nearly every request runs, compiled once, prepared once a connection.

Of the 2.5 ms that a request cost, building, caching and unpacking three statements in the ORM was the larger part.
"""

import asyncio
import time
from contextlib import suppress
from typing import Any

import asyncpg
from sqlalchemy import Dialect, Select
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.ext.asyncio import AsyncEngine

from app.metrics.queries import observe
from app.settings import Settings

DIALECT: Dialect = asyncpg_dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
"""How a statement is written for asyncpg."""

_MOST_CONNECTIONS = 4
"""A look-up holds one for a tenth of a millisecond: four serve more requests than one process can take."""

_WAIT_SECONDS = 10
_IDLE_SECONDS = 300
"""Nobody knows what became of a connection that nothing was sent over for so long."""

_CLOSE_SECONDS = 2


class Lookup:
    """A statement in SQLAlchemy's words that returns at most one row, compiled once; its parameters have names."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        compiled = statement.compile(dialect=DIALECT)
        self.sql = str(compiled)
        self._defaults = [(name, compiled.params[name]) for name in compiled.positiontup or ()]

    def values(self, given: dict[str, Any]) -> list[Any]:
        """Return the parameters in their order."""
        return [given.get(name, default) for name, default in self._defaults]


class Lookups:
    """A few connections for look-ups; none is made before the first one.

    asyncpg's own pool took two thirds of what a look-up takes. Behind a transaction pooler each one is a transaction:
    outside one, a statement that was parsed on one connection would be executed on another.
    """

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        _, self._where = engine.dialect.create_connect_args(engine.url)
        self._where.pop("prepared_statement_cache_size", None)  # SQLAlchemy's own
        self._is_pooled = settings.pooler
        self._free = asyncio.Semaphore(_MOST_CONNECTIONS)
        self._idle: list[tuple[float, asyncpg.Connection]] = []
        self._is_closed = False

    async def one(self, lookup: Lookup, **values: Any) -> asyncpg.Record | None:
        """Return the row that a look-up finds."""
        if self._free.locked():
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._free.acquire()
        else:
            await self._free.acquire()
        began = time.perf_counter()
        try:
            return await self._ask(lookup, lookup.values(values))
        finally:
            self._free.release()
            observe(lookup.sql, time.perf_counter() - began)

    async def close(self) -> None:
        """Close the connections; one still in use is closed by whoever uses it."""
        self._is_closed = True
        while self._idle:
            _, connection = self._idle.pop()
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await connection.close(timeout=_CLOSE_SECONDS)

    async def _ask(self, lookup: Lookup, values: list[Any]) -> asyncpg.Record | None:
        connection = self._take_idle() or await self._connect()
        try:
            if self._is_pooled:
                async with connection.transaction():
                    row = await connection.fetchrow(lookup.sql, *values)
            else:
                row = await connection.fetchrow(lookup.sql, *values)
        except asyncpg.InternalClientError as error:
            # asyncpg's word for a connection whose server died while it was asked; the connection is nobody else's.
            connection.terminate()
            raise asyncpg.ConnectionDoesNotExistError("The connection to PostgreSQL was lost.") from error
        except BaseException:
            connection.terminate()  # whatever it was, nobody needs to find out what state it is in
            raise
        if self._is_closed:
            connection.terminate()
        else:
            self._idle.append((time.monotonic(), connection))
        return row

    def _take_idle(self) -> asyncpg.Connection | None:
        while self._idle:
            since, connection = self._idle.pop()
            if not connection.is_closed() and time.monotonic() - since < _IDLE_SECONDS:
                return connection
            connection.terminate()
        return None

    async def _connect(self) -> asyncpg.Connection:
        cache = {"statement_cache_size": 0} if self._is_pooled else {}
        return await asyncpg.connect(**self._where, **cache, timeout=_WAIT_SECONDS, command_timeout=60)
