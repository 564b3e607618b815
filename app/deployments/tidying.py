"""Removes what runs left on a server: unredacted output that a worker could not remove when their logs were ours."""

import structlog

from app.deployments.repository import ended_among
from app.postgres import Sessions
from app.remote.detached import DetachedRun, leftovers
from app.remote.errors import RemoteError
from app.remote.host import Host
from app.servers.repository import ServerAccess

log = structlog.get_logger(__name__)

SETTLED_SECONDS = 60
"""A run that has just been settled is sealed by the worker that did it."""

UNKNOWN_SECONDS = 24 * 3600
"""After so long a run that no row knows of is nobody's; a database that was restored may know it again before."""


async def tidy_runs(
    sessions: Sessions, host: Host, access: ServerAccess, *, settled_seconds: int = SETTLED_SECONDS
) -> int:
    """Seal the runs on a server whose deployments have ended, and end those that nobody knows; return how many."""
    folder = f"{access.data_folder}/runs"
    found = {one.uuid: one for one in await leftovers(host, folder) if one.age_seconds >= settled_seconds}
    if not found:
        return 0
    async with sessions() as session:
        ended = await ended_among(session, list(found))
    count = 0
    for uuid, leftover in found.items():
        is_unknown = uuid not in ended
        if ended.get(uuid) is False or (is_unknown and leftover.age_seconds < UNKNOWN_SECONDS):
            continue
        run = DetachedRun(host, f"{folder}/{uuid}", uuid)
        try:
            if leftover.alive:
                await run.cancel()
            await run.seal()
        except RemoteError as error:
            log.info("the run folder stays for now", deployment_uuid=uuid, error=str(error))
        else:
            count += 1
    return count
