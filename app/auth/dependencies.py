"""Who is calling, and whether they may: `Annotated[Caller, Depends(require("read"))]`."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.base import SecurityBase
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.rate_limit import count_request
from app.auth.repository import KnownToken, TokenRepository, known_token
from app.auth.tokens import parse_token
from app.auth.web_sessions import COOKIE, token_of_session
from app.errors import Forbidden, Unauthenticated
from app.lookups import Lookup
from app.models.team import TeamRole
from app.postgres import transaction

_IMPLIED = {"read:sensitive": frozenset({"read:sensitive", "read"})}
_FOR_MEMBERS = frozenset({"read"})

_KNOWN_TOKEN = Lookup(known_token())
_FACTS = len(fields(KnownToken))
"""So many columns of a row are the token's; what is looked up beside it comes behind them."""

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


class _Requirement(SecurityBase):
    """The scheme of `bearer` together with what the token must be able to do: one dependency instead of four in turn."""

    model = bearer.model
    scheme_name = bearer.scheme_name

    def __init__(self, abilities: tuple[str, ...]) -> None:
        self._abilities = abilities

    async def __call__(self, request: Request) -> Caller:
        caller = await authenticate(await identify(request, await bearer(request)))
        demand(caller, *self._abilities)
        return caller


def require(*abilities: str) -> Callable[..., Awaitable[Caller]]:
    """Return a dependency that gives the caller, or 401 and 403 for one without any of `abilities`."""
    return _Requirement(abilities)


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
    return (await _identify_beside(request, credentials, _KNOWN_TOKEN))[0]


async def authenticate(caller: Annotated[Caller, Depends(identify)]) -> Caller:
    """Return whom the request's token speaks for; raise Forbidden while its team's API is switched off."""
    if not caller.may_use_api:
        raise Forbidden("API is disabled.", success=True)
    return caller


async def authenticate_beside(
    request: Request, credentials: HTTPAuthorizationCredentials | None, lookup: Lookup, **values: Any
) -> tuple[Caller, Sequence[Any]]:
    """As `authenticate`, and in the same statement what is looked up beside the token (`known_token`): its columns.

    A token that has been revoked is refused by the very statement that would have found something for it.
    """
    if credentials is not None:
        caller, found = await _identify_beside(request, credentials, lookup, **values)
        return await authenticate(caller), found
    caller = await authenticate(await authenticate_browser(request))
    row = await request.app.state.lookups.one(lookup, token_id=caller.token_id, **values)
    if row is None:
        raise Unauthenticated
    return caller, row[_FACTS:]


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


async def _identify_beside(
    request: Request, credentials: HTTPAuthorizationCredentials, lookup: Lookup, **values: Any
) -> tuple[Caller, Sequence[Any]]:
    token = parse_token(credentials.credentials)
    if token is None:
        raise Unauthenticated
    row = await request.app.state.lookups.one(lookup, token_id=token.id, **values)
    known = None if row is None else KnownToken(*row[:_FACTS])
    if row is None or known is None or known.is_expired or not token.belongs_to(known):
        raise Unauthenticated
    caller = _caller(known)
    if known.is_long_unused:
        # A transaction of its own: the note of the last use is kept when the request fails.
        async with transaction(request.app.state.readers) as session:
            await TokenRepository(session).mark_used(caller.token_id)
    request.state.token_id = caller.token_id
    await count_request(request, caller.token_id)
    return caller, row[_FACTS:]


def _caller(known: KnownToken) -> Caller:
    if known.role is None:
        raise Unauthenticated("Invalid token.")
    caller = Caller(
        token_id=known.id,
        team_id=known.team_id,
        user_id=known.user_id,
        name=known.user_name,
        role=TeamRole(known.role),
        abilities=frozenset(known.abilities),
        may_use_api=known.is_api_enabled,
    )
    if caller.role is TeamRole.MEMBER and not caller.abilities <= _FOR_MEMBERS:
        raise Forbidden("Missing required team role.")
    return caller
