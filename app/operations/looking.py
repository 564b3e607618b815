"""A look at the server before a request is refused because of what a resource's status says."""

import asyncio

import structlog
from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.compose.plan import ServerFacts
from app.kit.clock import utcnow
from app.models.resource import DeployableMixin
from app.operations.repository import record_statuses
from app.operations.status import UNKNOWN, look_at
from app.remote.errors import RemoteError
from app.servers.repository import load_access

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0
"""Who asks is waiting: a server that does not answer in this time leaves the status as it was."""


async def look_before_refusing(
    request: Request, session: AsyncSession, resource: DeployableMixin, doubted: str
) -> None:
    """If the status says `doubted` (running, exited), look at the containers and record what is really so.

    Ends the session's transaction before the server is asked; nothing may have been changed in it.
    """
    if doubted not in resource.status:
        return
    access = await load_access(session, resource.server_id)
    await session.commit()
    if access is None or not access.is_validated:
        return
    facts = ServerFacts(access.data_folder, docker_needs_sudo=access.docker_needs_sudo)
    began = utcnow()
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            host = await request.app.state.hosts.get(access.address)
            status = await look_at(host, facts, resource.uuid, timeout=LOOK_SECONDS)
    except (RemoteError, TimeoutError) as error:
        log.info("a server does not answer", server_id=access.server_id, error=type(error).__name__)
        return
    if status != UNKNOWN:
        await record_statuses(session, access.server_id, {resource.uuid: status}, began, only=resource.uuid)
        await session.commit()
        await session.refresh(resource, ["status", "status_at"])
