"""The first page: what runs and waits, what happened last, and how the servers are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import AnyQueue, kind_named
from app.deployments.presenting import present
from app.deployments.reading import read_page
from app.deployments.repository import active_of_team
from app.deployments.schemas import kind_name_of
from app.kit.clock import to_text
from app.models.deployment_status import DeploymentStatus
from app.models.server import Server
from app.pages.history import Wanted, find_deployments
from app.pages.rendering import render
from app.pages.signed_in import Looking, Visitor
from app.postgres import ReadSession
from app.projects.repository import ProjectRepository
from app.servers.repository import ServerRepository

router = APIRouter()

SHOWN = 20
_MOST_LAST_LINES = 10
"""The last line is looked up for so many that run: each is a statement, and the page asks every two seconds."""


def _wanted(
    status: Annotated[str, Query(max_length=32)] = "",
    server: Annotated[str, Query(max_length=32)] = "",
    project: Annotated[str, Query(max_length=32)] = "",
    kind: Annotated[str, Query(max_length=16)] = "",
    text: Annotated[str, Query(max_length=100)] = "",
) -> Wanted:
    return Wanted(status, server, project, kind, text.strip())


Filters = Annotated[Wanted, Depends(_wanted)]
Before = Annotated[datetime | None, Query(description="Only what was made before.")]


@router.get("/")
async def show_overview(
    request: Request, session: ReadSession, visitor: Looking, wanted: Filters, before: Before = None
) -> Response:
    """Show the overview; asked for by itself every two seconds, the parts of it that change."""
    facts = await _facts(session, visitor, wanted, before)
    if request.headers.get("hx-target") == "live":
        return render(request, "overview_live.html", visitor, **facts)
    projects = await ProjectRepository(session).of_team(visitor.caller.team_id)
    return render(request, "overview.html", visitor, projects=projects, statuses=list(DeploymentStatus), **facts)


async def _facts(session: AsyncSession, visitor: Visitor, wanted: Wanted, before: datetime | None) -> dict[str, Any]:
    caller = visitor.caller
    rows = sorted(await active_of_team(session, caller.team_id), key=lambda row: row.status == DeploymentStatus.QUEUED)
    deployments = await find_deployments(session, caller, wanted, take=SHOWN + 1, before=before)
    shown, is_more = deployments[:SHOWN], len(deployments) > SHOWN
    return {
        "active": await present(session, caller, rows, include_logs=False),
        "last_lines": await _last_lines(session, rows) if visitor.can("read:sensitive") else {},
        "deployments": shown,
        "older": to_text(shown[-1].created_at) if is_more else None,
        "servers": loads(await ServerRepository(session).of_team(caller.team_id), rows),
        "wanted": wanted,
        "before": before,
    }


def loads(servers: Sequence[Server], active: Sequence[AnyQueue]) -> list[dict[str, Any]]:
    """Return each server with how many deployments run and wait on it."""
    return [
        {
            "server": server,
            "running": sum(row.server_uuid == server.uuid and row.status == "in_progress" for row in active),
            "queued": sum(row.server_uuid == server.uuid and row.status == "queued" for row in active),
        }
        for server in servers
    ]


async def _last_lines(session: AsyncSession, rows: Sequence[AnyQueue]) -> dict[str, str]:
    """Return {deployment uuid: its newest line} of those that run: while images are pulled, how far they are."""
    found: dict[str, str] = {}
    for row in [row for row in rows if row.status == "in_progress" and row.log_count][:_MOST_LAST_LINES]:
        kind = kind_named(kind_name_of(row))
        page = await read_page(session, kind, row.id, after=row.log_count - 1, limit=1)
        if page is not None and page.entries and not page.entries[-1]["hidden"]:
            found[row.deployment_uuid] = page.entries[-1]["output"].strip()
    return found
