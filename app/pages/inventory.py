"""Lists: resources, servers, projects."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.deployments.repository import active_of_team
from app.errors import NotFound
from app.pages.catalogue import resources_of
from app.pages.overview import loads
from app.pages.rendering import render
from app.pages.signed_in import Looking
from app.postgres import ReadSession
from app.projects.repository import ProjectRepository
from app.servers.repository import ServerRepository

router = APIRouter()

Text = Annotated[str, Query(max_length=100)]


@router.get("/resources")
async def show_resources(request: Request, session: ReadSession, visitor: Looking, text: Text = "") -> Response:
    """List services and databases."""
    every = await resources_of(session, visitor.caller.team_id)
    word = text.strip().casefold()
    found = [
        one for one in every if word in f"{one.name} {one.type_name} {one.project_name} {one.server_name}".casefold()
    ]
    return render(request, "resources.html", visitor, resources=found, text=text, is_empty=not every)


@router.get("/servers")
async def show_servers(request: Request, session: ReadSession, visitor: Looking) -> Response:
    """List servers with how they are and what waits for them."""
    team_id = visitor.caller.team_id
    servers = loads(await ServerRepository(session).of_team(team_id), await active_of_team(session, team_id))
    return render(request, "servers.html", visitor, servers=servers)


@router.get("/servers/{uuid}")
async def show_server(request: Request, session: ReadSession, visitor: Looking, uuid: str) -> Response:
    """Show a server with what its last validation found and what lives on it."""
    team_id = visitor.caller.team_id
    server = await ServerRepository(session).get(team_id, uuid)
    if server is None:
        raise NotFound("Server not found.")
    (load,) = loads([server], await active_of_team(session, team_id))
    resources = [one for one in await resources_of(session, team_id) if one.server_uuid == uuid]
    return render(request, "server.html", visitor, server=server, load=load, resources=resources)


@router.get("/projects")
async def show_projects(request: Request, session: ReadSession, visitor: Looking) -> Response:
    """List projects, their environments and what lives in them."""
    team_id = visitor.caller.team_id
    projects = await ProjectRepository(session).of_team(team_id)
    full = [await ProjectRepository(session).get(team_id, one.uuid) for one in projects]
    resources = await resources_of(session, team_id)
    return render(request, "projects.html", visitor, projects=[one for one in full if one], resources=resources)
