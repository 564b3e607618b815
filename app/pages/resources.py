"""One service or database: how it is, what happened to it, and what can be done with it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.compose_services.repository import ServiceRepository
from app.databases.lookup import find_database
from app.databases.presenting import urls_of
from app.databases.registry import definition_of
from app.deployments.presenting import present
from app.deployments.repository import repositories
from app.errors import Forbidden, NotFound
from app.kit.clock import to_text
from app.models.resource import DeployableMixin
from app.models.service import Service
from app.models.standalone.columns import StandaloneMixin
from app.operations.repository import OperationRepository
from app.pages.catalogue import listed
from app.pages.rendering import render
from app.pages.signed_in import Looking, Visitor
from app.postgres import ReadSession
from app.projects.repository import VariableRepository

router = APIRouter()

SHOWN = 10

Word = Literal["service", "database"]
Before = Annotated[datetime | None, Query(description="Only what was made before.")]


@router.get("/services/{uuid}")
async def show_service(
    request: Request, session: ReadSession, visitor: Looking, uuid: str, before: Before = None
) -> Response:
    """Show a service."""
    return await _page(request, session, visitor, await find_resource(session, visitor, "service", uuid), before=before)


@router.get("/databases/{uuid}")
async def show_database(
    request: Request, session: ReadSession, visitor: Looking, uuid: str, before: Before = None
) -> Response:
    """Show a database."""
    return await _page(
        request, session, visitor, await find_resource(session, visitor, "database", uuid), before=before
    )


# The audit log tells a look at secrets by the name of the API's operation that shows them.
@router.get("/services/{uuid}/variables", operation_id="list-envs-by-service-uuid")
async def show_service_variables(request: Request, session: ReadSession, visitor: Looking, uuid: str) -> Response:
    """Show a service with the values of its variables."""
    return await _with_secrets(request, session, visitor, "service", uuid, "variables")


@router.get("/databases/{uuid}/variables", operation_id="list-envs-by-database-uuid")
async def show_database_variables(request: Request, session: ReadSession, visitor: Looking, uuid: str) -> Response:
    """Show a database with the values of its variables."""
    return await _with_secrets(request, session, visitor, "database", uuid, "variables")


@router.get("/databases/{uuid}/connection", operation_id="get-database-by-uuid")
async def show_connection(request: Request, session: ReadSession, visitor: Looking, uuid: str) -> Response:
    """Show a database with its URLs."""
    return await _with_secrets(request, session, visitor, "database", uuid, "connection")


async def find_resource(session: AsyncSession, visitor: Visitor, word: Word, uuid: str) -> DeployableMixin:
    """Return the service or database of the visitor's team; raise NotFound for any other."""
    team_id = visitor.caller.team_id
    resource: DeployableMixin | None
    if word == "service":
        resource = await ServiceRepository(session).get(team_id, uuid)
    else:
        resource = await find_database(session, team_id, uuid)
    if resource is None:
        raise NotFound(f"{word.capitalize()} not found.")
    return resource


async def _with_secrets(
    request: Request, session: AsyncSession, visitor: Visitor, word: Word, uuid: str, show: str
) -> Response:
    if not visitor.can("read:sensitive"):
        raise Forbidden("Missing required permissions: read:sensitive")
    return await _page(request, session, visitor, await find_resource(session, visitor, word, uuid), show=show)


async def _page(
    request: Request,
    session: AsyncSession,
    visitor: Visitor,
    resource: DeployableMixin,
    *,
    show: str | None = None,
    before: datetime | None = None,
) -> Response:
    urls = urls_of(resource, resource.server.ip) if isinstance(resource, StandaloneMixin) else {}
    operations = await OperationRepository(session).of_resource(visitor.caller.team_id, resource.uuid, skip=0, take=1)
    return render(
        request,
        "resource.html",
        visitor,
        resource=listed(resource),
        description=resource.description,
        containers=resource.containers if isinstance(resource, Service) else [],
        facts=_facts(resource),
        url_names=list(urls),
        urls=urls if show == "connection" else {},
        variables=await VariableRepository(session).of_resource(resource),
        shows_values=show == "variables",
        operation=next((one for one in operations if one.status in {"queued", "in_progress"}), None),
        **await _history(session, visitor, resource, before),
    )


async def _history(
    session: AsyncSession, visitor: Visitor, resource: DeployableMixin, before: datetime | None
) -> dict[str, Any]:
    services, databases = repositories(session)
    repository: Any = services if isinstance(resource, Service) else databases
    model = repository.model
    if isinstance(resource, Service):
        of_resource = [model.service_id == resource.id]
    else:
        of_resource = [model.database_id == str(resource.id), model.database_type == resource.resource_type]
    if before is not None:
        of_resource.append(model.created_at < before)
    rows = await repository.history(visitor.caller.team_id, *of_resource, take=SHOWN + 1)
    shown = await present(session, visitor.caller, rows[:SHOWN], include_logs=False)
    older = to_text(shown[-1].created_at) if len(rows) > SHOWN else None
    return {"deployments": shown, "older": older, "before": before, "longest": _longest(shown)}


def _longest(deployments: list[Any]) -> int:
    return max((one.duration_ms or 0 for one in deployments), default=0) or 1


def _facts(resource: DeployableMixin) -> dict[str, str]:
    if not isinstance(resource, StandaloneMixin):
        return {}
    public = f"port {resource.public_port}" if resource.is_public and resource.public_port else "no"
    return {"Type": definition_of(resource.resource_type).title, "Image": resource.image, "Public": public}
