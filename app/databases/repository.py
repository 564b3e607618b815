"""Statements around one database: the lock of its server, and whether it has been started."""

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.database_deployment_queue import DatabaseDeploymentQueue
from app.models.server import Server
from app.models.standalone.columns import StandaloneMixin


async def lock_server(session: AsyncSession, server_id: int) -> None:
    """Lock the server's row, so that two requests cannot take the same public port; lock resources before."""
    await session.execute(select(Server.id).where(Server.id == server_id).with_for_update(key_share=True))


async def may_have_started(session: AsyncSession, database: StandaloneMixin) -> bool:
    """Return whether the image may have read its settings: something ran, or waits with a snapshot of them.

    A history that was pruned says nothing, so a status that was ever set counts too.
    """
    if database.status_at is not None:
        return True
    queue = DatabaseDeploymentQueue
    began = exists().where(
        queue.database_id == str(database.id),
        queue.database_type == database.resource_type,
        or_(queue.started_at.is_not(None), queue.status == "queued"),
    )
    return bool((await session.execute(select(began))).scalar_one())
