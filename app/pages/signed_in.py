"""Who looks at a page, and whether a form is really theirs: `visitor: Looking` to show, `visitor: Acting` to do."""

import hmac
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from app.auth.dependencies import Caller, caller_of_cookie, demand
from app.auth.web_sessions import COOKIE, csrf_of
from app.errors import Forbidden, Unauthenticated


@dataclass(frozen=True)
class Visitor:
    """Whom a signed-in browser speaks for, and what its forms carry."""

    caller: Caller
    csrf: str

    def can(self, ability: str) -> bool:
        """Return whether the token behind the sign-in has an ability."""
        if ability == "read:sensitive":
            return self.caller.can_read_sensitive
        return self.caller.can(ability)


async def _looking(request: Request) -> Visitor:
    visitor = await _signed_in(request)
    demand(visitor.caller, "read")
    return visitor


async def acting(request: Request) -> Visitor:
    """Return who sends a form; raise Forbidden for one that is not from a page of this sign-in."""
    visitor = await _signed_in(request)
    check_origin(request)
    given = request.headers.get("x-csrf-token") or (await request.form()).get("csrf")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), visitor.csrf.encode()):
        raise Forbidden("This form is of another sign-in. Load the page again, then repeat it.")
    return visitor


async def _signed_in(request: Request) -> Visitor:
    secret = request.cookies.get(COOKIE)
    if not secret:
        raise Unauthenticated
    return Visitor(await caller_of_cookie(request, secret), csrf_of(secret))


def check_origin(request: Request) -> None:
    """Raise Forbidden for a form that another site sends.

    `Sec-Fetch-Site` cannot be wrong about it; where a browser does not send it, which is over plain HTTP, `Origin` is
    compared with `Host`.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise Forbidden("This form comes from another site.")
        return
    origin = request.headers.get("origin")
    if origin is None or urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("This form comes from another site, or the proxy in front of Shiplog does not pass on `Host`.")


Looking = Annotated[Visitor, Depends(_looking)]
Acting = Annotated[Visitor, Depends(acting)]
