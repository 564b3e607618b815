"""PostgreSQL: the engine, and the session of a request, committed before its response leaves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

import asyncpg
from fastapi import Depends, Request
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from app.kit import after_commit
from app.metrics.queries import observe_queries
from app.settings import Settings

Sessions = async_sessionmaker[AsyncSession]

IDLE_MILLISECONDS = 10_000
"""How long a transaction may wait for its client: one whose process froze, or whose machine is gone, would keep its row
locked for hours, and a deployment could not be taken over (found by killing and freezing workers in the middle)."""

UNNAMED_STATEMENTS: Final = {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
"""For asyncpg behind a transaction pooler: a named statement would stay with a connection that is somebody else's next."""


def create_engine(settings: Settings) -> AsyncEngine:
    """Return the engine of one process; connections are made when first used."""
    connect_args: dict[str, Any] = {"timeout": 10, "command_timeout": 60}
    if settings.pooler:
        connect_args |= UNNAMED_STATEMENTS
    else:
        connect_args["server_settings"] = {"idle_in_transaction_session_timeout": str(IDLE_MILLISECONDS)}
    engine = create_async_engine(
        settings.database(),
        pool_size=settings.database_pool_size,
        max_overflow=5,
        pool_timeout=10,
        pool_recycle=1800,
        hide_parameters=True,
        connect_args=connect_args,
    )
    if settings.pooler:
        # A pooler refuses the setting at the start of a connection, and one of a session would reach others.
        @event.listens_for(engine.sync_engine, "begin")
        def limit_idling(connection: Connection) -> None:
            connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_MILLISECONDS}")

    observe_queries(engine)
    return engine


def create_sessions(engine: AsyncEngine) -> Sessions:
    """Return the session factory; rows stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False, autoflush=True)


def create_autocommit_sessions(engine: AsyncEngine, settings: Settings) -> Sessions:
    """Return the factory of sessions whose statements each stand alone, which saves two of three round trips.

    Behind a transaction pooler it makes transactions: outside one, a statement that was parsed on one connection would
    be executed on another.
    """
    return create_sessions(engine if settings.pooler else engine.execution_options(isolation_level="AUTOCOMMIT"))


@asynccontextmanager
async def transaction(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """Open a session, commit at the end and run what waits for the commit; roll back on any exception."""
    async with sessions() as session:
        yield session
        await after_commit.commit(session)


# Connection exceptions, too many connections, shutting down, starting up, and a standby after a failover.
_AWAY_STATES = ("08", "53300", "57P01", "57P02", "57P03", "25006")


def is_away(error: Exception) -> bool:
    """Return whether an exception means that PostgreSQL cannot be worked with now, whatever the statement.

    What asyncpg raises while it connects arrives as it is; what it raises later arrives inside SQLAlchemy's.
    """
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or state.startswith(_AWAY_STATES)
    return isinstance(error, OSError | PoolTimeoutError | asyncpg.PostgresError | asyncpg.InterfaceError)


async def _get_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with transaction(request.app.state.sessions) as session:
        yield session


async def _get_reader(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.readers() as session:
        yield session


# scope="function": FastAPI would otherwise run the commit after the response, and a client could be told of a row
# that is not there.
Session = Annotated[AsyncSession, Depends(_get_session, scope="function")]

# For requests that only read: they may see what was committed between two of their statements, as in a transaction.
ReadSession = Annotated[AsyncSession, Depends(_get_reader, scope="function")]
