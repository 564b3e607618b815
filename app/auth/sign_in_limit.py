"""How often one address may try to sign in to the pages: counted in Redis; while that is away, everyone may."""

import time

from fastapi import Request

from app.errors import TooManyRequests

_WINDOW_SECONDS = 60
SIGN_INS = 10
"""Attempts in a minute."""


async def count_sign_in(request: Request) -> None:
    """Count an attempt; raise TooManyRequests for one too many from the same address."""
    now = int(time.time())
    window = now // _WINDOW_SECONDS
    address = request.client.host if request.client is not None else ""
    count = await request.app.state.waker.count_requests(f"sign-in:{address}", window, 1)
    if count is not None and count > SIGN_INS:
        raise TooManyRequests((window + 1) * _WINDOW_SECONDS - now)
