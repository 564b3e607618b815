"""One-time links into the pages: for a browser on the machine where a token is kept already."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from app.auth.dependencies import Caller, require
from app.auth.web_sessions import make_link
from app.errors import answers
from app.kit.schema import ResponseSchema, Timestamp
from app.postgres import Session

router = APIRouter(tags=["Teams"])


class SignInLinkAnswer(ResponseSchema):
    """A link that signs one browser in."""

    path: str = Field(
        description="Where it leads, behind the address at which Shiplog is reached.",
        examples=["/sign-in/link?code=8wY0GkCqOQ6uT1oLZ2rVnB4xJ7aHs3dEfMpKiNcWbyU"],
    )
    expires_at: Timestamp


@router.post(
    "/sign-in-links",
    operation_id="create-sign-in-link",
    summary="Make a one-time link into the pages",
    status_code=201,
    responses=answers(401, 403),
)
async def create_sign_in_link(
    session: Session, caller: Annotated[Caller, Depends(require("read"))]
) -> SignInLinkAnswer:
    """It signs a browser in on behalf of this token: once, within five minutes. `shiplog open` opens it."""
    code, expires_at = await make_link(session, caller.token_id)
    return SignInLinkAnswer(path=f"/sign-in/link?code={code}", expires_at=expires_at)
