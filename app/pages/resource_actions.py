"""What the buttons of a resource do: deploy, restart, stop, roll back. The API's own endpoints do it."""

from typing import Literal

from fastapi import APIRouter, Request, Response

from app.auth.dependencies import demand
from app.deployments.deploying import deploy, restart_database, restart_service
from app.deployments.idempotency import Once
from app.deployments.schemas import DeployQuery, StartQuery
from app.operations.endpoints import stop_database, stop_service
from app.pages.notices import Notice
from app.pages.rendering import redirect, render
from app.pages.resources import Word, find_resource
from app.pages.signed_in import Acting, Looking
from app.postgres import ReadSession, Session

router = APIRouter()

Action = Literal["deploy", "restart", "stop"]


@router.get("/{word}s/{uuid}/{action}")
async def ask(
    request: Request, session: ReadSession, visitor: Looking, word: Word, uuid: str, action: Action
) -> Response:
    """Ask before an action, without JavaScript."""
    resource = await find_resource(session, visitor, word, uuid)
    return render(request, "resource_ask.html", visitor, resource=resource, word=word, action=action)


@router.post("/{word}s/{uuid}/deploy")
async def deploy_resource(
    request: Request, session: Session, once: Once, visitor: Acting, word: Word, uuid: str
) -> Response:
    """Queue a deployment and lead to its page."""
    demand(visitor.caller, "deploy")
    await find_resource(session, visitor, word, uuid)
    pull = (await request.form()).get("pull") == "1"
    asked = DeployQuery(uuid=uuid, pull_latest_images=pull)
    (item,) = (await deploy(once, session, visitor.caller, asked, None)).deployments
    return _led(request, f"/deployments/{item.deployment_uuid}", item.message)


@router.post("/{word}s/{uuid}/restart")
async def restart_resource(
    request: Request, session: Session, once: Once, visitor: Acting, word: Word, uuid: str
) -> Response:
    """Queue a deployment that makes the containers anew, and lead to its page."""
    demand(visitor.caller, "deploy")
    if word == "service":
        made = await restart_service(once, session, visitor.caller, uuid, StartQuery(), None)
    else:
        made = await restart_database(once, session, visitor.caller, uuid, None)
    return _led(request, f"/deployments/{made.deployment_uuid}", made.message)


@router.post("/{word}s/{uuid}/stop")
async def stop_resource(request: Request, session: Session, visitor: Acting, word: Word, uuid: str) -> Response:
    """Queue a stop."""
    demand(visitor.caller, "deploy")
    stop = stop_service if word == "service" else stop_database
    # Other images of the server are not this button's business, which says that it stops one thing.
    asked = await stop(request, session, visitor.caller, uuid, docker_cleanup=False)
    return _led(request, f"/{word}s/{uuid}", asked.message)


def _led(request: Request, path: str, message: str) -> Response:
    answer = redirect(request, path)
    Notice("good", message).leave(request, answer)
    return answer
