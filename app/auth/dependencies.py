"""Who is calling, and whether they may: `Annotated[Caller, Depends(require("read"))]`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.rate_limit import count_request
from app.auth.repository import KnownToken, TokenRepository
from app.auth.tokens import find_token
from app.auth.web_sessions import COOKIE, token_of_session
from app.errors import Forbidden, Unauthenticated
from app.models.team import TeamRole
from app.postgres import transaction

_IMPLIED = {"read:sensitive": frozenset({"read:sensitive", "read"})}
_FOR_MEMBERS = frozenset({"read"})

bearer = HTTPBearer(
    scheme_name="bearer",
    bearerFormat="{id}|{secret}",
    description="A team's API token. `shiplog init` prints the first one.",
    auto_error=False,
)


@dataclass(frozen=True)
class Caller:
    """Whom a token, or a browser signed in with one, speaks for; every look-up of a request stays inside `team_id`."""

    token_id: int
    team_id: int
    user_id: int
    name: str
    role: TeamRole
    abilities: frozenset[str]
    is_browser: bool = False
    may_use_api: bool = True
    """False while the team has switched its API off; a browser goes on."""

    def can(self, ability: str) -> bool:
        """Return whether the token has an ability; `root` has all, `read:sensitive` includes `read`."""
        if "root" in self.abilities:
            return True
        return any(ability in _IMPLIED.get(own, {own}) for own in self.abilities)

    @property
    def can_read_sensitive(self) -> bool:
        """Whether logs and secrets may be shown: the ability, and an owner or admin behind it."""
        return self.role is not TeamRole.MEMBER and self.can("read:sensitive")


def require(*abilities: str) -> Callable[..., Awaitable[Caller]]:
    """Return a dependency that gives the caller, or 401 and 403 for one without any of `abilities`."""

    async def authorize(caller: Annotated[Caller, Depends(authenticate)]) -> Caller:
        demand(caller, *abilities)
        return caller

    return authorize


def demand(caller: Caller, *abilities: str) -> None:
    """Raise Forbidden for a caller without any of `abilities`."""
    if not any(caller.can(ability) for ability in abilities):
        raise Forbidden(f"Missing required permissions: {', '.join(abilities)}")


async def identify(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Caller:
    """Return whom the request's token speaks for, its team's API switched off or not; raise Unauthenticated without one."""
    if credentials is None:
        return await authenticate_browser(request)
    # A session of its own: the note of the last use is kept when the request fails, and neither it nor a
    # connection is held while the request goes on, which for a followed log may be an hour.
    async with transaction(request.app.state.readers) as session:
        known = await find_token(session, credentials.credentials)
        if known is None or known.is_expired:
            raise Unauthenticated
        caller = _caller(known)
        if known.is_long_unused:
            await TokenRepository(session).mark_used(known.token.id)
    request.state.token_id = caller.token_id
    await count_request(request, caller.token_id)
    return caller


async def authenticate(caller: Annotated[Caller, Depends(identify)]) -> Caller:
    """Return whom the request's token speaks for; raise Forbidden while its team's API is switched off."""
    if not caller.may_use_api:
        raise Forbidden("API is disabled.", success=True)
    return caller


async def authenticate_browser(request: Request) -> Caller:
    """Return whom the request's cookie speaks for; raise Unauthenticated without a good one.

    For reading only: what a browser is to change goes through a form of the pages, which no other site can send.
    """
    secret = request.cookies.get(COOKIE)
    if not secret or request.method not in {"GET", "HEAD"}:
        raise Unauthenticated
    return await caller_of_cookie(request, secret)


async def caller_of_cookie(request: Request, secret: str) -> Caller:
    """Return whom a browser's session speaks for; raise Unauthenticated for one that has ended."""
    async with transaction(request.app.state.readers) as session:
        token_id = await token_of_session(session, secret)
        if token_id is None:
            raise Unauthenticated
        caller = replace(await caller_behind(session, token_id), is_browser=True, may_use_api=True)
    request.state.token_id = caller.token_id
    await count_request(request, caller.token_id)
    return caller


async def caller_behind(session: AsyncSession, token_id: int) -> Caller:
    """Return whom a token speaks for now, for what was given out to it; raise Unauthenticated when it is not good."""
    known = await TokenRepository(session).find(token_id)
    if known is None or known.is_expired:
        raise Unauthenticated
    return _caller(known)


def _caller(known: KnownToken) -> Caller:
    if known.role is None:
        raise Unauthenticated("Invalid token.")
    token = known.token
    caller = Caller(
        token_id=token.id,
        team_id=token.team_id,
        user_id=token.user_id,
        name=known.user_name,
        role=TeamRole(known.role),
        abilities=frozenset(token.abilities),
        may_use_api=known.is_api_enabled,
    )
    if caller.role is TeamRole.MEMBER and not caller.abilities <= _FOR_MEMBERS:
        raise Forbidden("Missing required team role.")
    return caller
