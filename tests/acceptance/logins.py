"""Clients of the databases that really run: each logs in with a password and runs one statement."""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as BrokenConnectionError

from tests.acceptance.engine import only_container_of
from tests.rig.engine import docker
from tests.rig.processes import RigError


class RefusedError(Exception):
    """The database did not take the password, or not without TLS, or its certificate is not trusted."""


@dataclass(frozen=True)
class Place:
    """Where a database is: its uuid, its port on this machine, and who signed its certificate, for TLS that is checked."""

    uuid: str
    port: int
    authority: str | None = None


async def ask_postgresql(place: Place, password: str, statement: str) -> str:
    """Run a statement as the user postgres."""
    login = {"host": "127.0.0.1", "port": place.port, "user": "postgres", "password": password}
    trusted = ssl.create_default_context(cadata=place.authority) if place.authority else False
    try:
        connection = await asyncpg.connect(**login, database="postgres", ssl=trusted)
    except asyncpg.InvalidAuthorizationSpecificationError as error:  # a wrong password, too
        raise RefusedError(str(error)) from error
    try:
        return str(await connection.fetchval(statement))
    finally:
        await connection.close()


async def ask_redis(place: Place, password: str, statement: str) -> str:
    """Run a command of Redis or Valkey."""
    trusted: dict[str, Any] = (
        {"ssl": True, "ssl_ca_data": place.authority, "ssl_check_hostname": True} if place.authority else {}
    )
    redis: Any = Redis(host="127.0.0.1", port=place.port, password=password, decode_responses=True, **trusted)
    try:
        return str(await redis.execute_command(*statement.split()))
    except (AuthenticationError, BrokenConnectionError) as error:
        raise RefusedError(str(error)) from error
    finally:
        await redis.aclose()


async def ask_mariadb(place: Place, password: str, statement: str) -> str:
    """Run a statement as the user mariadb, with the image's client and over the network, as no driver is at hand."""
    options = f"[client]\nuser=mariadb\npassword={password}\ndatabase=default\nprotocol=tcp\n"
    options += "ssl-ca=/tmp/ca.pem\nssl-verify-server-cert\n" if place.authority else "skip-ssl\n"
    login = 'umask 077; cat >/tmp/client.cnf; exec mariadb --defaults-extra-file=/tmp/client.cnf -h "$0" -BNe "$1"'
    container = only_container_of(place.uuid).id
    if place.authority:
        docker("exec", "--interactive", container, "sh", "-c", "cat >/tmp/ca.pem", stdin=place.authority.encode())
    command = ["exec", "--interactive", container, "sh", "-c", login, place.uuid, statement]
    try:
        return docker(*command, stdin=options.encode()).strip()
    except RigError as error:
        refusals = ("Access denied", "insecure transport", "SSL connection error")
        raise (RefusedError if any(text in str(error) for text in refusals) else AssertionError)(str(error)) from error


async def ask_clickhouse(place: Place, password: str, statement: str) -> str:
    """Run a statement as the user default, over HTTP."""
    async with httpx.AsyncClient(auth=("default", password), timeout=20) as http:
        answer = await http.post(f"http://127.0.0.1:{place.port}/", content=statement)
    if "password" in answer.text:
        raise RefusedError(answer.text)
    assert answer.is_success, answer.text
    return answer.text.strip()


@dataclass(frozen=True)
class Real:
    """A type that really runs: which port a client uses, how it asks, and what it writes and reads."""

    port: int
    ask: Callable[[Place, str, str], Awaitable[str]]
    write: str
    read: str


_TABLE = "CREATE TABLE ships{} AS SELECT 'Vasa' AS name"
_READ = "SELECT name FROM ships"
REAL = {
    "postgresql": Real(5432, ask_postgresql, _TABLE.format(""), _READ),
    "redis": Real(6379, ask_redis, "SET ship Vasa", "GET ship"),
    "valkey": Real(6379, ask_redis, "SET ship Vasa", "GET ship"),
    "mariadb": Real(3306, ask_mariadb, _TABLE.format(""), _READ),
    "clickhouse": Real(8123, ask_clickhouse, _TABLE.format(" ENGINE = Log"), _READ),
}
"""By the type's slug."""
