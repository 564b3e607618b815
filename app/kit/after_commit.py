"""What must happen after a commit and never after a rollback: wake-ups leave the process here."""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

_KEY = "after_commit"


def call_after_commit(session: AsyncSession, call: Callable[[], Awaitable[None]]) -> None:
    """Remember `call` until `run_after_commit`; a rolled back session forgets it."""
    session.info.setdefault(_KEY, []).append(call)


async def commit(session: AsyncSession) -> None:
    """Commit, then run what was asked for, in order. The one commit of a request or job."""
    await session.commit()
    for call in session.info.pop(_KEY, []):
        await call()
