"""How many requests a token may make in a minute: counted in Redis; while that is away, everyone may go on."""

import time

from fastapi import Request

from app.errors import TooManyRequests

_WINDOW_SECONDS = 60


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
