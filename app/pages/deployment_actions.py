"""What the buttons of a deployment do, by the API's own endpoints: cancel it, deploy its resource again, roll back to it."""

from typing import Literal

from fastapi import APIRouter, Request, Response

from app.auth.dependencies import demand
from app.deployments.cancelling import cancel_deployment
from app.deployments.deploying import deploy
from app.deployments.idempotency import Once
from app.deployments.repository import found_of_team
from app.deployments.rollback_endpoints import RollbackOptions, roll_back
from app.deployments.schemas import DeployQuery
from app.pages.deployment import page_of
from app.pages.notices import Notice
from app.pages.rendering import redirect, render
from app.pages.signed_in import Acting, Looking
from app.postgres import ReadSession, Session

router = APIRouter(prefix="/deployments/{uuid}")


@router.get("/{action}")
async def ask(
    request: Request, session: ReadSession, visitor: Looking, uuid: str, action: Literal["cancel", "again", "rollback"]
) -> Response:
    """Ask before an action, without JavaScript."""
    _, row = await found_of_team(session, visitor.caller.team_id, uuid)
    return render(request, "deployment_ask.html", visitor, row=row, action=action, page=page_of(row))


@router.post("/cancel")
async def cancel(request: Request, session: Session, once: Once, visitor: Acting, uuid: str) -> Response:
    """Cancel the deployment."""
    demand(visitor.caller, "deploy")
    _, row = await found_of_team(session, visitor.caller.team_id, uuid)
    path = page_of(row)
    done = await cancel_deployment(once, session, visitor.caller, uuid)
    answer = redirect(request, path)
    Notice("good", done.message).leave(request, answer)
    return answer


@router.post("/again")
async def deploy_again(request: Request, session: Session, once: Once, visitor: Acting, uuid: str) -> Response:
    """Deploy the same resource as it is configured now, and lead to that deployment."""
    demand(visitor.caller, "deploy")
    _, row = await found_of_team(session, visitor.caller.team_id, uuid)
    made = await deploy(once, session, visitor.caller, DeployQuery(uuid=row.resource_uuid), None)
    (item,) = made.deployments
    answer = redirect(request, f"/deployments/{item.deployment_uuid}")
    Notice("good", item.message).leave(request, answer)
    return answer


@router.post("/rollback")
async def roll_back_here(request: Request, session: Session, once: Once, visitor: Acting, uuid: str) -> Response:
    """Deploy again what this deployment deployed, and lead to that deployment."""
    demand(visitor.caller, "deploy")
    made = await roll_back(request, once, session, visitor.caller, uuid, RollbackOptions())
    answer = redirect(request, f"/deployments/{made.deployment_uuid}")
    Notice("good", " ".join([made.message, *made.notes])).leave(request, answer)
    return answer
