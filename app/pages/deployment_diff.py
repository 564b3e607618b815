"""What a deployment changed against the one before: in a few words, as tables and as coloured text."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse

from app.auth.dependencies import demand
from app.deployments.diff_endpoints import diff_of
from app.deployments.diff_schemas import DiffAnswer
from app.deployments.repository import found_of_team
from app.errors import Conflict
from app.pages.deployment import name_of, page_of
from app.pages.rendering import HEADERS, render
from app.pages.signed_in import Looking
from app.postgres import ReadSession

router = APIRouter(prefix="/deployments/{uuid}")

_LOOKS = (("+++", "head"), ("---", "head"), ("@@", "place"), ("+", "added"), ("-", "removed"))


@router.get("/diff")
async def show_diff(
    request: Request,
    session: ReadSession,
    visitor: Looking,
    uuid: str,
    against: Annotated[str | None, Query(max_length=24)] = None,
) -> Response:
    """Show what changed."""
    demand(visitor.caller, "read:sensitive")
    _, row = await found_of_team(session, visitor.caller.team_id, uuid)
    diff = await diff_of(request, session, visitor.caller, uuid, against or None)
    return render(
        request,
        "deployment_diff.html",
        visitor,
        diff=diff,
        row=row,
        name=name_of(row),
        page=page_of(row),
        lines=diff_lines(diff.text),
    )


@router.get("/changes")
async def show_changes(request: Request, session: ReadSession, visitor: Looking, uuid: str) -> Response:
    """Show in a few words what changed, for a table; nothing where it cannot be said."""
    demand(visitor.caller, "read:sensitive")
    await found_of_team(session, visitor.caller.team_id, uuid)
    try:
        diff = await diff_of(request, session, visitor.caller, uuid)
    except Conflict:
        return Response(status_code=204, headers=HEADERS)
    return PlainTextResponse(summary(diff), headers=HEADERS)


def summary(diff: DiffAnswer) -> str:
    """Return what changed in a few words, such as `image, 2 variables`."""
    if diff.against is None:
        return "first one"
    counts = {
        "image": len(diff.images),
        "variable": len(diff.variables),
        "setting": len(diff.fields),
        "login": len(diff.logins),
        "Compose service": len(diff.compose_services),
    }
    words = [name if count == 1 else f"{count} {name}s" for name, count in counts.items() if count]
    return ", ".join(words) or ("Compose file" if diff.text else "nothing")


def diff_lines(text: str) -> Sequence[tuple[str, str]]:
    """Return the lines of a unified diff, each behind what it is: head, place, added, removed or same."""
    return [
        (next((look for sign, look in _LOOKS if line.startswith(sign)), "same"), line) for line in text.splitlines()
    ]
