"""`shiplog doctor`: is everything there that an installation needs, and if not, what is to be done."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from app.cli import access
from app.cli.client import Api
from app.cli.finding import KEY, SERVER, none_yet
from app.cli.output import Output, field
from app.cli.problem import Problem
from app.cli.resources.servers import state_of
from app.kit.clock import to_text, utcnow
from app.settings import Settings

_SECONDS = 10
_PATIENCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Finding:
    """What was looked at, `ok` or `wrong`, what was seen, and what to do about it."""

    name: str
    state: str
    seen: str
    remedy: str = ""


def run_doctor(*, as_json: bool) -> int:
    """Look at everything that is configured; return 0 when nothing is wrong."""
    out = Output(as_json=as_json)
    findings = asyncio.run(_examine())
    columns = {"Part": field("name"), "State": field("state"), "Seen": field("seen"), "To do": field("remedy")}
    out.items([asdict(finding) for finding in findings], columns, empty="")
    return int(any(finding.state != "ok" for finding in findings))


async def _examine() -> list[Finding]:
    findings: list[Finding] = []
    settings = _own_settings()
    if settings is not None:
        findings += await look_at_installation(settings)
    if access.is_configured():
        findings += await _look_at_api()
    if not findings:
        raise Problem(
            "There is nothing to look at: give the settings of an installation (SHIPLOG_DATABASE_URL_FILE …), or log in to "
            "one with `shiplog login`.",
            exit_code=2,
        )
    return findings


def _own_settings() -> Settings | None:
    """Return the settings of the installation on this machine; None where none of the three parts is configured."""
    from app.cli.configuration import read_settings
    from app.settings import get_settings

    try:
        settings = get_settings()
    except ValueError:
        return read_settings()  # which says what is wrong
    parts = (
        settings.database_url,
        settings.database_url_file,
        settings.redis_url,
        settings.redis_url_file,
        settings.encryption_keys_file,
    )
    return read_settings() if any(parts) else None


async def look_at_installation(settings: Settings) -> list[Finding]:
    """Look at PostgreSQL, its schema, the encryption keys and Redis."""
    database = await _look_at_database(settings.database())
    findings = [database]
    if database.state == "ok":
        findings.append(await _look_at_keys(settings))
    return [*findings, await _look_at_redis(settings.redis())]


async def _look_at_database(url: str) -> Finding:
    import asyncpg

    from app.cli.migrating import newest_revisions, revisions

    name = "PostgreSQL"
    try:
        found = await revisions(url)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        text = str(error) or type(error).__name__
        return Finding(name, "wrong", f"does not answer: {text}", "Start it, or correct SHIPLOG_DATABASE_URL_FILE.")
    wanted = newest_revisions()
    shown = ", ".join(sorted(found)) or "none"
    if found == wanted:
        return Finding(name, "ok", f"schema at revision {shown}")
    return Finding(name, "wrong", f"schema at revision {shown}, not {', '.join(sorted(wanted))}", "shiplog migrate")


async def _look_at_keys(settings: Settings) -> Finding:
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    from app.kit import encryption
    from app.postgres import UNNAMED_STATEMENTS, create_sessions
    from app.servers.repository import PrivateKeyRepository, RegistryCredentialRepository

    name = "Encryption keys"
    encryption.install(encryption.Keyring(settings.encryption_keys()))
    engine = create_async_engine(settings.database(), poolclass=NullPool, connect_args=UNNAMED_STATEMENTS)
    try:
        async with create_sessions(engine)() as session:
            keys, logins = PrivateKeyRepository(session), RegistryCredentialRepository(session)
            read = len(await keys.all(keys.statement())) + len(await logins.all(logins.statement()))
    except encryption.DecryptionError as error:
        remedy = f"Put the key it was written with back into {settings.encryption_keys_file}, after the others."
        return Finding(name, "wrong", str(error), remedy)
    finally:
        await engine.dispose()
    return Finding(name, "ok", f"{read} stored secrets can be read")


async def _look_at_redis(url: str) -> Finding:
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    client = Redis.from_url(url, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS)
    try:
        answer: Awaitable[Any] = client.ping()
        await answer
    except (RedisError, OSError) as error:
        seen = f"does not answer: {error}"
        return Finding("Redis", "wrong", seen, "Start it, or correct SHIPLOG_REDIS_URL_FILE; until then all is slower.")
    finally:
        await client.aclose()
    return Finding("Redis", "ok", "answers")


async def _look_at_api() -> list[Finding]:
    where = access.find_access()
    async with Api(where.url, where.token) as api:
        try:
            return await look_at_api(api)
        except Problem as problem:
            return [Finding("API", "wrong", str(problem), "Start it, or log in again: shiplog login URL")]


async def look_at_api(api: Api) -> list[Finding]:
    """Look at the API, the team's keys and servers, and whether anything waits that nobody works on."""
    findings = [Finding("API", "ok", f"{api.url} is version {await api.get('/version')}")]
    servers = await api.get(SERVER.path)
    if not servers:
        noun = SERVER if await api.get(KEY.path) else KEY
        findings.append(Finding("Servers", "wrong", "none", none_yet(noun)))
    findings += [_judged(server) for server in servers]
    return [*findings, judge_worker(await api.get("/deployments"))]


def judge_worker(active: Sequence[dict[str, Any]]) -> Finding:
    """Tell by what runs and waits whether somebody works: a queued one is taken within seconds when it can be."""
    long_ago = to_text(utcnow() - _PATIENCE)
    busy = {row["server_uuid"] for row in active if row["status"] == "in_progress"}
    waiting = [
        row
        for row in active
        if row["status"] == "queued"
        and row["created_at"] < long_ago
        and row["server_uuid"] not in busy
        and not row["failure_reason"]  # which says what it waits for
    ]
    if not waiting:
        return Finding("Worker", "ok", f"{len(active)} deployments are under way, none is left lying")
    seen = f"{len(waiting)} deployments wait for over a minute and nobody takes them"
    return Finding("Worker", "wrong", seen, "shiplog worker")


def _judged(server: dict[str, Any]) -> Finding:
    name = f"Server {server['name']}"
    if server["is_usable"]:
        return Finding(name, "ok", f"Docker {server['docker_version']}, Compose {server['compose_version']}")
    last = (server["validation_logs"] or "").strip().rpartition("\n")[2]
    seen = f"{state_of(server)}: {last}" if last else state_of(server)
    return Finding(name, "wrong", seen, f"shiplog server validate {server['name']}")
