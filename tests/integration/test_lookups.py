"""Look-ups past SQLAlchemy: without PostgreSQL they say so, and they are back as soon as it is."""

import httpx
import pytest
from sqlalchemy import Integer, bindparam, literal_column, make_url, select, text

from app.lookups import Lookup, Lookups
from app.postgres import create_engine
from app.settings import Settings
from tests.fixtures.api import MakeToken
from tests.fixtures.postgres import PostgresServer


async def test_a_lookup_answers_503_while_postgres_is_away_and_works_again_after_it(
    api: httpx.AsyncClient,
    make_token: MakeToken,
    postgres_server: PostgresServer,
    postgres_url: str,
) -> None:
    headers = (await make_token()).headers
    path, database = "/deployments/none", make_url(postgres_url).database
    assert (await api.get(path, headers=headers)).status_code == 404
    await postgres_server.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
    await postgres_server.execute(
        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database}'"
    )
    for _ in range(2):  # over the connection that it had, and over none
        answer = await api.get(path, headers=headers)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    await postgres_server.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
    assert (await api.get(path, headers=headers)).status_code == 404


@pytest.mark.parametrize("pooler", [False, True], ids=["direct", "pooler"])
async def test_a_statement_stays_prepared_unless_a_pooler_is_between(api_settings: Settings, pooler: bool) -> None:
    settings = api_settings.model_copy(update={"pooler": pooler})
    engine = create_engine(settings)
    lookups = Lookups(engine, settings)
    number = Lookup(select(bindparam("number", type_=Integer) + 1))
    prepared = Lookup(select(literal_column("count(*)", Integer)).select_from(text("pg_prepared_statements")))
    assert [(await lookups.one(number, number=one) or [])[0] for one in (1, 2)] == [2, 3]
    found = await lookups.one(prepared)
    assert found is not None
    # A pooler's connections get statements without a name, of which there is no more than the one that runs.
    assert found[0] == (0 if pooler else 2)
    await lookups.close()
    await engine.dispose()
