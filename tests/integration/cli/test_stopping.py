"""`shiplog stop` and `shiplog start`, with operations that a test ends as a worker does."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from app.cli import remote
from app.cli.client import Refused
from app.cli.resources import operations
from app.postgres import Sessions
from tests.deploying import create_place, create_service
from tests.integration.cli.terminal import Terminal


async def _service(terminal: Terminal, sessions: Sessions, status: str) -> str:
    """Return the uuid of a service of the terminal's team."""
    team_id = (await terminal.api.get("/teams/current"))["id"]
    async with sessions.begin() as session:
        place = await create_place(session)
        for table in ("projects", "servers", "private_keys"):
            await session.execute(text(f"UPDATE {table} SET team_id = :id"), {"id": team_id})
        return (await create_service(session, place, status=status)).uuid


async def _end_operation(sessions: Sessions, status: str, reason: str | None) -> None:
    """End the operation that is asked for, once it is."""
    statement = "UPDATE resource_operations SET status = :status, failure_reason = :reason WHERE status = 'queued'"
    while True:
        async with sessions.begin() as session:
            ended: Any = await session.execute(text(f"{statement} RETURNING id"), {"status": status, "reason": reason})
            if ended.all():
                return
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [("finished", None, (0, "shop: stopped\n")), ("failed", "No link.", (1, "shop: not stopped. No link.\n"))],
    ids=["finished", "failed"],
)
async def test_a_stop_is_waited_for(
    terminal: Terminal, sessions: Sessions, status: str, reason: str | None, expected: tuple[int, str]
) -> None:
    await _service(terminal, sessions, "running:healthy")
    (code, printed), _ = await asyncio.gather(
        terminal.ended(operations.stop, resource="shop", docker_cleanup=False), _end_operation(sessions, status, reason)
    )
    assert (code, printed.partition("\n")[2]) == expected


async def test_what_runs_is_not_started_and_what_does_not_is_not_stopped(
    terminal: Terminal, sessions: Sessions
) -> None:
    uuid = await _service(terminal, sessions, "exited")
    with pytest.raises(Refused, match="Service is already stopped"):
        await terminal.run(operations.stop, resource="shop", docker_cleanup=True)
    answer = await terminal.json(remote.start, resource="shop", following=False)
    (active,) = await terminal.api.get("/deployments")
    assert (active["resource_uuid"], active["deployment_uuid"]) == (uuid, answer["deployment_uuid"])
    async with sessions.begin() as session:
        await session.execute(text("UPDATE services SET status = 'running:healthy'"))
    with pytest.raises(Refused, match="Service is already running"):
        await terminal.run(remote.start, resource=uuid, following=False)
