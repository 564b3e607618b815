"""Looks at the containers of every server, so that a status is never older than a minute, whoever changed it.

Each server is taken by one worker at a time. What is being deployed or stopped is left alone: its end tells.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.compose.plan import ServerFacts
from app.kit.clock import utcnow
from app.operations.repository import record_statuses
from app.operations.status import look_around_script, parse_statuses
from app.postgres import Sessions
from app.remote.errors import RemoteError
from app.remote.host import Host, HostPool
from app.servers.repository import (
    ServerAccess,
    load_access,
    record_reachability,
    servers_to_validate,
    take_servers_to_look_at,
)
from app.servers.validation import do_requested_validation
from app.settings import Settings

log = structlog.get_logger(__name__)

AT_ONCE = 10
ROUND_SECONDS = 5.0
LOOK_SECONDS = 30.0


AfterLook = Callable[[Sessions, Host, ServerAccess], Awaitable[object]]


async def watch_servers(sessions: Sessions, hosts: HostPool, settings: Settings, *, after_look: AfterLook) -> None:
    """Look for ever at the servers that are due, and do the validations whose nudge was lost.

    `after_look` is called with each server that answered, while it is this worker's turn there.
    """
    while True:
        try:
            await watch_once(sessions, hosts, older_than=settings.status_seconds, after_look=after_look)
        except (SQLAlchemyError, OSError) as error:
            log.warning("PostgreSQL is away, looking at the servers later", error=type(error).__name__)
        await asyncio.sleep(min(ROUND_SECONDS, settings.status_seconds))


async def _nothing_more(sessions: Sessions, host: Host, access: ServerAccess) -> None:
    del sessions, host, access


async def watch_once(
    sessions: Sessions, hosts: HostPool, *, older_than: float, after_look: AfterLook = _nothing_more
) -> int:
    """One round; return how many servers were looked at."""
    async with sessions.begin() as session:
        due = await take_servers_to_look_at(session, older_than=older_than)
        unvalidated = await servers_to_validate(session)
    at_once = asyncio.Semaphore(AT_ONCE)

    async def look(server_id: int) -> None:
        async with at_once:
            await look_around(sessions, hosts, server_id, after_look)

    async def validate(server_id: int) -> None:
        async with at_once:
            await do_requested_validation(sessions, hosts, server_id)

    await asyncio.gather(*map(look, due), *map(validate, unvalidated))
    return len(due)


async def look_around(sessions: Sessions, hosts: HostPool, server_id: int, after_look: AfterLook) -> None:
    """Look at all containers of a server and record what has changed; a server that does not answer is noted as such."""
    async with sessions() as session:
        access = await load_access(session, server_id)
    if access is None or not access.is_validated:
        return
    facts = ServerFacts(access.data_folder, docker_needs_sudo=access.docker_needs_sudo)
    began = utcnow()
    try:
        host = await hosts.get(access.address)
        completed = await host.run("sh", stdin=look_around_script(facts).encode(), timeout=LOOK_SECONDS)
        statuses = parse_statuses(completed.stdout.decode(errors="replace")) if completed.exit_code == 0 else None
        await after_look(sessions, host, access)
    except RemoteError as error:
        log.info("a server does not answer", server_id=server_id, error=str(error))
        async with sessions.begin() as session:
            await record_reachability(session, server_id, is_reachable=False)
        return
    except ValueError as error:
        log.info("a server's answer cannot be read", server_id=server_id, error=str(error))
        return
    async with sessions.begin() as session:
        await record_reachability(session, server_id, is_reachable=True)
        if statuses is not None:
            await record_statuses(session, server_id, statuses, began)
