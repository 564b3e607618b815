"""Runs the migrations: `alembic upgrade head`, or `shiplog migrate`."""

import asyncio
from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, event, pool
from sqlalchemy.ext.asyncio import create_async_engine

import app.models  # noqa: F401 - loads every table into the metadata
from app.kit.base import Base
from app.kit.encryption import EncryptedJSON, EncryptedText
from app.postgres import UNNAMED_STATEMENTS
from app.settings import get_settings

config = context.config


def _render_item(kind: str, item: object, _: object) -> str | Literal[False]:
    # A migration knows no code of the application: an encrypted column is text to it.
    return "sa.Text()" if kind == "type" and isinstance(item, EncryptedText | EncryptedJSON) else False


def _options() -> dict[str, Any]:
    return {
        "render_item": _render_item,
        "target_metadata": Base.metadata,
        "compare_type": True,
        "compare_server_default": True,
        "transaction_per_migration": True,
    }


def _run(connection: Connection) -> None:
    event.listen(connection, "begin", _limit_waiting)
    context.configure(connection=connection, **_options())
    with context.begin_transaction():
        context.run_migrations()


def _limit_waiting(connection: Connection) -> None:
    # Each migration is a transaction of its own. One that cannot get its lock fails and is run again; it never queues
    # everybody behind it.
    connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")


async def _run_online() -> None:
    url = config.get_main_option("sqlalchemy.url") or get_settings().database()
    engine = create_async_engine(url, poolclass=pool.NullPool, connect_args=UNNAMED_STATEMENTS)
    # Two processes that start at once migrate one after the other. The lock is a transaction's of another connection:
    # the migrations' own transactions end in between, and a session's lock is nobody's behind a pooler.
    async with engine.begin() as guard, engine.connect() as connection:
        await guard.exec_driver_sql("SELECT pg_advisory_xact_lock(7310446172)")
        await connection.run_sync(_run)
    await engine.dispose()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True, **_options())
    with context.begin_transaction():
        context.run_migrations()
elif isinstance(given := config.attributes.get("connection"), Connection):
    _run(given)
else:
    asyncio.run(_run_online())
