"""Connections as every process makes them."""

import pytest
from sqlalchemy import text

from app.postgres import create_autocommit_sessions, create_engine, create_sessions
from app.settings import Settings


@pytest.mark.parametrize("pooler", [False, True])
async def test_no_transaction_waits_for_its_client_for_long(postgres_url: str, pooler: bool) -> None:
    engine = create_engine(Settings(database_url=postgres_url, pooler=pooler))
    async with create_sessions(engine).begin() as session:
        limit = (await session.execute(text("SHOW idle_in_transaction_session_timeout"))).scalar_one()
    await engine.dispose()
    assert limit == "10s"


@pytest.mark.parametrize("pooler", [False, True])
async def test_who_only_reads_is_in_a_transaction_behind_a_pooler_alone(postgres_url: str, pooler: bool) -> None:
    settings = Settings(database_url=postgres_url, pooler=pooler)
    engine = create_engine(settings)
    moment = text("SELECT now()")  # the beginning of the transaction
    async with create_autocommit_sessions(engine, settings)() as session:
        first, second = [(await session.execute(moment)).scalar_one() for _ in range(2)]
    await engine.dispose()
    assert (first == second) is pooler
