"""Connections as every process makes them."""

import pytest
from sqlalchemy import text

from app.postgres import create_engine, create_sessions
from app.settings import Settings


@pytest.mark.parametrize("pooler", [False, True])
async def test_no_transaction_waits_for_its_client_for_long(postgres_url: str, pooler: bool) -> None:
    engine = create_engine(Settings(database_url=postgres_url, pooler=pooler))
    async with create_sessions(engine).begin() as session:
        limit = (await session.execute(text("SHOW idle_in_transaction_session_timeout"))).scalar_one()
    await engine.dispose()
    assert limit == "10s"
