"""`shiplog doctor`: well when all is there, and a thing to do for whatever is not."""

import socket

import pytest
from pydantic import SecretStr

from app.cli.doctor import look_at_api, look_at_installation
from app.kit import encryption
from app.postgres import Sessions
from app.settings import Settings
from tests.deploying import create_place
from tests.integration.cli.terminal import Terminal


async def test_an_installation_that_is_well(api_settings: Settings, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await create_place(session)
    findings = await look_at_installation(api_settings)
    assert [(one.name, one.state) for one in findings] == [
        ("PostgreSQL", "ok"),
        ("Encryption keys", "ok"),
        ("Redis", "ok"),
    ]
    assert findings[1].seen == "1 stored secrets can be read"


async def test_a_key_that_is_lost_a_schema_that_is_not_there_and_a_redis_that_is_away(
    api_settings: Settings, empty_postgres_url: str, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.kit.encryption._installed", encryption.Keyring([encryption.new_key()]))
    async with sessions.begin() as session:
        await create_place(session)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    away = api_settings.model_copy(update={"redis_url": SecretStr(f"redis://:hunter2@127.0.0.1:{port}")})
    _, keys, redis = await look_at_installation(away)
    assert (keys.state, redis.state) == ("wrong", "wrong")
    assert "is not configured" in keys.seen
    assert "Put the key it was written with back" in keys.remedy
    assert "hunter2" not in redis.seen

    empty = api_settings.model_copy(update={"database_url": SecretStr(empty_postgres_url)})
    database = (await look_at_installation(empty))[0]
    assert (database.state, database.remedy) == ("wrong", "shiplog migrate")


async def test_servers_and_the_worker_are_looked_at_through_the_api(terminal: Terminal) -> None:
    version, servers, worker = await look_at_api(terminal.api)
    assert (version.state, worker.state) == ("ok", "ok")
    assert (servers.state, servers.remedy) == (
        "wrong",
        "No key yet. Make one: shiplog key add NAME --file ~/.ssh/id_ed25519",
    )
