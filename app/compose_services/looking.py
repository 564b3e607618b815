"""A look at the containers of a service, kept for when its server is away."""

import asyncio

import structlog
from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.compose.containers import containers_script, parse_containers
from app.compose.plan import ServerFacts
from app.compose_services.repository import record_containers
from app.kit.clock import utcnow
from app.models.service import Service
from app.remote.errors import RemoteError
from app.servers.repository import load_access

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0
"""Who asks is waiting: a server that does not answer in this time leaves what was seen last."""


async def look_at_containers(request: Request, session: AsyncSession, service: Service) -> None:
    """Read a service's containers from its server and keep them with the time; nothing changes if it does not answer.

    Ends the session's transaction before the server is asked; nothing may have been changed in it.
    """
    access = await load_access(session, service.server_id)
    await session.commit()
    if access is None or not access.is_validated:
        return
    facts = ServerFacts(access.data_folder, docker_needs_sudo=access.docker_needs_sudo)
    script, began = containers_script(service.uuid, facts), utcnow()
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            host = await request.app.state.hosts.get(access.address)
            completed = await host.run("sh", stdin=script.encode(), timeout=LOOK_SECONDS)
        found = parse_containers(completed.stdout.decode(errors="replace"))
    except (RemoteError, TimeoutError, ValueError, KeyError, TypeError) as error:
        log.info("no containers were seen", server_id=access.server_id, error=type(error).__name__)
        return
    await record_containers(session, service.id, [container.to_json() for container in found], began)
    await session.refresh(service, ["containers", "containers_at"])
