"""One deployment: what it does or did, why it failed, and its log."""

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import AnyQueue, Kind
from app.deployments.log_search import Choice, TextStyle, find_last
from app.deployments.presenting import present
from app.deployments.reading import LogPage, read_page
from app.deployments.repository import found_of_team
from app.deployments.schemas import kind_name_of
from app.models.deployment_status import DeploymentStatus
from app.models.service_deployment_queue import ServiceDeploymentQueue
from app.pages.deployment_failure import READ, explain
from app.pages.deployment_steps import step_bars
from app.pages.rendering import redirect, render
from app.pages.signed_in import Looking, Visitor
from app.postgres import ReadSession

router = APIRouter()

STATIC_LINES = 200
"""So much of a log's end is in the page itself: what is seen first, and all that is seen without JavaScript."""


@router.get("/deployments/{uuid}")
async def show_by_uuid(request: Request, session: ReadSession, visitor: Looking, uuid: str) -> Response:
    """Lead to the page of a deployment of either kind."""
    _, row = await found_of_team(session, visitor.caller.team_id, uuid)
    return redirect(request, page_of(row))


@router.get("/services/{resource_uuid}/deployment/{uuid}")
@router.get("/databases/{resource_uuid}/deployment/{uuid}")
async def show_deployment(request: Request, session: ReadSession, visitor: Looking, uuid: str) -> Response:
    """Show a deployment; its path is the `deployment_url` that the API answers."""
    kind, row = await found_of_team(session, visitor.caller.team_id, uuid)
    facts = await _facts(session, visitor, kind, row)
    entries = await _last_entries(session, kind, row, STATIC_LINES) if visitor.can("read:sensitive") else []
    text = "".join(map(TextStyle(ansi=False).render, entries))
    return render(request, "deployment.html", visitor, text=text, **facts)


@router.get("/deployments/{uuid}/state")
async def show_state(request: Request, session: ReadSession, visitor: Looking, uuid: str) -> Response:
    """Show the parts of the page that change while it runs."""
    kind, row = await found_of_team(session, visitor.caller.team_id, uuid)
    return render(request, "deployment_state.html", visitor, **await _facts(session, visitor, kind, row))


def page_of(row: AnyQueue) -> str:
    """Return the path of a deployment's page: its `deployment_url`, which a row made by hand may lack."""
    return row.deployment_url or f"/{kind_name_of(row)}s/{row.resource_uuid}/deployment/{row.deployment_uuid}"


def name_of(row: AnyQueue) -> str:
    """Return the name that the resource had."""
    return row.service_name if isinstance(row, ServiceDeploymentQueue) else row.database_name


async def _facts(session: AsyncSession, visitor: Visitor, kind: Kind, row: AnyQueue) -> dict[str, Any]:
    deployment = (await present(session, visitor.caller, [row], include_logs=False))[0]
    failure = None
    if deployment.status is DeploymentStatus.FAILED:
        entries = await _last_entries(session, kind, row, READ) if visitor.can("read:sensitive") else []
        failure = explain(deployment.failure_reason or "The deployment failed.", entries)
    return {
        "deployment": deployment,
        "name": name_of(row),
        "steps": step_bars(deployment),
        "failure": failure,
        "is_live": not deployment.status.is_final,
    }


async def _last_entries(session: AsyncSession, kind: Kind, row: AnyQueue, count: int) -> list[dict[str, Any]]:
    async def read(after: int, limit: int) -> LogPage | None:
        return await read_page(session, kind, row.id, after=after, limit=limit)

    return await find_last(read, Choice(), after=0, count=row.log_count, tail=count)
