"""What the buttons of a deployment's page do: cancel it, or deploy its resource again. The API's own endpoints do it."""

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import demand
from app.deployments.cancelling import cancel_deployment
from app.deployments.deploying import deploy
from app.deployments.idempotency import Once
from app.deployments.schemas import DeployRequest
from app.pages.deployment import find_deployment, page_of
from app.pages.notices import Notice
from app.pages.rendering import redirect, render
from app.pages.signed_in import Acting, Looking, Visitor
from app.postgres import ReadSession, Session

router = APIRouter(prefix="/deployments/{uuid}")


@router.get("/cancel")
async def ask_to_cancel(request: Request, session: ReadSession, visitor: Looking, uuid: str) -> Response:
    """Ask before a cancel, without JavaScript."""
    return await _ask(request, session, visitor, uuid, "cancel")


@router.get("/again")
async def ask_to_deploy(request: Request, session: ReadSession, visitor: Looking, uuid: str) -> Response:
    """Ask before a deployment, without JavaScript."""
    return await _ask(request, session, visitor, uuid, "again")


@router.post("/cancel")
async def cancel(request: Request, session: Session, once: Once, visitor: Acting, uuid: str) -> Response:
    """Cancel the deployment."""
    demand(visitor.caller, "deploy")
    _, row = await find_deployment(session, visitor, uuid)
    path = page_of(row)
    done = await cancel_deployment(once, session, visitor.caller, uuid)
    answer = redirect(request, path)
    Notice("good", done.message).leave(request, answer)
    return answer


@router.post("/again")
async def deploy_again(request: Request, session: Session, once: Once, visitor: Acting, uuid: str) -> Response:
    """Deploy the same resource as it is configured now, and lead to that deployment."""
    demand(visitor.caller, "deploy")
    _, row = await find_deployment(session, visitor, uuid)
    made = await deploy(once, session, visitor.caller, DeployRequest(uuid=row.resource_uuid), None)
    (item,) = made.deployments
    answer = redirect(request, f"/deployments/{item.deployment_uuid}")
    Notice("good", item.message).leave(request, answer)
    return answer


async def _ask(request: Request, session: AsyncSession, visitor: Visitor, uuid: str, action: str) -> Response:
    _, row = await find_deployment(session, visitor, uuid)
    return render(request, "deployment_ask.html", visitor, row=row, action=action, page=page_of(row))
