"""How many requests a token may make in a minute: counted in Redis; while that is away, everyone may go on."""

import time

from fastapi import Request

from app.errors import TooManyRequests

_WINDOW_SECONDS = 60
SIGN_INS = 10
"""How often one address may try to sign in to the pages in a minute."""


async def count_request(request: Request, token_id: int) -> None:
    """Count a request, leave its `X-RateLimit-…` headers for the answer, and raise TooManyRequests for one too many."""
    limit: int = request.app.state.settings.rate_limit
    if not limit:
        return
    now = int(time.time())
    window = now // _WINDOW_SECONDS
    count = await request.app.state.waker.count_request(token_id, window)
    if count is None:
        return
    reset = (window + 1) * _WINDOW_SECONDS
    request.state.answer_headers = {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(max(0, limit - count)),
        "X-RateLimit-Reset": str(reset),
    }
    if count > limit:
        raise TooManyRequests(reset - now)


async def count_sign_in(request: Request) -> None:
    """Count an attempt to sign in to the pages; raise TooManyRequests for one too many from the same address."""
    now = int(time.time())
    window = now // _WINDOW_SECONDS
    address = request.client.host if request.client is not None else ""
    count = await request.app.state.waker.count_request(f"sign-in:{address}", window)
    if count is not None and count > SIGN_INS:
        raise TooManyRequests((window + 1) * _WINDOW_SECONDS - now)
