"""`shiplog api`, `worker` and `migrate`: what they need, what they say when it is not there, and how they end."""

import asyncio
import signal
import socket
from pathlib import Path

import asyncpg
import httpx
import pytest
from alembic.script import ScriptDirectory

from tests.fixtures.postgres import alembic_config
from tests.integration.cli.conftest import files
from tests.integration.cli.running import commandline, descendants, ended, environment, shiplog, start

NEWEST = ScriptDirectory.from_config(alembic_config("")).get_current_head()

DATABASE = "Set SHIPLOG_DATABASE_URL or SHIPLOG_DATABASE_URL_FILE."
REDIS = "Set SHIPLOG_REDIS_URL or SHIPLOG_REDIS_URL_FILE."
KEYS = "Set SHIPLOG_ENCRYPTION_KEYS_FILE to a file with one key a line (`shiplog encryption-key` makes one)."


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["api"], f"{DATABASE} {REDIS} {KEYS}"),
        (["worker"], f"{DATABASE} {REDIS} {KEYS}"),
        (["migrate"], DATABASE),
        (["init", "--email", "ada@example.com"], DATABASE),
        (["member", "add", "ada@example.com"], DATABASE),
        (["token", "create", "--email", "ada@example.com"], DATABASE),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
async def test_missing_settings_are_named_in_one_line(command: list[str], message: str) -> None:
    assert await shiplog(*command) == (2, "", f"shiplog: {message}\n")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"DATABASE_URL": "mysql://ada:hunter2@127.0.0.1/x"},
            "The database URL should look like postgresql://user:password@host:5432/name.",
        ),
        ({"DATABASE_URL": "hunter2"}, "The database URL should look like postgresql://user:password@host:5432/name."),
        ({"REDIS_URL": "http://:hunter2@127.0.0.1"}, "The Redis URL should look like redis://:password@host:6379/0."),
        ({"LEASE_SECONDS": "1"}, "SHIPLOG_LEASE_SECONDS: Input should be greater than or equal to 3."),
        (
            {"DATABASE_URL": "postgresql://ada:hunter2@127.0.0.1/x", "DATABASE_URL_FILE": "/no/such"},
            "Set SHIPLOG_DATABASE_URL or SHIPLOG_DATABASE_URL_FILE, not both.",
        ),
        ({"DATABASE_URL_FILE": "/no/such"}, "/no/such: No such file or directory."),
        (
            {"ENCRYPTION_KEYS_FILE": "/dev/null"},
            "/dev/null: At least one encryption key is needed: `shiplog encryption-key`",
        ),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value.split(":")[0],
)
async def test_wrong_settings_are_named_without_their_values(
    settings: dict[str, str], message: str, tmp_path: Path
) -> None:
    good = {"DATABASE_URL": "postgresql://127.0.0.1/x", "REDIS_URL": "redis://127.0.0.1"}
    if "DATABASE_URL_FILE" in settings:
        del good["DATABASE_URL"]
    (tmp_path / "keys").write_text("0123456789abcdef0123456789abcdef0123456789a=")
    asked = {"ENCRYPTION_KEYS_FILE": str(tmp_path / "keys"), **good, **settings}

    code, out, err = await shiplog("worker", env=environment(**{f"SHIPLOG_{name}": asked[name] for name in asked}))

    assert (code, out) == (2, "")
    assert err.startswith(f"shiplog: {message}")
    assert err.count("\n") == 1
    assert "hunter2" not in err


async def test_migrate_makes_the_schema_and_can_be_run_again(empty_postgres_url: str, tmp_path: Path) -> None:
    env = environment(**files(tmp_path, DATABASE_URL=empty_postgres_url))
    for _ in range(2):
        code, out, _ = await shiplog("migrate", env=env)
        assert (code, out) == (0, f"The schema is at revision {NEWEST}.\n")
    connection = await asyncpg.connect(empty_postgres_url.replace("+asyncpg", ""))
    try:
        assert await connection.fetchval("SELECT count(*) FROM service_deployment_queues") == 0
    finally:
        await connection.close()


async def test_a_database_that_is_away_is_told_without_its_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    env = environment(SHIPLOG_DATABASE_URL=f"postgresql://ada:hunter2@127.0.0.1:{port}/x")
    for command in (["migrate"], ["init", "--email", "ada@example.com"]):
        code, _, err = await shiplog(*command, env=env)
        assert code == 1
        assert err.startswith("shiplog: PostgreSQL does not answer: ")
        assert err.count("\n") == 1
        assert "hunter2" not in err


@pytest.mark.parametrize(("workers", "number"), [(1, signal.SIGTERM), (1, signal.SIGINT), (2, signal.SIGTERM)])
async def test_the_api_serves_until_a_signal(configured: dict[str, str], workers: int, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1"
        process = await start("api", "--fd", "0", "--workers", str(workers), stdin=listener.fileno(), env=configured)
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        assert (await client.get("/health")).text == "OK"
        assert (await client.get("/teams/current")).status_code == 401
    # Python's own resource tracker ends when it sees that the others have.
    below = [pid for pid in descendants(process.pid) if b"resource_tracker" not in commandline(pid)]
    assert len(below) == (1 if workers == 1 else 1 + workers)

    process.send_signal(number)
    _, _, err = await ended(process)

    assert "Traceback" not in err
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]


async def test_a_taken_port_is_named(configured: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, _, err = await shiplog("api", "--port", str(port), env=configured)
    assert code == 1
    assert err == (
        f"shiplog: Nothing can listen on 127.0.0.1:{port} (Address already in use): choose another port with --port.\n"
    )


async def test_a_worker_works_until_a_signal(configured: dict[str, str]) -> None:
    process = await start("worker", env=configured)
    assert process.stderr is not None
    assert b'"worker started"' in await asyncio.wait_for(process.stderr.readline(), 60)

    process.send_signal(signal.SIGTERM)
    code, out, err = await ended(process)

    assert (code, out) == (0, "")
    assert '"worker stopped"' in err
