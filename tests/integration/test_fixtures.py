"""The fixtures give each test a database and a Valkey that nobody else has written to."""

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine


@pytest.mark.parametrize("attempt", [1, 2])
async def test_every_test_gets_an_empty_migrated_database(postgres_url: str, attempt: int) -> None:
    engine = create_async_engine(postgres_url)
    try:
        async with engine.begin() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM teams"))).scalar() == 0
            await connection.execute(text("CREATE TABLE left_behind ()"))
    finally:
        await engine.dispose()


@pytest.mark.parametrize("attempt", [1, 2])
async def test_every_test_gets_an_empty_valkey(redis_url: str, attempt: int) -> None:
    client = Redis.from_url(redis_url)
    try:
        assert await client.dbsize() == 0
        await client.set("left", "behind")
    finally:
        await client.aclose()
