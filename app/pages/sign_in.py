"""Signing in with an API token or a one-time link, and out again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import caller_behind, demand
from app.auth.repository import KnownToken
from app.auth.sign_in_limit import count_sign_in
from app.auth.tokens import find_token
from app.auth.web_sessions import COOKIE, SESSION_LIFE, end_session, open_session, redeem_link
from app.errors import AppError, Unauthenticated
from app.pages.rendering import redirect, render
from app.pages.signed_in import acting, check_origin
from app.postgres import Session

router = APIRouter()

Next = Annotated[str, Query(max_length=2000)]
_NOT_GOOD = "This is not a token that is good now: it may be mistyped, revoked or expired."
_NO_LINK = "This link has been used already, or is older than five minutes. `shiplog open` makes another one."


@router.get("/sign-in")
async def show_form(request: Request, next: Next = "/", ended: bool = False) -> Response:  # noqa: A002 - the query's name
    """Show the form for a token."""
    return _form(request, next, ended=ended)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    session: Session,
    token: Annotated[str, Form(max_length=200)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002
) -> Response:
    """Sign in with a token."""
    check_origin(request)
    try:
        await count_sign_in(request)
        known = await find_token(session, token.strip())
        return await _open(request, session, _id_of(known), next)
    except AppError as error:
        message = _NOT_GOOD if isinstance(error, Unauthenticated) else error.message
        return _form(request, next, problem=message, status_code=error.status_code)


@router.get("/sign-in/link")
async def show_link(request: Request, code: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Show one button: whatever looks at a link before a person does must not use it up."""
    return render(request, "sign_in_link.html", code=code, problem=None)


@router.post("/sign-in/link")
async def use_link(request: Request, session: Session, code: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Sign in with a one-time link."""
    check_origin(request)
    try:
        await count_sign_in(request)
        return await _open(request, session, await redeem_link(session, code), "/")
    except AppError as error:
        message = _NO_LINK if isinstance(error, Unauthenticated) else error.message
        return render(request, "sign_in_link.html", status_code=error.status_code, code=None, problem=message)


@router.post("/sign-out", dependencies=[Depends(acting)])
async def sign_out(request: Request, session: Session) -> Response:
    """End this browser's session."""
    await end_session(session, request.cookies[COOKIE])
    answer = redirect(request, "/sign-in")
    answer.delete_cookie(COOKIE, path=_path(request), httponly=True, samesite="lax")
    return answer


async def _open(request: Request, session: AsyncSession, token_id: int | None, wanted: str) -> Response:
    if token_id is None:
        raise Unauthenticated
    caller = await caller_behind(session, token_id)
    demand(caller, "read")
    request.state.token_id = token_id
    secret = await open_session(session, token_id)
    answer = redirect(request, _inside(wanted))
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=int(SESSION_LIFE.total_seconds()),
        path=_path(request),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


def _id_of(known: KnownToken | None) -> int | None:
    return None if known is None else known.id


def _form(
    request: Request, wanted: str, *, ended: bool = False, problem: str | None = None, status_code: int = 200
) -> Response:
    return render(
        request, "sign_in.html", status_code=status_code, wanted=_inside(wanted), ended=ended, problem=problem
    )


def _inside(wanted: str) -> str:
    """Return a path of ours: what begins with two slashes, or a backslash, is another host to a browser."""
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if is_ours and not wanted.startswith("/sign-") else "/"


def _path(request: Request) -> str:
    return f"{request.scope.get('root_path', '').rstrip('/')}/"
